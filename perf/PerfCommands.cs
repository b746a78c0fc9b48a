using System.CommandLine;
using Lguest.Jit.Perf.Traps;
using Lguest.Jit.Perf.Versus;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Perf;

/// <summary>What can be asked for, but for <c>bench</c>, whose options are BenchmarkDotNet's.</summary>
internal static class PerfCommands
{
    public static RootCommand Root()
    {
        var root = new RootCommand("Measures Lguest.Jit.")
        {
            Mips(),
            Versus(),
            Export(),
            Guest(),
            new Command("bench", "Run the BenchmarkDotNet suites; its own options follow, for example --filter '*'."),
        };
        root.Add(VersusTrapsCommand.Create());
        root.Add(RatiosCommand.Create());
        foreach (Command command in CheckCommands.All())
        {
            root.Add(command);
        }

        return root;
    }

    private static Command Mips()
    {
        Argument<string[]> names = Programs();
        Option<bool> paging = Paging();
        var seconds = new Option<double>("--seconds") { Description = "About how long each program is to run.", DefaultValueFactory = static _ => 2 };
        var jit = new Option<bool>("--jit") { Description = "On the tiered engine instead of the interpreter." };
        var opt = new Option<string[]>("--opt") { Description = "Turns an optimisation of the translator off (-name) or on (+name)." };
        opt.Validators.Add(result => Require(result, opt, static names => Array.TrueForAll(names, new Optimisations().TrySet), "there is no such optimisation"));
        var asm = new Option<string?>("--asm") { Description = "A file for the machine code of all regions." };
        var command = new Command("mips", "Run the benchmark programs and say how fast they went.") { names, seconds, paging, jit, opt, asm };
        command.SetAction(result => MipsCommand.Run(
            result.GetValue(seconds), result.GetValue(paging), result.GetValue(jit), result.GetValue(names) ?? [], Chosen(result.GetValue(opt) ?? []), result.GetValue(asm)));
        return command;
    }

    private static Command Versus()
    {
        Argument<string[]> names = Programs();
        var processes = new Option<int>("--iterations") { Description = "Processes of each contender, of which medians are taken.", DefaultValueFactory = static _ => 5 };
        processes.Validators.Add(result => Require(result, processes, static n => n >= 5, "a median of fewer than 5 says nothing"));
        var seconds = new Option<double>("--seconds") { Description = "About how long a round is to take on QEMU (on the jit without it).", DefaultValueFactory = static _ => 1 };
        seconds.Validators.Add(result => Require(result, seconds, static s => s is >= 0.05 and <= 600, "from 0.05 to 600"));
        var limit = new Option<double>("--limit") { Description = "Seconds after which a process is given up.", DefaultValueFactory = static _ => 120 };
        limit.Validators.Add(result => Require(result, limit, static s => s is > 0 and <= 86400, "more than 0, at most a day"));
        var skip = new Option<string[]>("--skip") { Description = "A contender who is not to take part." };
        skip.AcceptOnlyFromAmong([.. ContenderNames.All]);
        var qemu = new Option<string>("--qemu") { Description = "Name or path of QEMU's program.", DefaultValueFactory = static _ => "qemu-system-i386" };
        var json = new Option<string?>("--json") { Description = "A file for all that was measured." };
        json.Validators.Add(result => Require(
            result, json, static path => Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path!))), "there is no such directory"));
        var command = new Command("versus", "Run the same programs on our engines and on QEMU's translator, in turn, and compare.")
        {
            names, processes, seconds, limit, skip, qemu, json,
        };
        command.SetAction((result, cancellation) => Task.Run(
            () => VersusCommand.Run(
                new VersusOptions(
                    result.GetValue(names) ?? [],
                    result.GetValue(processes),
                    result.GetValue(seconds),
                    TimeSpan.FromSeconds(result.GetValue(limit)),
                    result.GetValue(skip) ?? [],
                    result.GetValue(qemu)!,
                    result.GetValue(json)),
                cancellation),
            CancellationToken.None));
        return command;
    }

    private static Command Export()
    {
        var directory = new Argument<string>("directory") { Description = "Where to put them." };
        Option<bool> paging = Paging();
        var iterations = new Option<int>("--iterations") { Description = "How often each program repeats itself.", DefaultValueFactory = static _ => 3 };
        var command = new Command("export", "Write the benchmark programs as bootable files for other emulators.") { directory, paging, iterations };
        command.SetAction(result => ExportCommand.Run(result.GetValue(directory)!, result.GetValue(paging), result.GetValue(iterations)));
        return command;
    }

    private static Command Guest()
    {
        var name = new Argument<string>("program");
        var engine = new Option<string>("--engine") { DefaultValueFactory = static _ => ContenderNames.Jit };
        engine.AcceptOnlyFromAmong(ContenderNames.Jit, ContenderNames.Interpreter);
        var iterations = new Option<int>("--iterations") { DefaultValueFactory = static _ => 1 };
        var rounds = new Option<int>("--rounds") { DefaultValueFactory = static _ => 1 };
        var command = new Command(GuestCommand.Name, "What versus runs: one program with its console on stdout, until stdin ends.")
        {
            name, engine, iterations, rounds,
        };
        command.Hidden = true;
        command.SetAction(result => GuestCommand.Run(
            result.GetValue(name)!, result.GetValue(iterations), result.GetValue(rounds), result.GetValue(engine) == ContenderNames.Jit));
        return command;
    }

    private static Argument<string[]> Programs()
    {
        var programs = new Argument<string[]>("programs") { Description = "Only these programs.", Arity = ArgumentArity.ZeroOrMore };
        programs.AcceptOnlyFromAmong([.. Guests.Programs.GuestPrograms.All.Select(static p => p.Name)]);
        return programs;
    }

    private static Option<bool> Paging() => new("--paging") { Description = "Run behind identity page tables instead of with physical addresses." };

    private static Optimisations Chosen(string[] options)
    {
        var optimisations = new Optimisations();
        foreach (string option in options)
        {
            _ = optimisations.TrySet(option);
        }

        return optimisations;
    }

    private static void Require<T>(System.CommandLine.Parsing.OptionResult result, Option<T> option, Func<T, bool> condition, string demand)
    {
        if (result.GetValue(option) is { } value && !condition(value))
        {
            result.AddError($"{option.Name} {value}: {demand}.");
        }
    }
}
