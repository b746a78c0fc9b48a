using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Switcher.Deterministic;

namespace Lguest.Jit.Switcher;

/// <summary>
/// Makes a machine an lguest Guest: everything that happens between its instructions. One object for one life of a Guest;
/// after a restart there is a new machine and a new one of these.
/// </summary>
/// <remarks>
/// Machine, engine and ports belong to the caller, and have to live until <see cref="Dispose"/> has returned.
/// </remarks>
internal sealed unsafe class LguestGuest : IInterruptSink, IDisposable
{
    private readonly GuestContext _context;
    private readonly InterruptsAndTraps _interrupts;
    private readonly Hypercalls _hypercalls;
    private readonly RunLoop _loop;
    private readonly Func<GuestEnd?> _askForStop;
    private GuestEnd? _stop;
    private bool _started;

    /// <param name="machine">A fresh one, with the kernel loaded.</param>
    /// <param name="engine">What executes its instructions.</param>
    /// <param name="ports">What its <c>in</c> and <c>out</c> reach.</param>
    /// <param name="options">What the user decided.</param>
    /// <exception cref="ArgumentOutOfRangeException">The syscall vector of the options is not from 32 to 255.</exception>
    public LguestGuest(GuestMachine machine, IExecutionEngine engine, IPortIo ports, GuestOptions options)
    {
        _context = new GuestContext(machine, options);
        _interrupts = new InterruptsAndTraps(_context);
        _hypercalls = new Hypercalls(_context, _interrupts);
        var emulator = new InstructionEmulator(_context, ports);
        _loop = new RunLoop(_context, engine, _interrupts, _hypercalls, emulator);
        _askForStop = () => Volatile.Read(ref _stop);
    }

    /// <summary>Devices with something to do between two entries. To be set before <see cref="Run"/>.</summary>
    public IGuestThreadWork? DeviceWork
    {
        get => _loop.DeviceWork;
        set => _loop.DeviceWork = value;
    }

    /// <summary>Sees the traps and interrupts that are delivered. To be set before <see cref="Run"/>.</summary>
    public ITrapObserver? TrapObserver
    {
        get => _interrupts.Observer;
        set => _interrupts.Observer = value;
    }

    /// <summary>Counters of this Guest. Written by its thread, readable by all.</summary>
    public SwitcherStatistics Statistics => _context.Statistics;

    /// <summary>
    /// lguest_arch_setup_regs: where to begin. All general registers are 0, esp among them, and esi, which is how the kernel
    /// finds <c>boot_params</c>: at physical address 0.
    /// </summary>
    /// <param name="eip">Entry point, physical.</param>
    public void Start(uint eip)
    {
        _context.Machine.SysenterEnabled = _context.Options.Sysenter;
        _context.Machine.Reset();
        _context.Cpu->Eip = eip;
        _started = true;
    }

    /// <summary>Runs the Guest on the calling thread until it ends. Called again it says again how it ended.</summary>
    /// <exception cref="InvalidOperationException"><see cref="Start"/> was not called.</exception>
    public GuestEnd Run()
    {
        if (!_started)
        {
            throw new InvalidOperationException("Start the Guest before running it.");
        }

        return _loop.RunGuest(_askForStop);
    }

    /// <summary>
    /// As <see cref="Run()"/>, but comes back after <paramref name="until"/> instructions in all, with null: the state is that
    /// after the last of them, and whatever is due then happens when it runs on.
    /// </summary>
    public GuestEnd? RunUntil(long until)
    {
        if (!_started)
        {
            throw new InvalidOperationException("Start the Guest before running it.");
        }

        return _loop.RunGuest(_askForStop, until);
    }

    /// <summary>What says when, in deterministic time; else null.</summary>
    public DeterministicPace? Pace => _context.Pace;

    /// <summary>In deterministic time: something that happens at certain ticks. To be set before <see cref="Run()"/>.</summary>
    /// <exception cref="InvalidOperationException">The machine's clock is not a deterministic one.</exception>
    public void AddEvents(ITimedEvents events) =>
        (_context.Pace ?? throw new InvalidOperationException("Only deterministic time has events.")).Add(events);

    /// <summary>What is remembered here beside the machine's own state: for snapshots, and to compare two Guests by.</summary>
    public void ExchangeState(StateArchive archive)
    {
        _context.ExchangeState(archive);
        _interrupts.ExchangeState(archive);
        _hypercalls.ExchangeState(archive);
        _loop.ExchangeState(archive);
    }

    /// <summary>
    /// Ends the run from outside, from any thread and at any time: a running Guest leaves at its next safepoint, a halted one
    /// wakes. The first request is the one that counts; a Guest that has ended by itself before it is seen keeps its own end.
    /// </summary>
    /// <param name="message">What <see cref="GuestEnd.Message"/> will say.</param>
    public void RequestStop(string message)
    {
        _ = Interlocked.CompareExchange(ref _stop, new GuestEnd(GuestEndKind.Stopped, message), null);
        _interrupts.Knock();
    }

    /// <summary>Gets the run loop to look at <see cref="DeviceWork"/> soon, wherever it is. From any thread, also after the end.</summary>
    public void Knock() => _interrupts.Knock();

    /// <inheritdoc/>
    public void SetInterrupt(int irq) => _interrupts.SetInterrupt(irq);

    public void Dispose() => _interrupts.Dispose();
}
