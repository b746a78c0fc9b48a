using System.Globalization;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Reporting;

/// <summary>The table of <c>--stats</c>: plain aligned text, zero rows left out, so that it reads well in a log too.</summary>
internal static class StatisticsReport
{
    private const int LabelWidth = 34;
    private const int NumberWidth = 16;

    private static readonly Dictionary<int, string> TrapNames = new()
    {
        [0] = "divide error",
        [1] = "debug",
        [3] = "breakpoint",
        [4] = "overflow",
        [5] = "bound",
        [6] = "invalid opcode",
        [7] = "device not available",
        [10] = "invalid TSS",
        [11] = "segment not present",
        [12] = "stack fault",
        [13] = "general protection",
        [14] = "page fault",
        [16] = "x87",
        [17] = "alignment check",
        [19] = "SIMD",
        [0x80] = "system call",
    };

    private static readonly Dictionary<int, string> HypercallNames = new()
    {
        [0] = "FLUSH_ASYNC",
        [1] = "LGUEST_INIT",
        [2] = "SHUTDOWN",
        [4] = "NEW_PGTABLE",
        [5] = "FLUSH_TLB",
        [6] = "LOAD_IDT_ENTRY",
        [7] = "SET_STACK",
        [8] = "TS",
        [9] = "SET_CLOCKEVENT",
        [10] = "HALT",
        [13] = "SET_PMD",
        [14] = "SET_PTE",
        [15] = "SET_PGD",
        [16] = "LOAD_TLS",
        [18] = "LOAD_GDT_ENTRY",
        [19] = "SEND_INTERRUPTS",
        [SwitcherStatistics.OtherHypercall] = "others",
    };

    public static void Write(TextWriter writer, RunStatistics run)
    {
        SwitcherStatistics counters = run.Switcher;
        Row(writer, "instructions", run.Instructions);
        Row(writer, "wall time", string.Create(CultureInfo.InvariantCulture, $"{run.WallTime.TotalSeconds:F3} s"));
        Row(writer, "speed", string.Create(CultureInfo.InvariantCulture, $"{run.Mips:F1} MIPS"));
        Row(writer, "TLB fills", run.TlbFills);
        Row(writer, "port accesses", counters.PortAccesses);
        Row(writer, "idle sleeps", counters.Halts);
        Row(writer, "interrupts refused", counters.RefusedInterrupts);
        Section(writer, "exits by reason", counters.ExitsByReason, static i => ((ExitReason)i).ToString());
        Section(writer, "interrupts", counters.InterruptsByIrq, static i => i == 0 ? "IRQ 0 (timer)" : $"IRQ {i}");
        Section(writer, "faults and software interrupts", counters.TrapsByVector, static i => Named(i, TrapNames));
        Section(writer, "hypercalls", counters.HypercallsByNumber, static i => Named(i, HypercallNames));
        Section(writer, "hypercalls from the ring", counters.QueuedHypercallsByNumber, static i => Named(i, HypercallNames));
    }

    private static void Section(TextWriter writer, string title, long[] counts, Func<int, string> label)
    {
        long total = counts.Sum();
        Row(writer, title, total);
        for (int i = 0; i < counts.Length && total != 0; i++)
        {
            if (counts[i] != 0)
            {
                Row(writer, "  " + label(i), counts[i]);
            }
        }
    }

    private static string Named(int number, Dictionary<int, string> names) =>
        names.TryGetValue(number, out string? name) ? $"{number,3} {name}" : $"{number,3}";

    private static void Row(TextWriter writer, string label, long count) =>
        Row(writer, label, count.ToString("N0", CultureInfo.InvariantCulture));

    private static void Row(TextWriter writer, string label, string value) =>
        writer.WriteLine("  " + label.PadRight(LabelWidth) + value.PadLeft(NumberWidth));
}
