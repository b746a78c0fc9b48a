using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Reporting;

/// <summary>
/// What is left of a killed Guest, for whoever has to find out why: registers, lguest's own state, the code around eip and
/// the top of the stack. Works on any garbage; it reads and changes nothing.
/// </summary>
internal sealed unsafe class KillReport
{
    private const int StackWords = 16;

    private static readonly string[] SegmentNames = ["es", "cs", "ss", "ds", "fs", "gs"];

    private static readonly (uint Bit, string Name)[] FlagNames =
    [
        (Eflags.Carry, "CF"), (Eflags.Parity, "PF"), (Eflags.Adjust, "AF"), (Eflags.Zero, "ZF"), (Eflags.Sign, "SF"), (Eflags.Trap, "TF"),
        (Eflags.Interrupt, "IF"), (Eflags.Direction, "DF"), (Eflags.Overflow, "OF"), (Eflags.NestedTask, "NT"), (Eflags.AlignmentCheck, "AC"),
        (Eflags.Identification, "ID"),
    ];

    private readonly GuestMachine _machine;
    private readonly GuestCpu* _cpu;
    private readonly SymbolTable _symbols;
    private readonly GuestView _view;

    private KillReport(GuestMachine machine, SymbolTable symbols)
    {
        _machine = machine;
        _cpu = machine.Cpu;
        _symbols = symbols;
        _view = new GuestView(machine);
    }

    /// <summary>The report, several lines, each ended.</summary>
    /// <param name="machine">As the Guest left it.</param>
    /// <param name="reason">lguest's words for the end.</param>
    /// <param name="symbols">Names for its addresses; may be empty.</param>
    public static string Describe(GuestMachine machine, string reason, SymbolTable symbols)
    {
        using var writer = new StringWriter();
        writer.WriteLine($"Guest killed: {Clean(reason)}");
        new KillReport(machine, symbols).Write(writer);
        return writer.ToString();
    }

    /// <summary>The same of a Guest that lives, and stands still.</summary>
    public static void WriteState(TextWriter writer, GuestMachine machine, SymbolTable symbols) => new KillReport(machine, symbols).Write(writer);

    private void Write(TextWriter writer)
    {
        WriteRegisters(writer);
        WriteSegments(writer);
        WriteLguest(writer);
        SegmentRegister* code = GuestCpu.Segment(_cpu, Seg.Cs);
        writer.WriteLine("code:");
        new CodeListing(_view, _symbols, (code->Attributes & SegmentRegister.Big) != 0 ? 32 : 16).Write(writer, code->Base, _cpu->Eip);
        WriteStack(writer);
    }

    private void WriteRegisters(TextWriter writer)
    {
        writer.WriteLine($"  eax {Gpr(Reg.Eax)}  ebx {Gpr(Reg.Ebx)}  ecx {Gpr(Reg.Ecx)}  edx {Gpr(Reg.Edx)}");
        writer.WriteLine($"  esi {Gpr(Reg.Esi)}  edi {Gpr(Reg.Edi)}  ebp {Gpr(Reg.Ebp)}  esp {Gpr(Reg.Esp)}");
        uint flags = LazyFlags.Read(_cpu);
        string names = string.Join(' ', FlagNames.Where(f => (flags & f.Bit) != 0).Select(static f => f.Name));
        string place = Name(_cpu->Eip);
        writer.WriteLine($"  eip {_cpu->Eip:x8}{(place.Length == 0 ? "" : $" ({place})")}  eflags {flags:x8} [{names}]  cpl {_cpu->Cpl}");
    }

    private string Gpr(int number) => $"{_cpu->Gpr[number]:x8}";

    private void WriteSegments(TextWriter writer)
    {
        for (int i = 0; i < SegmentNames.Length; i++)
        {
            SegmentRegister* segment = GuestCpu.Segment(_cpu, i);
            bool present = (segment->Attributes & SegmentRegister.Present) != 0;
            string hidden = present ? $"base {segment->Base:x8} limit {segment->Limit:x8} attributes {segment->Attributes:x4}" : "null";
            writer.WriteLine($"  {SegmentNames[i]} {segment->Selector:x4}  {hidden}");
        }
    }

    private void WriteLguest(TextWriter writer)
    {
        SoftMmu mmu = _machine.Mmu;
        string paging = mmu.Paging ? $"page directory {mmu.PageDirectory:x8}" : "paging off";
        writer.WriteLine($"  {paging}  kernel stack {_cpu->Ss1:x4}:{_cpu->Esp1:x8}  ts {_cpu->Ts}  halted {_cpu->Halted}  irqs waiting {_cpu->PendingInterrupts:x8}");

        // INIT refuses nothing but a range outside RAM, so 0 may be meant; noirq_iret is set by INIT only.
        if (_cpu->LguestData == 0 && _cpu->NoirqIret == uint.MaxValue)
        {
            writer.WriteLine("  lguest_data: not announced (no LGUEST_INIT yet)");
            return;
        }

        writer.WriteLine(
            $"  lguest_data at {_cpu->LguestData:x8}: irq_enabled {Data(LguestData.IrqEnabled)}  irq_pending {Data(LguestData.IrqPending)}  "
            + $"blocked_interrupts {Data(LguestData.BlockedInterrupts)}  cr2 {Data(LguestData.Cr2)}");
    }

    private string Data(uint offset) =>
        _machine.Ram.TryRead32(_cpu->LguestData + offset, out uint value) ? $"{value:x8}" : "(not readable)";

    private void WriteStack(TextWriter writer)
    {
        writer.WriteLine("stack:");
        uint stackBase = GuestCpu.Segment(_cpu, Seg.Ss)->Base;
        uint pointer = _cpu->Gpr[Reg.Esp];
        for (uint i = 0; i < StackWords; i++)
        {
            uint offset = pointer + 4 * i;
            if (!_view.TryRead32(stackBase + offset, out uint word))
            {
                writer.WriteLine($"     {offset:x8}: (not readable)");
                return;
            }

            string name = _symbols.IsText(word) ? "  " + _symbols.Describe(word) : "";
            writer.WriteLine($"     {offset:x8}: {word:x8}{name}");
        }
    }

    /// <summary>Before paging the kernel runs below its link address.</summary>
    private string Name(uint address) => _machine.Mmu.Paging ? _symbols.Describe(address) : _symbols.DescribePhysical(address);

    /// <summary>The reason may quote the Guest (SHUTDOWN's string), which may hold anything a terminal would obey.</summary>
    internal static string Clean(string text) => string.Concat(text.Select(static c => char.IsControl(c) || c > '~' ? '?' : c));
}
