using Lguest.Jit.Core.Execution;
using Lguest.Jit.Launcher.Reporting;
using Lguest.Jit.Switcher;

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
    public void A_run_too_short_to_measure_has_no_speed() =>
        Assert.Equal(0, new RunStatistics(new SwitcherStatistics(), 5, 0, TimeSpan.Zero).Mips);
}
