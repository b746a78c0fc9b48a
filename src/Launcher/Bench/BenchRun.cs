using System.Runtime.InteropServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Launcher.CommandLine;
using Lguest.Jit.Switcher;
using Lguest.Jit.Switcher.Time;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Launcher.Bench;

/// <summary>One benchmark Guest, run to its end.</summary>
internal static class BenchRun
{
    /// <summary>Measures one thing.</summary>
    /// <param name="kind">What.</param>
    /// <param name="engine">On which engine.</param>
    /// <param name="traps">On which path.</param>
    /// <param name="iterations">In a round.</param>
    /// <param name="rounds">The fastest counts; the first ones warm up.</param>
    /// <exception cref="InvalidOperationException">The Guest did not end as it should have.</exception>
    public static BenchFigure Measure(BenchKind kind, EngineKind engine, TrapPath traps, uint iterations, uint rounds)
    {
        using var machine = new GuestMachine(BenchLayout.MemoryNeeded, new HostClock());
        GuestImage image = BenchGuest.Build(BenchPlatform.Lguest, kind, iterations, rounds);
        if (!machine.Ram.TryWrite(image.LoadAddress, image.Bytes))
        {
            throw new InvalidOperationException("The benchmark Guest does not fit into its memory.");
        }

        var ports = new BenchPorts(machine);
        using IExecutionEngine cpu = engine == EngineKind.Jit ? new TieredEngine(machine) : new InterpreterEngine(machine);
        using var guest = new LguestGuest(machine, cpu, ports, new GuestOptions { DirectTraps = traps == TrapPath.Direct, Sysenter = true });
        guest.Start(image.Entry);
        GuestEnd end = guest.Run();
        if (end.Kind != GuestEndKind.PoweredOff)
        {
            throw new InvalidOperationException($"The benchmark Guest ({kind}) ended with \"{end.Message}\".");
        }

        return kind == BenchKind.TimerLatency
            ? Latency(machine, engine, traps)
            : Fastest(kind, engine, traps, ports.Rounds, BenchGuest.Rounded(kind, iterations));
    }

    private static BenchFigure Fastest(BenchKind kind, EngineKind engine, TrapPath traps, List<BenchRound> rounds, uint operations)
    {
        BenchRound best = rounds.MinBy(static r => r.Nanoseconds);
        return new BenchFigure(kind, engine, traps, best.Nanoseconds / operations, (double)best.Instructions / operations, null);
    }

    private static BenchFigure Latency(GuestMachine machine, EngineKind engine, TrapPath traps)
    {
        byte[] bytes = new byte[4 * BenchLayout.LatencySamples];
        _ = machine.Ram.TryRead(BenchLayout.Latencies, bytes);
        int[] samples = MemoryMarshal.Cast<byte, int>(bytes).ToArray();
        Array.Sort(samples);
        return new BenchFigure(BenchKind.TimerLatency, engine, traps, samples[samples.Length / 2], 0, samples[samples.Length * 99 / 100]);
    }
}

/// <summary>What came out.</summary>
/// <param name="Kind">Of what.</param>
/// <param name="Engine">On which engine.</param>
/// <param name="Traps">On which path.</param>
/// <param name="Nanoseconds">Of one; for a latency, the median.</param>
/// <param name="Instructions">Guest instructions of one, with the loop around it; 0 where that says nothing.</param>
/// <param name="Nanoseconds99">For a latency, what 99 of 100 are below; else null.</param>
internal sealed record BenchFigure(
    BenchKind Kind, EngineKind Engine, TrapPath Traps, double Nanoseconds, double Instructions, double? Nanoseconds99);
