using BenchmarkDotNet.Running;
using Lguest.Jit.Perf;
using Lguest.Jit.Perf.Suites;

// Everything after "bench" is BenchmarkDotNet's. In this process, since the projects that it would generate
// otherwise do not go by our build properties.
if (args is ["bench", .. string[] forBenchmarkDotNet])
{
    BenchmarkSwitcher.FromAssembly(typeof(LoopSuite).Assembly).Run(["--inProcess", .. forBenchmarkDotNet]);
    return 0;
}

return await PerfCommands.Root().Parse(args).InvokeAsync();
