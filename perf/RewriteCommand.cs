using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Guests.Rewriting;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Perf;

/// <summary>What it costs when a Guest rewrites its own code: each kind of rewrite, on both engines.</summary>
internal static class RewriteCommand
{
    /// <returns>0, or 1 if an engine ran code that was not there any more.</returns>
    public static int Run(int rewrites, int between)
    {
        Console.WriteLine($"{"rewritten",-12} {"engine",-12} {"rewrites",10} {"runs each",10} {"seconds",9} {"µs/rewrite",11} {"of it run",10}");
        bool allRight = true;
        foreach (RewriteKind kind in Enum.GetValues<RewriteKind>())
        {
            allRight &= Measure("interpreter", static machine => new InterpreterEngine(machine));
            allRight &= Measure("jit", static machine => new TieredEngine(machine));

            bool Measure(string name, Func<GuestMachine, IExecutionEngine> engine)
            {
                // Once around to have our own code compiled. Then with the runs alone, of which there is one rewrite.
                (double seconds, bool right) = Once(kind, rewrites / 10 + 1, between, engine);
                double runs = kind == RewriteKind.SameBlock || between == 1 ? 0 : Once(kind, 1, rewrites * between, engine).Seconds;
                (seconds, bool alsoRight) = Once(kind, rewrites, between, engine);
                right &= alsoRight;
                int each = kind == RewriteKind.SameBlock ? 1 : between;
                string verdict = right ? "" : "  WRONG";
                Console.WriteLine($"{kind,-12} {name,-12} {rewrites,10:N0} {each,10:N0} {seconds,9:F3} {1e6 * seconds / rewrites,11:F3} {1e6 * runs / rewrites,10:F3}{verdict}");
                return right;
            }
        }

        return allRight ? 0 : 1;
    }

    private static (double Seconds, bool Right) Once(RewriteKind kind, int rewrites, int between, Func<GuestMachine, IExecutionEngine> engine)
    {
        using var guest = new RewriteGuest(kind, rewrites, between, engine);
        (uint sum, _, double seconds) = guest.Run();
        return (seconds, sum == guest.Expected);
    }
}
