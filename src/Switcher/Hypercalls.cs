using System.Text;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Switcher;

/// <summary>
/// drivers/lguest/hypercalls.c: what <c>int $31</c> at ring 1 asks for. A hypercall answers nothing: registers and flags stay
/// as they are, and a call that cannot be done kills.
/// </summary>
internal sealed unsafe class Hypercalls : IQuickHypercalls
{
    private const int ShutdownStringBytes = 128;

    /// <summary>
    /// Calls that translated code makes without an exit: they change tables and words of the CPU, and nothing that the run loop would
    /// have to see before the next instruction. SET_CLOCKEVENT is not among them: it may be due before the budget is used up.
    /// </summary>
    private const uint Quick =
        (1u << (int)HypercallNumbers.FlushAsync) | (1u << (int)HypercallNumbers.NewPgtable) | (1u << (int)HypercallNumbers.FlushTlb)
        | (1u << (int)HypercallNumbers.SetStack) | (1u << (int)HypercallNumbers.Ts) | (1u << (int)HypercallNumbers.SetPte)
        | (1u << (int)HypercallNumbers.SetPgd) | (1u << (int)HypercallNumbers.LoadTls) | (1u << (int)HypercallNumbers.SendInterrupts);

    private readonly GuestContext _context;
    private readonly InterruptsAndTraps _interrupts;
    private readonly SegmentHypercalls _segments;
    private readonly PageTableHypercalls _pageTables;
    private readonly AsyncRing _ring;
    private readonly Action<HcallArgs> _doHcall;

    /// <summary>A call that is not quick has been made.</summary>
    private bool _wantsExit;

    public Hypercalls(GuestContext context, InterruptsAndTraps interrupts)
    {
        _context = context;
        _interrupts = interrupts;
        _segments = new SegmentHypercalls(context);
        _pageTables = new PageTableHypercalls(context, interrupts);
        _ring = new AsyncRing(context);
        _doHcall = DoHcall;
    }

    public void ExchangeState(StateArchive archive)
    {
        _pageTables.ExchangeState(archive);
        _ring.ExchangeState(archive);
    }

    /// <summary>do_hypercalls: first the ring, then the call in the registers. Eip is past the <c>int</c> already.</summary>
    public void DoHypercalls()
    {
        GuestCpu* cpu = _context.Cpu;
        var args = new HcallArgs(cpu->Gpr[Reg.Eax], cpu->Gpr[Reg.Ebx], cpu->Gpr[Reg.Ecx], cpu->Gpr[Reg.Edx], cpu->Gpr[Reg.Esi]);
        _context.Statistics.CountHypercall(args.Arg0, queued: false);
        if (!_context.Data.Initialised)
        {
            Initialize(args);
            return;
        }

        _ring.DoAsyncHcalls(_doHcall);
        if (_context.IsAlive)
        {
            DoHcall(args);
        }

        _context.Pace?.NotePoint();
    }

    /// <inheritdoc/>
    /// <remarks>The ring may hold any call, not only quick ones; it is all executed before we look whether to leave.</remarks>
    public bool Make()
    {
        _wantsExit = false;
        DoHypercalls();
        return !_wantsExit && _context.IsAlive;
    }

    /// <summary>do_hcall: one call, from the registers or from the ring.</summary>
    private void DoHcall(HcallArgs args)
    {
        GuestCpu* cpu = _context.Cpu;
        _wantsExit |= args.Arg0 >= 32 || (Quick & (1u << (int)args.Arg0)) == 0;
        switch (args.Arg0)
        {
            case HypercallNumbers.FlushAsync:
                // To be called was the point: the ring is empty now.
                break;
            case HypercallNumbers.SendInterrupts:
                // Likewise: the run loop is about to look for interrupts.
                break;
            case HypercallNumbers.LguestInit:
                _context.Kill("already have lguest_data");
                break;
            case HypercallNumbers.Shutdown:
                Shutdown(args.Arg1, args.Arg2);
                break;
            case HypercallNumbers.NewPgtable:
                _pageTables.GuestNewPagetable(args.Arg1);
                break;
            case HypercallNumbers.FlushTlb:
                _pageTables.FlushTlb(args.Arg1);
                break;
            case HypercallNumbers.LoadIdtEntry:
                _interrupts.LoadGuestIdtEntry(args.Arg1, args.Arg2, args.Arg3);
                break;
            case HypercallNumbers.SetStack:
                _interrupts.GuestSetStack(args.Arg1, args.Arg2, args.Arg3);
                break;
            case HypercallNumbers.Ts:
                cpu->Ts = args.Arg1;
                break;
            case HypercallNumbers.SetClockevent:
                _interrupts.GuestSetClockevent(args.Arg1);
                break;
            case HypercallNumbers.Halt:
                cpu->Halted = 1;
                break;
            case HypercallNumbers.SetPte:
                _pageTables.GuestSetPte(args.Arg1, args.Arg2);
                break;
            case HypercallNumbers.SetPgd:
                _pageTables.GuestSetPgd(args.Arg1, args.Arg2);
                break;
            case HypercallNumbers.LoadTls:
                _segments.GuestLoadTls(args.Arg1);
                break;
            case HypercallNumbers.LoadGdtEntry:
                _segments.LoadGuestGdtEntry(args.Arg1, args.Arg2, args.Arg3);
                break;
            case HypercallNumbers.SetPmd:
                _context.Kill($"Bad hypercall {args.Arg0}: {KernelDiagnosis.PaeKernel}");
                break;
            default:
                _context.Kill($"Bad hypercall {(int)args.Arg0}");
                break;
        }
    }

