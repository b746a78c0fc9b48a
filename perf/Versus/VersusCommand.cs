using Lguest.Jit.Guests.Programs;

namespace Lguest.Jit.Perf.Versus;

/// <summary>What the user asked for.</summary>
/// <param name="Programs">Names; empty: all.</param>
/// <param name="Processes">Processes of each contender for each program.</param>
/// <param name="Seconds">About how long a round takes.</param>
/// <param name="Limit">How long a process may take.</param>
/// <param name="Skip">Contenders who are not to take part.</param>
/// <param name="Qemu">Name or path of QEMU's program.</param>
/// <param name="Json">Where to put all that was measured; null: nowhere.</param>
internal sealed record VersusOptions(
    IReadOnlyList<string> Programs, int Processes, double Seconds, TimeSpan Limit, IReadOnlyList<string> Skip, string Qemu, string? Json);

/// <summary>Our two engines and QEMU's translator side by side, at the same machine code.</summary>
internal static class VersusCommand
{
    /// <returns>0, or 1 if anybody failed or came to a wrong result, or 130 if it was cancelled.</returns>
    public static int Run(VersusOptions options, CancellationToken cancellation)
    {
        IReadOnlyList<GuestProgram> programs = options.Programs.Count == 0 ? GuestPrograms.All : [.. options.Programs.Select(GuestPrograms.Named)];
        bool wantsQemu = !options.Skip.Contains(ContenderNames.Qemu);
        using QemuContender? qemu = wantsQemu ? QemuContender.Find(options.Qemu) : null;
        if (wantsQemu && qemu is null)
        {
            Console.WriteLine($"There is no {options.Qemu} here (install QEMU, or name it with --qemu): our engines alone.");
        }

        Contender?[] all = [new OwnContender(jit: true), new OwnContender(jit: false), qemu];
        List<Contender> contenders = [.. all.OfType<Contender>().Where(c => !options.Skip.Contains(c.Name))];
        var facts = new ContestFacts(DateTimeOffset.UtcNow, HostFacts.Read(), qemu?.Version, options.Processes, HostFacts.ReadLoad(), null);
        Console.WriteLine($"{facts.Host.Processor}, {facts.Host.Cores} cores, {facts.Host.Runtime}, {facts.Qemu ?? "no QEMU"}");
        Console.WriteLine($"medians of {facts.Processes} processes each; load average before: {facts.LoadBefore}");
        var table = new ResultTable(Console.Out, [.. contenders.Select(static c => c.Name)]);
        table.WriteHead();
        var contest = new Contest(contenders, options.Processes, options.Seconds, options.Limit);
        var results = new List<ProgramResult>();
        bool complete = true;
        try
        {
            foreach (GuestProgram program in programs)
            {
                ProgramResult result = contest.Run(program, cancellation);
                results.Add(result);
                table.WriteLine(result);
            }
        }
        catch (OperationCanceledException)
        {
            complete = false;
            Console.WriteLine("Interrupted: what was measured so far follows.");
        }

        table.WriteMeans();
        facts = facts with { LoadAfter = HostFacts.ReadLoad() };
        Console.WriteLine($"load average after: {facts.LoadAfter}");
        if (options.Json is { } path)
        {
            ResultFile.Write(path, facts, results);
        }

        return !complete ? 130 : results.All(static r => r.Scores.All(static s => s.Failure is null)) ? 0 : 1;
    }
}
