extern alias launcher;

using launcher::Lguest.Jit.Launcher.Bench;
using launcher::Lguest.Jit.Launcher.CommandLine;

namespace Lguest.Jit.Perf.Traps;

/// <summary>
/// Figures of one run made into ratios, which a slower or busier machine leaves (nearly) as they are: how much faster the JIT is than the
/// interpreter, and the direct path than the Switcher's.
/// </summary>
internal static class TrapRatios
{
    /// <summary>What a latency is made of is mostly the Host.</summary>
    private static bool IsRatioed(BenchKind kind) => kind != BenchKind.TimerLatency;

    /// <summary>By name: "row: jit over interpreter", and so on. Above 1 is faster.</summary>
    public static SortedDictionary<string, double> Of(IReadOnlyList<BenchFigure> figures)
    {
        var ratios = new SortedDictionary<string, double>(StringComparer.Ordinal);
        foreach ((BenchKind kind, string name, _, _) in BenchCommand.Rows.Where(static r => IsRatioed(r.Kind)))
        {
            double interpreter = Find(figures, kind, EngineKind.Interpreter, TrapPath.Direct);
            double jit = Find(figures, kind, EngineKind.Jit, TrapPath.Direct);
            ratios[$"{name}: jit over interpreter"] = interpreter / jit;
            ratios[$"{name}: direct over switcher, interpreter"] = Find(figures, kind, EngineKind.Interpreter, TrapPath.Switcher) / interpreter;
            ratios[$"{name}: direct over switcher, jit"] = Find(figures, kind, EngineKind.Jit, TrapPath.Switcher) / jit;
        }

        return ratios;
    }

    /// <summary>The best of several runs for each figure: noise only ever makes things slower.</summary>
    public static List<BenchFigure> Best(IEnumerable<IReadOnlyList<BenchFigure>> runs) =>
        [.. runs.SelectMany(static r => r).GroupBy(static f => (f.Kind, f.Engine, f.Traps)).Select(static g => g.MinBy(static f => f.Nanoseconds)!)];

    private static double Find(IReadOnlyList<BenchFigure> figures, BenchKind kind, EngineKind engine, TrapPath traps) =>
        figures.First(f => f.Kind == kind && f.Engine == engine && f.Traps == traps).Nanoseconds;
}
