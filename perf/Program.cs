using System.CommandLine;
using BenchmarkDotNet.Running;
using Lguest.Jit.Perf;
using Lguest.Jit.Perf.Traps;
using Lguest.Jit.Translator;

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

var rewrites = new Option<int>("--rewrites") { Description = "How often the code is rewritten.", DefaultValueFactory = static _ => 1_000_000 };
var between = new Option<int>("--between") { Description = "How often it runs after each rewrite.", DefaultValueFactory = static _ => 1 };
var rewrite = new Command("rewrite", "Measure what rewriting its own code costs a Guest.") { rewrites, between };
rewrite.SetAction(result => RewriteCommand.Run(result.GetValue(rewrites), result.GetValue(between)));

var blocks = new Option<int>("--blocks") { Description = "How many different blocks the Guest generates.", DefaultValueFactory = static _ => 1_000_000 };
var runs = new Option<int>("--runs") { Description = "How often each of them runs.", DefaultValueFactory = static _ => 500 };
var threshold = new Option<uint>("--jit-threshold") { Description = "As the launcher has it.", DefaultValueFactory = static _ => TieredEngine.DefaultThreshold };
var codeCache = new Option<int>("--code-cache") { Description = "Translated code kept at most, MiB.", DefaultValueFactory = static _ => 64 };
var memory = new Command("memory", "See what a Guest that generates code for ever makes the Host keep.") { blocks, runs, threshold, codeCache };
memory.SetAction(result => MemoryCommand.Run(
    result.GetValue(blocks), result.GetValue(runs), result.GetValue(threshold), (long)result.GetValue(codeCache) << 20));

var time = new Option<double>("--seconds") { Description = "How long.", DefaultValueFactory = static _ => 120 };
var stress = new Command("stress", "Compile in the background under allocation pressure and forced collections.") { time };
stress.SetAction(result => StressCommand.Run(result.GetValue(time)));

var times = new Option<int>("--times") { Description = "Interrupts for each loop.", DefaultValueFactory = static _ => 1000 };
var delta = new Option<uint>("--delta") { Description = "Microseconds that the timer is set to.", DefaultValueFactory = static _ => 500 };
var interpreter = new Option<bool>("--interpreter") { Description = "On the interpreter instead of the tiered engine." };
var safepoint = new Command("safepoint", "Measure how late its timer interrupts a Guest that goes in circles.") { times, delta, interpreter };
safepoint.SetAction(result => SafepointCommand.Run(result.GetValue(times), result.GetValue(delta), result.GetValue(interpreter)));

// Everything after "bench" is BenchmarkDotNet's. In this process, since the projects that it would generate
// otherwise do not go by our build properties.
if (args is ["bench", .. string[] forBenchmarkDotNet])
{
    BenchmarkSwitcher.FromAssembly(typeof(InterpreterPrograms).Assembly).Run(["--inProcess", .. forBenchmarkDotNet]);
    return 0;
}

var bench = new Command("bench", "Run the BenchmarkDotNet suites; its own options follow, for example --filter '*'.");
var root = new RootCommand("Measures Lguest.Jit.") { mips, export, rewrite, memory, stress, safepoint, VersusTrapsCommand.Create(), RatiosCommand.Create(), bench };
return root.Parse(args).Invoke();
