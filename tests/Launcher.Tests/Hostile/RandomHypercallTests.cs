using System.Diagnostics;
using Lguest.Jit.Core.State;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Switcher;
using Xunit.Abstractions;

namespace Lguest.Jit.Launcher.Tests.Hostile;

/// <summary>
/// Guests that make hypercalls at random, with pointers to wherever it hurts, before INIT and after, synchronously and by the
/// ring, and use what they have set up: memory, segments, gates, stacks. The Guest may die of it, the Host may not.
/// </summary>
public sealed class RandomHypercallTests(ITestOutputHelper output)
{
    private const int Instructions = 2_000;
    private const int Seed = 20170903;

    /// <summary>What the entrance calls before it lets the Guest loose: INIT, SET_STACK, NEW_PGTABLE.</summary>
    private const int OwnCalls = 3;

    private readonly Dictionary<GuestEndKind, int> _ends = [];
    private readonly SortedSet<string> _reasons = [];
    private readonly long[] _byNumber = new long[SwitcherStatistics.OtherHypercall + 1];
    private long _made;
    private long _queued;
    private int _guest;

    [Theory]
    [InlineData("interpreter", 20_000)]
    [InlineData("jit", 5_000)]
    public async Task Random_hypercalls_end_in_a_kill_or_in_nothing(string engine, int everyDay)
    {
        int calls = Soak.Count(everyDay, 100_000);
        long started = Stopwatch.GetTimestamp();
        try
        {
            await Task.Run(() => RunAll(engine, calls)).WaitAsync(TimeSpan.FromHours(1));
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"Guest {_guest} of seed {Seed}, {engine}", e);
        }

        output.WriteLine($"{_made} hypercalls and {_queued} from the ring, by {_guest} Guests in {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s");
        output.WriteLine(string.Join(", ", _byNumber.Select(static (count, number) => $"{number}: {count}")));
        output.WriteLine(string.Join(", ", _ends.Select(static p => $"{p.Key} {p.Value}")));
        output.WriteLine(string.Join('\n', _reasons));

