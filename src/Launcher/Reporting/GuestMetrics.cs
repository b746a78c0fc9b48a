using System.Diagnostics.Metrics;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;
using Lguest.Jit.Switcher;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Launcher.Reporting;

/// <summary>
/// The statistics of a running Guest as instruments of System.Diagnostics.Metrics, meter <see cref="MeterName"/>, for
/// <c>dotnet-counters</c> and its kind. Nothing is pushed: whoever listens asks, on a thread of his own, and gets numbers that
/// were true a moment ago.
/// </summary>
internal sealed class GuestMetrics : IDisposable
{
    public const string MeterName = "Lguest.Jit";

    private readonly SwitcherStatistics _switcher;
    private readonly Func<TranslatorStatistics> _translator;

    /// <param name="switcher">The Switcher's counters.</param>
    /// <param name="tlbFills">Reads the number of cold fills.</param>
    /// <param name="translator">Takes the engine's counters.</param>
    /// <param name="times">Where the time goes; null: nobody looks.</param>
    public GuestMetrics(SwitcherStatistics switcher, Func<long> tlbFills, Func<TranslatorStatistics> translator, Func<TierTimes>? times)
    {
        _switcher = switcher;
        _translator = translator;
        Count("instructions", () => switcher.Instructions, "Guest instructions completed, as of the last exit");
        Count("tlb.fills", tlbFills, "cold fills of the soft TLB");
        Count("ports.accesses", () => switcher.PortAccesses, "in and out instructions");
        Count("halts", () => switcher.Halts, "times that the Guest slept");
        Count("interrupts.refused", () => switcher.RefusedInterrupts, "interrupts that found interrupts disabled");
        Count("exits", () => Each(_switcher.ExitsByReason, "reason", static i => ((ExitReason)i).ToString()), "exits of the engine");
        Count("interrupts", () => Each(_switcher.InterruptsByIrq, "irq", Number), "interrupts delivered");
        Count("traps", () => Each(_switcher.TrapsByVector, "vector", Number), "faults and software interrupts delivered");
        Count("hypercalls", () => Each(_switcher.HypercallsByNumber, "number", Number), "hypercalls by int $31");
        Count("hypercalls.queued", () => Each(_switcher.QueuedHypercallsByNumber, "number", Number), "hypercalls from the ring");
        CreateTranslator();
        if (times != null)
        {
            Meter.CreateObservableCounter(Named("time"), () => Times(times()), "s", "time of the Guest thread");
        }
    }

    /// <summary>This Guest's. Others of the same process have one of the same name.</summary>
    public Meter Meter { get; } = new(MeterName);

    public void Dispose() => Meter.Dispose();

    private void CreateTranslator()
    {
        Count("blocks.decoded", () => _translator().BlocksDecoded, "blocks decoded");
        Count("blocks.invalidated", () => _translator().BlocksInvalidated, "blocks dropped because their code was overwritten");
        Count("regions.compiled", () => _translator().RegionsCompiled, "regions compiled");
        Count("regions.installed", () => _translator().RegionsInstalled, "regions put into use");
        Count("regions.invalidated", () => _translator().RegionsInvalidated, "regions dropped because their code was overwritten");
        Count("regions.evicted", () => _translator().RegionsEvicted, "regions that made room for others");
        Count("regions.left", () => Each(_translator().Leaves, "reason", static i => LeaveNames.Of((LeaveReason)i)), "ways out of regions");
        Meter.CreateObservableGauge(Named("regions.live"), () => _translator().RegionsLive, description: "regions in use");
        Meter.CreateObservableGauge(Named("code_cache.size"), () => _translator().CodeCacheBytes, "By", "translated code, by estimate");
        Meter.CreateObservableCounter(Named("compile.time"), () => _translator().CompileTime.TotalSeconds, "s", "time spent compiling");
    }

    private static string Named(string name) => "lguest." + name;

    private static string Number(int number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private void Count(string name, Func<long> read, string description) => Meter.CreateObservableCounter(Named(name), read, description: description);

    private void Count(string name, Func<IEnumerable<Measurement<long>>> read, string description) =>
        Meter.CreateObservableCounter(Named(name), read, description: description);

    /// <summary>Those of the counts that are not zero, each with its name for a tag.</summary>
    private static IEnumerable<Measurement<long>> Each(long[] counts, string tag, Func<int, string> name)
    {
        for (int i = 0; i < counts.Length; i++)
        {
            if (counts[i] != 0)
            {
                yield return new Measurement<long>(counts[i], new KeyValuePair<string, object?>(tag, name(i)));
            }
        }
    }

    private static IEnumerable<Measurement<double>> Times(TierTimes times)
    {
        foreach (ExecutionTier tier in Enum.GetValues<ExecutionTier>())
        {
            yield return new Measurement<double>(times[tier].TotalSeconds, new KeyValuePair<string, object?>("tier", tier.ToString()));
        }
    }
}