    /// <summary>initialize: the first call of all has to be LGUEST_INIT.</summary>
    private void Initialize(in HcallArgs args)
    {
        if (args.Arg0 != HypercallNumbers.LguestInit)
        {
            _context.Kill($"hypercall {(int)args.Arg0} before INIT");
            return;
        }

        LguestData data = _context.Data;
        if (!_context.Machine.Ram.Contains(args.Arg1, LguestData.Size))
        {
            _context.Kill($"bad guest page {GuestContext.Hex(args.Arg1)}");
            return;
        }

        data.Locate(args.Arg1);
        string badPage = $"bad guest page {GuestContext.Hex(args.Arg1)}";
        if (!data.Write(LguestData.TscKhz, _context.Machine.Clock.TscKhz, badPage))
        {
            return;
        }

        if (!_interrupts.CheckSyscallVector())
        {
            _context.Kill("bad syscall vector");
            return;
        }

        if (!data.TryRead(LguestData.NoirqIret, out uint noirqIret))
        {
            _context.Kill(badPage);
            return;
        }

        _context.Cpu->NoirqIret = noirqIret;
        _context.Cpu->FastCall.Initialised = 1;
        _interrupts.InitDirectTraps();
        if (_interrupts.MayDeliverDirectly)
        {
            _context.Machine.QuickHypercalls = this;
            _context.Cpu->Direct.QuickHypercalls = Quick;
        }

        if (data.WriteTimestamp())
        {
            _pageTables.PageTableGuestDataInit();
        }
    }

    /// <summary>
    /// LHCALL_SHUTDOWN: a string and what to do. lguest calls every string a "CRASH"; we let through the one that Linux says
    /// when all is well. As in the original a restart wins over anything that was wrong with the string.
    /// </summary>
    private void Shutdown(uint physical, uint how)
    {
        if (how == HypercallNumbers.ShutdownRestart)
        {
            _context.Finish(GuestEndKind.Restart, "restart");
            return;
        }

        Span<byte> buffer = stackalloc byte[ShutdownStringBytes];
        if (!_context.Machine.Ram.TryRead(physical, buffer))
        {
            _context.Kill($"bad read address {GuestContext.Hex(physical)} len {ShutdownStringBytes}");
            return;
        }

        // NUL at 127, whatever the Guest had there.
        ReadOnlySpan<byte> text = buffer[..(ShutdownStringBytes - 1)];
        int end = text.IndexOf((byte)0);
        text = end >= 0 ? text[..end] : text;
        if (how == HypercallNumbers.ShutdownPoweroff && text.SequenceEqual("Power down"u8))
        {
            _context.Finish(GuestEndKind.PoweredOff, "Power down");
        }
        else
        {
            _context.Kill($"CRASH: {Printable(text)}");
        }
    }

    /// <summary>The string ends up on somebody's terminal: nothing but printable ASCII gets there unescaped.</summary>
    private static string Printable(ReadOnlySpan<byte> text)
    {
        var printable = new StringBuilder(text.Length);
        foreach (byte b in text)
        {
            _ = b is >= (byte)' ' and <= (byte)'~' ? printable.Append((char)b) : printable.Append($"\\x{b:x2}");
        }

        return printable.ToString();
    }
}
