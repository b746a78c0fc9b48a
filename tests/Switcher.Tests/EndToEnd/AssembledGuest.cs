using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Switcher.Time;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Switcher.Tests.EndToEnd;

/// <summary>
/// A Guest written with Iced's assembler, each piece at an address of its own, run by the interpreter through the whole
/// Switcher. 4 MiB, Host time, and a watchdog.
/// </summary>
internal sealed unsafe class AssembledGuest : IDisposable
{
    public const uint RamSize = 4 << 20;
    public const uint Entry = 0x00100000;

    /// <summary>Handlers stand here, 256 bytes for each vector.</summary>
    public const uint Handlers = 0x00110000;
    public const uint UserCode = 0x00130000;
    public const uint Data = 0x00140000;
    public const uint Message = 0x00141000;

    /// <summary>Where the Guest writes down what it sees, for the test to read.</summary>
    public const uint Log = 0x00142000;
    public const uint Stack = 0x00150000;

    /// <summary>The stack that SET_STACK names. Apart from <see cref="Stack"/>, so that frames tell which was used.</summary>
    public const uint TrapStack = 0x00160000;
    public const uint UserStack = 0x00170000;
    public const uint PageDirectory = 0x00300000;
    public const uint PageTable = 0x00301000;

    public const uint IrqEnabled = Data + LguestData.IrqEnabled;
    public const uint Blocked = Data + LguestData.BlockedInterrupts;
    public const uint IrqPending = Data + LguestData.IrqPending;

    private readonly GuestMachine _machine;
    private readonly IExecutionEngine _engine;

    /// <param name="options">Null: the usual ones.</param>
    /// <param name="engine">Null: the interpreter.</param>
    /// <param name="clock">Null: Host time.</param>
    public AssembledGuest(GuestOptions? options = null, Func<GuestMachine, IExecutionEngine>? engine = null, IGuestClock? clock = null)
    {
        _machine = new GuestMachine(RamSize, clock ?? new HostClock());
        _engine = engine != null ? engine(_machine) : new InterpreterEngine(_machine);
        Guest = new LguestGuest(_machine, _engine, Console, options ?? new GuestOptions());
        for (uint slot = 0; slot < AsyncRing.Size; slot += 4)
        {
            this[Data + LguestData.HcallStatus + slot] = uint.MaxValue;
        }

        this[Data + LguestData.KernelAddress] = 0xC0000000;
        this[Data + LguestData.SyscallVec] = Vectors.Syscall;
        SetMessage("the end");
    }

    public EmergencyConsole Console { get; } = new();

    public LguestGuest Guest { get; }

    public GuestCpu* Cpu => _machine.Cpu;

    public SwitcherStatistics Statistics => Guest.Statistics;

    public uint this[uint physical]
    {
        get
        {
            Assert.True(_machine.Ram.TryRead32(physical, out uint value));
            return value;
        }
        set => Assert.True(_machine.Ram.TryWrite32(physical, value));
    }

    public static uint HandlerOf(uint vector) => Handlers + 0x100 * vector;

    public void SetMessage(string text) =>
        Assert.True(_machine.Ram.TryWrite(Message, [.. text.Select(static c => (byte)c), 0]));

    /// <summary>Assembles at an address.</summary>
    /// <returns>The address behind it.</returns>
    public uint Place(uint address, Action<Assembler> emit)
    {
        var assembler = new Assembler(32);
        emit(assembler);
        using var code = new MemoryStream();
        _ = assembler.Assemble(new StreamCodeWriter(code), address);
        Assert.True(_machine.Ram.TryWrite(address, code.ToArray()));
        return address + (uint)code.Length;
    }

    /// <summary>
    /// A handler that ends as lguest_iret does (arch/x86/lguest/head_32.S), at the one iret that may not be interrupted.
    /// There is one of these for each Guest.
    /// </summary>
    public void PlaceNoirqHandler(uint vector, Action<Assembler> body)
    {
        uint end = Place(HandlerOf(vector), c =>
        {
            body(c);
            c.push(__dword_ptr[esp + 8]);
            c.pop(__dword_ptr[IrqEnabled]);
            c.iretd();
        });
        this[Data + LguestData.NoirqIret] = end - 1;
    }

    /// <summary>Runs from <see cref="Entry"/> to the end.</summary>
    public GuestEnd Run()
    {
        using var watchdog = new Timer(_ => Guest.RequestStop("watchdog"), null, Patience.Limit, Timeout.InfiniteTimeSpan);
        Guest.Start(Entry);
        return Guest.Run();
    }

    /// <summary>
    /// Mode and soft TLB belong to ring and segments: what delivers traps without the Switcher moves them by itself, and must come to what is
    /// worked out here. (Off by some tables it would mostly be slow, and some time read what is behind them.)
    /// </summary>
    public void AssertTablesFitTheRing()
    {
        (CpuMode mode, nint read, nint write) = (Cpu->Mode, (nint)Cpu->ReadTable, (nint)Cpu->WriteTable);
        Segments.UpdateMode(Cpu);
        _machine.Mmu.Activate(Cpu);
        Assert.Equal((Cpu->Mode, (nint)Cpu->ReadTable, (nint)Cpu->WriteTable), (mode, read, write));
    }

    public void Dispose()
    {
        Guest.Dispose();
        _engine.Dispose();
        _machine.Dispose();
    }
}
