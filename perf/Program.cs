using System.CommandLine;
using Lguest.Jit.Perf;

var directory = new Argument<string>("directory") { Description = "Where to put them." };
var paging = new Option<bool>("--paging") { Description = "Run behind identity page tables instead of with physical addresses." };
var iterations = new Option<int>("--iterations") { Description = "How often each program repeats itself.", DefaultValueFactory = static _ => 3 };
var export = new Command("export", "Write the benchmark programs as bootable files.") { directory, paging, iterations };
export.SetAction(result => ExportCommand.Run(result.GetValue(directory)!, result.GetValue(paging), result.GetValue(iterations)));

var root = new RootCommand("Measures Lguest.Jit.") { export };
return root.Parse(args).Invoke();
