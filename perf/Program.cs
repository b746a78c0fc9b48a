using System.CommandLine;
using BenchmarkDotNet.Running;
using Lguest.Jit.Perf;
using Lguest.Jit.Perf.Traps;

var paging = new Option<bool>("--paging") { Description = "Run behind identity page tables instead of with physical addresses." };
var names = new Argument<string[]>("programs") { Description = "Only these programs.", Arity = ArgumentArity.ZeroOrMore };
var seconds = new Option<double>("--seconds") { Description = "About how long each program is to run.", DefaultValueFactory = static _ => 2 };
var jit = new Option<bool>("--jit") { Description = "On the tiered engine instead of the interpreter." };
var mips = new Command("mips", "Run the benchmark programs and say how fast they went.") { names, seconds, paging, jit };
mips.SetAction(result => MipsCommand.Run(result.GetValue(seconds), result.GetValue(paging), result.GetValue(jit), result.GetValue(names) ?? []));

var directory = new Argument<string>("directory") { Description = "Where to put them." };
var iterations = new Option<int>("--iterations") { Description = "How often each program repeats itself.", DefaultValueFactory = static _ => 3 };
var export = new Command("export", "Write the benchmark programs as bootable files for other emulators.") { directory, paging, iterations };
export.SetAction(result => ExportCommand.Run(result.GetValue(directory)!, result.GetValue(paging), result.GetValue(iterations)));

// Everything after "bench" is BenchmarkDotNet's. In this process, since the projects that it would generate
// otherwise do not go by our build properties.
if (args is ["bench", .. string[] forBenchmarkDotNet])
{
    BenchmarkSwitcher.FromAssembly(typeof(InterpreterPrograms).Assembly).Run(["--inProcess", .. forBenchmarkDotNet]);
    return 0;
}

var bench = new Command("bench", "Run the BenchmarkDotNet suites; its own options follow, for example --filter '*'.");
var root = new RootCommand("Measures Lguest.Jit.") { mips, export, VersusTrapsCommand.Create(), RatiosCommand.Create(), bench };
return root.Parse(args).Invoke();
