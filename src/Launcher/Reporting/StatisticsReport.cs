using System.Globalization;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;
using Lguest.Jit.Switcher;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Launcher.Reporting;

/// <summary>The table of <c>--stats</c>: plain aligned text, zero rows left out, so that it reads well in a log too.</summary>
internal static class StatisticsReport
{
    private const int LabelWidth = 34;
    private const int NumberWidth = 16;

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
        Row(writer, "wall time", Seconds(run.WallTime));
        Row(writer, "speed", string.Create(CultureInfo.InvariantCulture, $"{run.Mips:F1} MIPS"));
        WriteTimes(writer, run);
        Row(writer, "TLB fills", run.TlbFills);
        Row(writer, "port accesses", counters.PortAccesses);
        Row(writer, "idle sleeps", counters.Halts);
        Row(writer, "interrupts refused", counters.RefusedInterrupts);
        Section(writer, "exits by reason", counters.ExitsByReason, static i => ((ExitReason)i).ToString());
        WriteTranslator(writer, run.Translator);
        Section(writer, "interrupts", counters.InterruptsByIrq, static i => i == 0 ? "IRQ 0 (timer)" : $"IRQ {i}");
        Section(writer, "faults and software interrupts", counters.TrapsByVector, static i => Named(i, TrapNames.All));
        Section(writer, "hypercalls", counters.HypercallsByNumber, static i => Named(i, HypercallNames));
        Section(writer, "hypercalls from the ring", counters.QueuedHypercallsByNumber, static i => Named(i, HypercallNames));
    }

    private static void WriteTimes(TextWriter writer, RunStatistics run)
    {
        if (run.Times is not { } times)
        {
            return;
        }

        Row(writer, "  translated code", Share(times, ExecutionTier.Translated));
        Row(writer, "  interpreting", Share(times, ExecutionTier.Interpreter));
        Row(writer, "  planning and installing", Share(times, ExecutionTier.Translator));
        Row(writer, "  Switcher and devices", Share(times, ExecutionTier.Switcher));
        Row(writer, "  waiting", Share(times, ExecutionTier.Waiting));
        Row(writer, "  (samples)", times.Samples);
        if (run.Translator is { RegionsCompiled: > 0 } translator)
        {
            Row(writer, translator.InBackground ? "compiling, on another thread" : "  of planning, compiling", Seconds(translator.CompileTime));
        }

        string Share(TierTimes of, ExecutionTier tier) => string.Create(
            CultureInfo.InvariantCulture, $"{(run.WallTime > TimeSpan.Zero ? 100 * (of[tier] / run.WallTime) : 0),5:F1} %  {Seconds(of[tier])}");
    }

    private static void WriteTranslator(TextWriter writer, TranslatorStatistics? t)
    {
        if (t is null)
        {
            return;
        }

        Row(writer, "blocks decoded", t.BlocksDecoded);
        NonZero(writer, "  invalidated", t.BlocksInvalidated);
        NonZero(writer, "  times an arena was emptied", t.BlockResets);
        if (t.CodeCacheCapacity == 0)
        {
            return;
        }

        Row(writer, "regions compiled", t.RegionsCompiled);
        NonZero(writer, "  blocks in them", t.BlocksCompiled);
        NonZero(writer, "  instructions in them", t.InstructionsCompiled);
        NonZero(writer, "  bytes of IL", t.IlBytes);
        NonZero(writer, "  installed", t.RegionsInstalled);
        NonZero(writer, "  finished too late", t.RegionsOutdated);
        NonZero(writer, "  invalidated", t.RegionsInvalidated);
        NonZero(writer, "  evicted", t.RegionsEvicted);
        NonZero(writer, "  hot blocks that wait", t.BlocksWaiting);
        Row(writer, "code cache, KiB (estimated)", t.CodeCacheBytes >> 10);
        Row(writer, "  of at most, KiB", t.CodeCacheCapacity >> 10);
        Section(writer, "left a region, by reason", t.Leaves, static i => LeaveNames.Of((LeaveReason)i));
    }

    private static void NonZero(TextWriter writer, string label, long count)
    {
        if (count != 0)
        {
            Row(writer, label, count);
        }
    }

    private static string Seconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:F3} s");

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

    private static string Named(int number, IReadOnlyDictionary<int, string> names) =>
        names.TryGetValue(number, out string? name) ? $"{number,3} {name}" : $"{number,3}";

    private static void Row(TextWriter writer, string label, long count) =>
        Row(writer, label, count.ToString("N0", CultureInfo.InvariantCulture));

    private static void Row(TextWriter writer, string label, string value) =>
        writer.WriteLine("  " + label.PadRight(LabelWidth) + value.PadLeft(NumberWidth));
}
