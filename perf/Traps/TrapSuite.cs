extern alias launcher;

using BenchmarkDotNet.Attributes;
using launcher::Lguest.Jit.Launcher.Bench;
using launcher::Lguest.Jit.Launcher.CommandLine;

namespace Lguest.Jit.Perf.Traps;

/// <summary>
/// The benchmark Guest under BenchmarkDotNet: a whole life of it, boot to power-off, with so many operations that the ends do not
/// matter. For figures of a single operation there is <c>bench traps</c>.
/// </summary>
public class TrapSuite
{
    private const uint Iterations = 50_000;

    [Params("syscall-trap-gate", "syscall-interrupt-gate", "sysenter", "hypercall", "fault-minor", "context-switch")]
    public string Row { get; set; } = "";

    [Params(false, true)]
    public bool Jit { get; set; }

    [Params(false, true)]
    public bool Direct { get; set; }

    /// <summary>50,000 of them, and a boot.</summary>
    [Benchmark]
    public double Life()
    {
        BenchKind kind = BenchCommand.Rows.First(r => r.Name == Row).Kind;
        EngineKind engine = Jit ? EngineKind.Jit : EngineKind.Interpreter;
        return BenchRun.Measure(kind, engine, Direct ? TrapPath.Direct : TrapPath.Switcher, Iterations, 1).Nanoseconds;
    }
}
