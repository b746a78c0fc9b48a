using System.Diagnostics;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Reporting;
using Lguest.Jit.Switcher;
using Xunit.Abstractions;

namespace Lguest.Jit.Launcher.Tests.Hostile;

/// <summary>Runs many Guests that execute garbage, one seed for each, and counts how they end.</summary>
/// <param name="seed">Chooses everything.</param>
/// <param name="user">In ring 3; else in ring 1.</param>
/// <param name="engine">As <see cref="HostileMachine"/> knows it.</param>
internal sealed class CodePageRun(int seed, bool user, string engine)
{
    /// <summary>The most that one gets. The limit itself is random: it has to be kept to the instruction.</summary>
    private const int Instructions = 2_000;

    private readonly byte[] _page = new byte[0x1000];
    private readonly uint[] _registers = new uint[8];
    private int _number;

    public Dictionary<GuestEndKind, int> Ends { get; } = [];

    /// <summary>What they were killed for, without addresses.</summary>
    public SortedSet<string> Reasons { get; } = [];

    public long Executed { get; private set; }

    public long Traps { get; private set; }

    public int Killed => Ends.GetValueOrDefault(GuestEndKind.Killed);

    public int Exhausted => Ends.GetValueOrDefault(GuestEndKind.InstructionLimit);

    /// <summary>Runs <paramref name="pages"/> of them, and fails with the number of the one that went wrong, or that never ends.</summary>
    public async Task Run(int pages, ITestOutputHelper output)
    {
        long started = Stopwatch.GetTimestamp();
        try
        {
            await Task.Run(() => RunAll(pages)).WaitAsync(TimeSpan.FromHours(1));
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"code page {_number} of seed {seed}, {engine}", e);
        }

        output.WriteLine($"{pages} code pages in {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s: {Executed} instructions, {Traps} traps delivered");
        output.WriteLine(string.Join(", ", Ends.Select(static p => $"{p.Key} {p.Value}")));
        output.WriteLine(string.Join('\n', Reasons));
        Assert.Equal(pages, Ends.Values.Sum());
    }

    private void RunAll(int pages)
    {
        using var watchdog = new Watchdog();
        using var machine = new HostileMachine(engine);
        for (_number = 0; _number < pages; _number++)
        {
            RunOne(machine, new Random(unchecked((int)((uint)(_number + seed) * 2654435761u))), watchdog);
        }
    }

    private void RunOne(HostileMachine machine, Random random, Watchdog watchdog)
    {
        var start = new HostileStart(
            user,
            Paging: random.Next(user ? 16 : 4) != 0,
            Initialise: random.Next(8) != 0,
            Gates: random.Next(4) != 0);
        RandomGuest guest = RandomGuest.Make(random, start, _page, _registers);
        guest.LayOut(machine);
        if (random.Next(16) == 0)
        {
            machine.Type("hello"u8);
        }

        Count(machine, machine.Run(start, guest.Eip, _registers, random.Next(1, Instructions), watchdog));
    }

    private void Count(HostileMachine machine, GuestEnd end)
    {
        Ends[end.Kind] = Ends.GetValueOrDefault(end.Kind) + 1;
        Executed += machine.Statistics.Instructions;
        Traps += machine.Statistics.TrapsByVector.Sum();
        if (end.Kind == GuestEndKind.Killed)
        {
            _ = Reasons.Add(DeathRegister.Kind(end.Message));
            if (_number % 4 == 0)
            {
                // Whoever buries them gets to see the worst.
                string report = KillReport.Describe(machine.Machine, end.Message, SymbolTable.Empty);
                Assert.DoesNotContain(report, static c => char.IsControl(c) && c is not ('\n' or '\r'));
            }
        }
    }
}
