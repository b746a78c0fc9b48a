using System.CommandLine;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Perf;

/// <summary>Commands that hold the engine to a promise rather than race it: rewriting, memory, collections, safepoints, system calls.</summary>
internal static class CheckCommands
{
    /// <summary>All of them.</summary>
    public static IEnumerable<Command> All()
    {
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

        var calls = new Option<uint>("--calls") { Description = "System calls in each run.", DefaultValueFactory = static _ => 10_000_000 };
        calls.Validators.Add(result =>
        {
            if (result.GetValue(calls) == 0)
            {
                result.AddError("--calls 0: at least one.");
            }
        });
        var syscalls = new Command("syscalls", "Make system calls of all kinds on both engines and by both paths, and compare what the Guest sees.") { calls };
        syscalls.SetAction(result => SyscallsCommand.Run(result.GetValue(calls)));
        return [rewrite, memory, stress, safepoint, syscalls];
    }
}
