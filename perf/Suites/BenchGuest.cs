using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Switcher.Time;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Perf.Suites;

/// <summary>
/// A machine in ring 1 behind page tables, with an engine and no Switcher: whatever leaves the engine is seen by who
/// measures. RAM stands at its own addresses and a second time <see cref="Alias"/> bytes higher.
/// </summary>
internal sealed unsafe class BenchGuest : IDisposable
{
    /// <summary>Added to an address: another address of the same byte.</summary>
    public const uint Alias = ProgramLayout.MemorySize;

    private const uint Tables = ProgramLayout.PageDirectory + 0x1000;
    private const uint PagesPerTable = 1024;
    private const uint PresentWritableUsedDirty = 0x67;

    public BenchGuest(EngineKind engine)
    {
        Machine = new GuestMachine(ProgramLayout.MemorySize, new HostClock());
        for (uint page = 0; page < ProgramLayout.MemorySize / 4096; page++)
        {
            Write32(Tables + 4 * page, (page << 12) | PresentWritableUsedDirty);
        }

        for (uint slot = 0; slot < 2 * ProgramLayout.MemorySize / (4096 * PagesPerTable); slot++)
        {
            uint table = slot % (ProgramLayout.MemorySize / (4096 * PagesPerTable));
            Write32(ProgramLayout.PageDirectory + 4 * slot, (Tables + 0x1000 * table) | PresentWritableUsedDirty);
        }

        Machine.Mmu.SetPageDirectory(Cpu, ProgramLayout.PageDirectory, trusted: true);
        Cpu->Gpr[Reg.Esp] = ProgramLayout.StackTop;
        Engine = engine == EngineKind.Jit ? new TieredEngine(Machine) : new InterpreterEngine(Machine);
    }

    public GuestMachine Machine { get; }

    public IExecutionEngine Engine { get; }

    public GuestCpu* Cpu => Machine.Cpu;

    /// <summary>Instructions of one turn of the loaded loop.</summary>
    public long TurnInstructions { get; private set; }

    /// <summary>Where the loaded loop begins.</summary>
    public uint LoopStart { get; private set; }

    /// <summary>Writes as a device does.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not RAM.</exception>
    public void Write32(uint physical, uint value)
    {
        if (!Machine.Ram.TryWrite32(physical, value))
        {
            throw new ArgumentOutOfRangeException(nameof(physical));
        }
    }

    /// <summary>Puts a loop into RAM, and eip in front of it.</summary>
    public void Place(GuestLoop loop)
    {
        uint start = 0;
        byte[] code = CodeBuilder.Assemble(ProgramLayout.Code, b => start = b.AddressOf(loop.Emit(b)));
        if (ProgramLayout.Code + (uint)code.Length > ProgramLayout.Data || !Machine.Ram.TryWrite(ProgramLayout.Code, code))
        {
            throw new InvalidOperationException($"{code.Length} bytes of code do not fit.");
        }

        LoopStart = start;
        Cpu->Eip = ProgramLayout.Code;
    }

    /// <summary>Puts a loop into RAM and runs it step by step until it has gone round once: that tells how long a turn is.</summary>
    public void Load(GuestLoop loop)
    {
        Place(loop);
        while (Cpu->Eip != LoopStart)
        {
            Run(1);
        }

        long before = Machine.Retired;
        do
        {
            Run(1);
        }
        while (Cpu->Eip != LoopStart);
        TurnInstructions = Machine.Retired - before;
    }

    /// <summary>Runs so many turns of the loop.</summary>
    public void RunTurns(long turns)
    {
        Run(turns * TurnInstructions);
        if (Cpu->Eip != LoopStart)
        {
            throw new InvalidOperationException($"Not all turns are of the same length: eip {Cpu->Eip:x}.");
        }
    }

    /// <summary>The eight general registers.</summary>
    public uint[] Registers() => new ReadOnlySpan<uint>(Cpu->Gpr, 8).ToArray();

    public void Dispose()
    {
        Engine.Dispose();
        Machine.Dispose();
    }

    private void Run(long instructions)
    {
        ExitReason reason = Engine.Run(Cpu, instructions);
        if (reason != ExitReason.Budget)
        {
            throw new InvalidOperationException($"The Guest left at {Cpu->Eip:x}: {reason}, vector {Cpu->FaultVector}.");
        }
    }
}
