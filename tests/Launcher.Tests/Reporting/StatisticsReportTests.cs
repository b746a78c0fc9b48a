using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Reporting;
using Lguest.Jit.Switcher;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Launcher.Tests.Reporting;

public class StatisticsReportTests
{
    [Fact]
    public void Counts_are_listed_with_their_names_and_zeros_left_out()
    {
        var counters = new SwitcherStatistics { PortAccesses = 46_200, Halts = 3, RefusedInterrupts = 2 };
        counters.ExitsByReason[(int)ExitReason.Attention] = 5;
        counters.InterruptsByIrq[0] = 250;
        counters.InterruptsByIrq[1] = 7;
        counters.TrapsByVector[14] = 1234;
        counters.TrapsByVector[0x80] = 99;
        counters.TrapsByVector[200] = 1;
        counters.HypercallsByNumber[14] = 825;
        counters.QueuedHypercallsByNumber[16] = 228;
        counters.HypercallsByNumber[SwitcherStatistics.OtherHypercall] = 1;
        using var writer = new StringWriter();
        StatisticsReport.Write(writer, new RunStatistics(counters, 150_000_000, 4321, TimeSpan.FromSeconds(0.5)));
        string[] rows = [.. writer.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries)
            .Select(static row => System.Text.RegularExpressions.Regex.Replace(row.Trim(), " {2,}", "|"))];
        string[] expected =
        [
            "instructions|150,000,000", "wall time|0.500 s", "speed|300.0 MIPS", "TLB fills|4,321", "port accesses|46,200", "idle sleeps|3",
            "interrupts refused|2", "exits by reason|5", "Attention|5", "interrupts|257", "IRQ 0 (timer)|250", "IRQ 1|7",
            "faults and software interrupts|1,334", "14 page fault|1,234", "128 system call|99", "200|1", "hypercalls|826", "14 SET_PTE|825",
            "20 others|1", "hypercalls from the ring|228", "16 LOAD_TLS|228",
        ];
        Assert.Equal(expected, rows);
    }

    [Fact]
    public void Times_and_the_translators_counters_are_there_if_somebody_looked()
    {
        var times = new TimeSpan[5];
        times[(int)ExecutionTier.Translated] = TimeSpan.FromSeconds(0.4);
        times[(int)ExecutionTier.Waiting] = TimeSpan.FromSeconds(0.1);
        long[] leaves = new long[Enum.GetValues<LeaveReason>().Length];
        leaves[(int)LeaveReason.IndirectNotFound] = 8;
        var run = new RunStatistics(new SwitcherStatistics(), 1000, 0, TimeSpan.FromSeconds(0.5))
        {
            Times = new TierTimes(times, 350),
            Translator = new TranslatorStatistics
            {
                BlocksDecoded = 9,
                RegionsCompiled = 4,
                RegionsEvicted = 1,
                CompileTime = TimeSpan.FromSeconds(0.25),
                InBackground = true,
                CodeCacheBytes = 3 << 20,
                CodeCacheCapacity = 64 << 20,
                Leaves = leaves,
            },
        };
        using var writer = new StringWriter();
        StatisticsReport.Write(writer, run);
        string text = System.Text.RegularExpressions.Regex.Replace(writer.ToString(), " {2,}", "|");
        foreach (string row in new[]
        {
            "|translated code|80.0 %|0.400 s", "|waiting|20.0 %|0.100 s", "|(samples)|350", "|compiling, on another thread|0.250 s", "|blocks decoded|9",
            "|regions compiled|4", "|evicted|1", "|code cache, KiB (estimated)|3,072", "|left a region, by reason|8", "|indirect branch not found|8",
        })
        {
            Assert.Contains(row + Environment.NewLine, text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_run_too_short_to_measure_has_no_speed() =>
        Assert.Equal(0, new RunStatistics(new SwitcherStatistics(), 5, 0, TimeSpan.Zero).Mips);
}
