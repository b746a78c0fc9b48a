using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Launcher.Net;
using Lguest.Jit.Launcher.Storage;
using Lguest.Jit.Launcher.Tracing;
using Lguest.Jit.Switcher.Deterministic;
using Lguest.Jit.Translator;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Launcher.CommandLine;

/// <summary>Which engine executes the Guest.</summary>
internal enum EngineKind
{
    Interpreter,
    Jit,
}

/// <summary>Who delivers the traps that need no Host.</summary>
internal enum TrapPath
{
    /// <summary>The code that traps, where it does.</summary>
    Direct,

    /// <summary>The run loop, as all others.</summary>
    Switcher,
}

/// <summary>What computes for translated x87 instructions. Whichever it is, results are the same to the last bit.</summary>
internal enum FloatingPoint
{
    /// <summary>The Host's x87 unit, on Hosts that have one.</summary>
    Native,

    /// <summary>Integer arithmetic, as in the interpreter.</summary>
    Soft,
}

/// <summary>A validated command line.</summary>
internal sealed record LaunchOptions
{
    /// <summary>The engine used where none is named.</summary>
    public const EngineKind DefaultEngine = EngineKind.Jit;

    public const uint DefaultMemory = 256u << 20;

    public const string DefaultTraceFile = "lguest-trace.txt";

    public const long DefaultTraceLimit = 256 << 20;

    /// <summary>vmlinux or bzImage; null: the embedded Guest.</summary>
    public string? Kernel { get; init; }

    public string? Initrd { get; init; }

    /// <summary>The kernel command line.</summary>
    public string Append { get; init; } = "";

    /// <summary>Bytes of Guest RAM; valid for <see cref="Core.Memory.GuestRam"/>.</summary>
    public uint Memory { get; init; } = DefaultMemory;

    /// <summary>/dev/vda and on.</summary>
    public IReadOnlyList<DiskSpec> Disks { get; init; } = [];

    public EngineKind Engine { get; init; } = DefaultEngine;

    /// <summary>Runs of a block before the translator compiles it; 0: before it runs at all.</summary>
    public uint JitThreshold { get; init; } = TieredEngine.DefaultThreshold;

    /// <summary>Bytes of translated code kept at most, by estimate.</summary>
    public long CodeCache { get; init; } = TieredEngine.DefaultCodeCache;

    /// <summary>Which optimisations the translator uses.</summary>
    public Optimisations Optimisations { get; init; } = new();

    /// <summary>The second system call vector beside 0x80.</summary>
    public int SyscallVector { get; init; } = 0x80;

    public TrapPath Traps { get; init; }

    /// <summary>The Guest's CPU has SYSENTER.</summary>
    public bool Sysenter { get; init; }

    /// <summary>What the network card is connected to; none: there is no card.</summary>
    public NetOptions Net { get; init; } = new();

    /// <summary>There is an entropy device.</summary>
    public bool Rng { get; init; } = true;

    /// <summary>Wall-clock limit over all reboots; null: none.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Instruction limit over all reboots.</summary>
    public long MaxInstructions { get; init; } = long.MaxValue;

    /// <summary>Print statistics at the end.</summary>
    public bool Stats { get; init; }

    /// <summary>System.map or vmlinux to name addresses with.</summary>
    public string? Symbols { get; init; }

    /// <summary>A restart ends the run.</summary>
    public bool NoReboot { get; init; }

    /// <summary>Guest time is instructions, and nothing of the Host reaches the Guest.</summary>
    public bool Deterministic { get; init; }

    /// <summary>With <see cref="Deterministic"/>: instructions a millisecond of Guest time.</summary>
    public uint Khz { get; init; } = DeterministicClock.DefaultKhz;

    /// <summary>With <see cref="Deterministic"/>: what the Guest's source of random numbers is seeded with.</summary>
    public ulong Seed { get; init; }

    /// <summary>With <see cref="Deterministic"/>: a script of console input.</summary>
    public string? Input { get; init; }

    /// <summary>With <see cref="Deterministic"/>: where to write checkpoints to.</summary>
    public string? Record { get; init; }

    /// <summary>Instructions between two checkpoints.</summary>
    public long Every { get; init; } = DefaultEvery;

    public const long DefaultEvery = 100_000;

    /// <summary>What to write down while it runs.</summary>
    public TraceKinds Trace { get; init; }

    public string TraceFile { get; init; } = DefaultTraceFile;

    /// <summary>Ranges and symbols outside of which nothing is written down; null: none.</summary>
    public string? TraceFilter { get; init; }

    /// <summary>Bytes of trace at most.</summary>
    public long TraceLimit { get; init; } = DefaultTraceLimit;

    /// <summary>Name translated code for <c>perf</c>.</summary>
    public bool PerfMap { get; init; }

    /// <summary>Makes the engine that was asked for.</summary>
    /// <param name="machine">For this machine.</param>
    /// <param name="probes">Who looks at it; null: nobody.</param>
    public IExecutionEngine CreateEngine(GuestMachine machine, EngineProbes? probes = null) => CreateEngine(machine, Engine, waits: false, probes);

    /// <summary>Makes an engine.</summary>
    /// <param name="machine">For which machine.</param>
    /// <param name="engine">Which.</param>
    /// <param name="waits">See <see cref="TieredEngine"/>.</param>
    /// <param name="probes">Who looks at it; null: nobody.</param>
    public IExecutionEngine CreateEngine(GuestMachine machine, EngineKind engine, bool waits, EngineProbes? probes = null)
    {
        if (engine == EngineKind.Jit)
        {
            Optimisations optimisations = Deterministic ? Optimisations with { FillAhead = false } : Optimisations;
            return new TieredEngine(machine, JitThreshold, CodeCache, optimisations, probes, waits);
        }

        var interpreter = new InterpreterEngine(machine);
        interpreter.Cache.Observer = probes?.Blocks;
        return interpreter;
    }
}