        // Each call was made in earnest, and each cause of death was reached.
        Assert.All(_byNumber, count => Assert.True(count > calls / 5_000));
        Assert.True(_queued > calls / 20);
        Assert.True(_reasons.Count >= (calls < 100_000 ? 12 : 18), "hardly any variety of deaths");
        Assert.True(_ends.ContainsKey(GuestEndKind.InstructionLimit));
        Assert.True(_ends.ContainsKey(GuestEndKind.Restart));
    }

    private void RunAll(string engine, int calls)
    {
        using var watchdog = new Watchdog { Patience = 4 };
        using var machine = new HostileMachine(engine);
        byte[] table = new byte[HypercallCaller.Entries * CallEntry.Bytes];
        for (_guest = 0; _made < calls; _guest++)
        {
            RunOne(machine, new Random(unchecked((int)((uint)(_guest + Seed) * 2654435761u))), table, watchdog);
        }
    }

    private void RunOne(HostileMachine machine, Random random, byte[] table, Watchdog watchdog)
    {
        var start = new HostileStart(User: false, Paging: random.Next(3) != 0, Initialise: random.Next(20) != 0, Gates: random.Next(8) != 0);
        bool careful = random.Next(2) == 0;
        machine.Prepare(start);
        machine.Write(HostileLayout.Code, HypercallCaller.Code);
        for (int i = 0; i < HypercallCaller.Entries; i++)
        {
            // Where the Host has not been introduced yet, some try it with an introduction of their own.
            uint number = i == 0 && !start.Initialise && random.Next(2) == 0 ? HypercallNumbers.LguestInit : Number(random);
            CallEntry entry = Entry(random, number);
            (careful && random.Next(16) != 0 ? Careful(entry) : entry).Store(table.AsSpan(i * CallEntry.Bytes));
        }

        machine.Write(HostileLayout.Calls, table);
        PrepareRing(machine, random);
        uint[] registers = new uint[8];
        registers[Reg.Esp] = HostileLayout.KernelStack - 64;
        GuestEnd end = machine.Run(start, HostileLayout.Code, registers, Instructions, watchdog);
        _ends[end.Kind] = _ends.GetValueOrDefault(end.Kind) + 1;
        if (end.Kind == GuestEndKind.Killed)
        {
            _ = _reasons.Add(DeathRegister.Kind(end.Message));
        }

        Count(machine.Statistics, start);
    }

    private void Count(SwitcherStatistics statistics, HostileStart start)
    {
        for (int i = 0; i < _byNumber.Length; i++)
        {
            _byNumber[i] += statistics.HypercallsByNumber[i] + statistics.QueuedHypercallsByNumber[i];
        }

        _made += Math.Max(0, statistics.HypercallsByNumber.Sum() - (start.Initialise ? OwnCalls : 0));
        _queued += statistics.QueuedHypercallsByNumber.Sum();
    }

    /// <summary>Calls for the ring; some queued from the start.</summary>
    private static void PrepareRing(HostileMachine machine, Random random)
    {
        for (uint slot = 0; slot < AsyncRing.Size; slot++)
        {
            uint at = HostileLayout.Data + LguestData.Hcalls + slot * HcallArgs.Size;
            machine[at] = Number(random);
            for (uint argument = 1; argument < 5; argument++)
            {
                machine[at + 4 * argument] = Argument(random);
            }
        }

        machine[HostileLayout.Data + LguestData.BlockedInterrupts] = random.Next(2) == 0 ? 0 : HostileWords.Any(random);
        if (random.Next(4) == 0)
        {
            machine[HostileLayout.Data + LguestData.HcallStatus] = HostileWords.Any(random) & 0xFF00FFFF;
        }
    }

    private static CallEntry Entry(Random random, uint number)
    {
        AfterCall after = AfterCall.None;
        for (int bit = 0; bit < 7; bit++)
        {
            after |= random.Next(6) == 0 ? (AfterCall)(1u << bit) : AfterCall.None;
        }

        return new CallEntry(
            number, Argument(random), Argument(random), Argument(random), Argument(random), HostileWords.Word(random), after, HostileWords.Selector(random));
    }

    /// <summary>A Guest that dies of its first call shows little: half of them mind the ranges, mostly, and live to see what comes of it.</summary>
    private static CallEntry Careful(CallEntry entry)
    {
        entry = entry with { Address = entry.Address % HostileLayout.RamSize, Number = entry.Number & 1 };
        return entry.Eax switch
        {
            HypercallNumbers.LoadIdtEntry => entry with { Ebx = entry.Ebx & 0xFF, Edx = (entry.Edx & ~0xF00u) | 0xE00 },
            HypercallNumbers.SetStack => entry with { Ebx = 0x69, Ecx = HostileLayout.KernelStack - (entry.Ecx & 0xFF0), Edx = entry.Edx & 1 },
            HypercallNumbers.NewPgtable => entry with { Ebx = HostileLayout.PageDirectory },
            HypercallNumbers.SetPte => entry with { Ecx = entry.Ecx & 0xBFFFFFFF },
            HypercallNumbers.SetPgd => entry with { Ecx = entry.Ecx & 0x3FF },
            HypercallNumbers.LoadTls => entry with { Ebx = entry.Ebx % (HostileLayout.RamSize - 24) },
            HypercallNumbers.LoadGdtEntry => entry with { Ebx = entry.Ebx & 31 },
            <= HypercallNumbers.SendInterrupts => entry,
            _ => entry with { Eax = HypercallNumbers.FlushAsync },
        };
    }

    /// <summary>The surest ways to die, and the one to fall asleep, are rare; they leave something for the others.</summary>
    private static uint Number(Random random)
    {
        uint number = random.Next(60) == 0 ? HostileWords.Word(random) : (uint)random.Next(0, 20);
        bool rare = number is HypercallNumbers.LguestInit or HypercallNumbers.Shutdown or HypercallNumbers.Halt or HypercallNumbers.SetPmd
            or HypercallNumbers.NewPgtable or 3 or 11 or 12 or 17;
        return rare && random.Next(12) != 0 ? HypercallNumbers.SetPte : number;
    }

    /// <summary>Small numbers above all, for there the calls have something to do; gates and stacks that could work; and the wild ones.</summary>
    private static uint Argument(Random random) => random.Next(8) switch
    {
        0 => (uint)random.Next(3),
        1 => (uint)random.Next(64),
        2 => 0x69,
        3 => HostileWords.Place(random),
        4 => HostileLayout.PageDirectory,
        5 => 0x00008E00 | (HostileLayout.Entrance & 0xFFFF0000) | (HostileWords.Any(random) & 0xFFFF6100),
        _ => HostileWords.Word(random),
    };
}
