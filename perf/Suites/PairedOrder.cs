using System.Collections.Immutable;
using BenchmarkDotNet.Order;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Lguest.Jit.Perf.Suites;

/// <summary>Lines of a table in the usual order, but what differs in the engine alone stands together.</summary>
internal sealed class PairedOrder : DefaultOrderer
{
    public override IEnumerable<BenchmarkCase> GetSummaryOrder(ImmutableArray<BenchmarkCase> benchmarksCases, Summary summary) =>
        base.GetSummaryOrder(benchmarksCases, summary).GroupBy(AllButEngine).SelectMany(static group => group);

    private static string AllButEngine(BenchmarkCase benchmark) =>
        string.Join('\n', benchmark.Parameters.Items.Where(static i => i.Value is not EngineKind).Select(static i => $"{i.Name}={i.Value}"));
}
