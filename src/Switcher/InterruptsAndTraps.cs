using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Core.State;
using Lguest.Jit.Switcher.Deterministic;
using Lguest.Jit.Switcher.Time;

namespace Lguest.Jit.Switcher;

/// <summary>
/// drivers/lguest/interrupts_and_traps.c, function by function and under the names it gave them; only the casing is C#'s.
/// Where the original had a quirk, the right behaviour is here and a remark says what it was.
/// </summary>
/// <remarks>
/// By theme: <c>.Gates</c> the IDT and who may use it, <c>.Delivery</c> frames and entering a handler, <c>.Interrupts</c> the
/// virtual interrupt flag and pending interrupts, <c>.Stack</c> the Guest kernel stack, <c>.Clock</c> the timer.
/// <para>
/// All but <see cref="SetInterrupt"/> and the clock's call-backs belongs to the Guest thread.
/// </para>
/// </remarks>
internal sealed unsafe partial class InterruptsAndTraps : IDisposable
{
    /// <summary>LGUEST_IRQS: one 32-bit word of them.</summary>
    public const int LguestIrqs = 32;

    /// <summary>__KERNEL_CS at GUEST_PL: every gate leads there, whatever selector it names.</summary>
    public const uint KernelCs = 0x61;

    private const int KernelCsEntry = 12;
    private const int IdtEntries = 256;

    /// <summary>GUEST_PL: the Guest's kernel runs in ring 1.</summary>
    private const int GuestPl = 1;

    /// <summary>X86_EFLAGS_TF, VM, RF and NT: cleared when a handler is entered, as silicon does.</summary>
    private const uint FlagsClearedOnEntry = Eflags.Trap | Eflags.Virtual8086 | Eflags.Resume | Eflags.NestedTask;

    private readonly GuestContext _context;
    private readonly GuestCpu* _cpu;
    private readonly LguestData _data;

    /// <param name="context">The Guest.</param>
    /// <param name="timer">What the Guest's clock waits for, in tests; the best of the Host by default. Owned.</param>
    /// <exception cref="ArgumentOutOfRangeException">The syscall vector of the options is no external vector.</exception>
    public InterruptsAndTraps(GuestContext context, DueTimer? timer = null)
    {
        _context = context;
        _cpu = context.Cpu;
        _data = context.Data;
        InitInterrupts();
        SetupDefaultIdtEntries();
        _clock = InitClockdev(timer);
        _timer = new TimerEvent(ClockdevFn);
        context.Pace?.Add(_timer);
    }

    /// <summary>Sees what is delivered; null: nobody looks.</summary>
    public ITrapObserver? Observer { get; set; }

    /// <summary>
    /// init_interrupts: lguest reserved the optional system call vector in the <i>Host's</i> IDT here. We have no IDT of our
    /// own to reserve it in; what remains is that it must be a vector that could have been reserved.
    /// </summary>
    private void InitInterrupts()
    {
        if (_context.Options.SyscallVector is < Vectors.FirstExternal or >= IdtEntries)
        {
            throw new ArgumentOutOfRangeException(
                nameof(_context), _context.Options.SyscallVector, "A system call vector is a number from 32 to 255.");
        }
    }

    /// <summary>What a snapshot has to keep of this.</summary>
    public void ExchangeState(StateArchive archive)
    {
        archive.Field(ref _stackPages);

        // Follows from the IDT, when somebody asks.
        if (!archive.Comparing)
        {
            archive.Raw(_gateDpl);
            archive.Field(ref _idtChanged);
        }
    }

    /// <summary>
    /// free_interrupts: the end of interrupts for this Guest. Devices and the clock may outlive the machine by a moment;
    /// once this has returned nothing they raise touches its memory.
    /// </summary>
    private void FreeInterrupts()
    {
        lock (_raising)
        {
            _freed = true;
        }
    }

    /// <summary>Stops the clock and closes the door to <see cref="SetInterrupt"/>. The machine may be disposed afterwards.</summary>
    public void Dispose()
    {
        _clock.Dispose();
        FreeInterrupts();
        _wake.Dispose();
    }
}
