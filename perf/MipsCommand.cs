using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Guests.Harness;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Perf;

/// <summary>How many million Guest instructions a second an engine executes, program by program.</summary>
internal static class MipsCommand
{
    private const long TrialInstructions = 30_000_000;

    /// <returns>0, or 1 if a program came to a wrong result.</returns>
    public static int Run(double seconds, bool paging, bool jit, IReadOnlyList<string> names, Optimisations optimisations, string? listing)
    {
        using var listings = listing == null ? null : new RegionListings(listing);
        IReadOnlyList<GuestProgram> programs = names.Count == 0 ? GuestPrograms.All : [.. names.Select(GuestPrograms.Named)];
        Console.WriteLine($"{"program",-12} {"instructions",15} {"seconds",9} {"MIPS",8}  checksum");
        double logarithms = 0;
        bool allRight = true;
        foreach (GuestProgram program in programs)
        {
            // Two short runs first: one warms up the engine's own code, the other tells how many iterations fill the time.
            int few = (int)Math.Max(1, TrialInstructions / program.InstructionsPerIteration);
            _ = Measure(few);
            ProgramRun trial = Measure(few);
            double wanted = trial.Mips * 1e6 * seconds / program.InstructionsPerIteration;
            int iterations = (int)Math.Clamp(wanted, 1, int.MaxValue);
            ProgramRun run = Measure(iterations);

            ProgramRun Measure(int count) => ProgramRun.Of(
                program, count, paging, machine => jit ? new TieredEngine(machine, optimisations: optimisations, probes: listings?.Probes) : new InterpreterEngine(machine));

            bool right = run.Checksum == program.Checksum(iterations);
            allRight &= right;
            logarithms += Math.Log(run.Mips);
            string verdict = right ? "ok" : $"WRONG ({run.End.Kind} {run.End.Message})";
            Console.WriteLine($"{program.Name,-12} {run.Instructions,15:N0} {run.Seconds,9:F3} {run.Mips,8:F1}  {verdict}");
        }

        Console.WriteLine($"{"geometric mean",-38} {Math.Exp(logarithms / programs.Count),8:F1}");
        return allRight ? 0 : 1;
    }
}
