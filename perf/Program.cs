using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using Lguest.Jit.Perf;
using Lguest.Jit.Perf.Suites;

// Everything after "bench" is BenchmarkDotNet's. In this process, since the projects that it would generate
// otherwise do not go by our build properties. Names of loops are sentences, and are wanted whole.
if (args is ["bench", .. string[] forBenchmarkDotNet])
{
    IConfig config = DefaultConfig.Instance
        .WithSummaryStyle(SummaryStyle.Default.WithMaxParameterColumnWidth(60))
        .WithOrderer(new PairedOrder());
    BenchmarkSwitcher.FromAssembly(typeof(LoopSuite).Assembly).Run(["--inProcess", .. forBenchmarkDotNet], config);
    return 0;
}

return await PerfCommands.Root().Parse(args).InvokeAsync();
