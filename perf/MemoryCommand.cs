using System.Diagnostics;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Guests.Generating;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Perf;

/// <summary>How much memory this process has after a Guest has generated and run very many different blocks.</summary>
internal static class MemoryCommand
{
    private const uint RamSize = 64 << 20;

    /// <summary>What the Host may take beside Guest RAM, bytes.</summary>
    private const long Allowed = 250L << 20;

    /// <returns>0, or 1 if the Guest came to a wrong result or the Host took more than it may.</returns>
    public static int Run(int blocks, int runs, uint threshold, long codeCache)
    {
        Console.WriteLine($"{"engine",-12} {"blocks",10} {"runs each",10} {"seconds",8} {"MiB now",8} {"at most",8} {"allowed",8} {"managed",8} {"regions",9} {"evicted",9} {"resets",7} {"pauses",7}");
        bool right = Measure("interpreter", static machine => new InterpreterEngine(machine));
        right &= Measure("jit", machine => new TieredEngine(machine, threshold, codeCache));
        return right ? 0 : 1;

        bool Measure(string name, Func<GuestMachine, IExecutionEngine> engine)
        {
            using var guest = new GeneratingGuest(blocks, runs, RamSize, engine);
            TimeSpan paused = GC.GetTotalPauseDuration();
            long start = Stopwatch.GetTimestamp();
            bool correct = guest.Run() == guest.Expected;
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            using var self = Process.GetCurrentProcess();
            long now = self.WorkingSet64;
            long peak = self.PeakWorkingSet64;
            bool small = peak <= RamSize + Allowed;
            var tiered = guest.Engine as TieredEngine;
            long resets = tiered?.Blocks.Resets ?? ((InterpreterEngine)guest.Engine).Cache.Resets;
            string verdict = correct ? small ? "" : "  TOO MUCH" : "  WRONG";
            Console.WriteLine(
                $"{name,-12} {blocks,10:N0} {runs,10:N0} {seconds,8:F2} {now >> 20,8:N0} {peak >> 20,8:N0} {(RamSize + Allowed) >> 20,8:N0} {GC.GetTotalMemory(false) >> 20,8:N0} "
                + $"{tiered?.Regions.Installed ?? 0,9:N0} {tiered?.Regions.Evicted ?? 0,9:N0} {resets,7:N0} {(GC.GetTotalPauseDuration() - paused).TotalMilliseconds,4:F0} ms{verdict}");
            return correct && small;
        }
    }
}
