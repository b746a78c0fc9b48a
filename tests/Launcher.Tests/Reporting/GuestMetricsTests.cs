using System.Diagnostics.Metrics;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Reporting;
using Lguest.Jit.Switcher;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Launcher.Tests.Reporting;

public class GuestMetricsTests
{
    [Fact]
    public void Whoever_listens_gets_every_counter_with_its_name()
    {
        var counters = new SwitcherStatistics { Instructions = 77, Halts = 3 };
        counters.ExitsByReason[(int)ExitReason.Fault] = 5;
        counters.TrapsByVector[14] = 9;
        long[] leaves = new long[Enum.GetValues<LeaveReason>().Length];
        leaves[(int)LeaveReason.Miss] = 11;
        var translator = new TranslatorStatistics { RegionsInstalled = 6, CompileTime = TimeSpan.FromSeconds(2), Leaves = leaves };
        var sampled = new TimeSpan[5];
        sampled[(int)ExecutionTier.Translated] = TimeSpan.FromSeconds(4);
        var seen = new Dictionary<string, double>();

        // Other Guests of this process have meters of the same name; two of them for sure.
        using (new GuestMetrics(new SwitcherStatistics { Instructions = 78 }, () => 124, () => translator, null))
        using (var metrics = new GuestMetrics(counters, () => 123, () => translator, () => new TierTimes(sampled, 1)))
        using (new GuestMetrics(new SwitcherStatistics { Instructions = 79 }, () => 125, () => translator, null))
        {
            Assert.Equal(GuestMetrics.MeterName, metrics.Meter.Name);
            using var listener = new MeterListener { InstrumentPublished = (i, l) => { if (i.Meter == metrics.Meter) { l.EnableMeasurementEvents(i); } } };
            listener.SetMeasurementEventCallback<long>((i, value, tags, _) => seen[Name(i, tags)] = value);
            listener.SetMeasurementEventCallback<double>((i, value, tags, _) => seen[Name(i, tags)] = value);
            listener.Start();
            listener.RecordObservableInstruments();
        }

        Assert.Equal(77, seen["lguest.instructions"]);
        Assert.Equal(3, seen["lguest.halts"]);
        Assert.Equal(123, seen["lguest.tlb.fills"]);
        Assert.Equal(5, seen["lguest.exits Fault"]);
        Assert.Equal(9, seen["lguest.traps 14"]);
        Assert.Equal(11, seen["lguest.regions.left miss"]);
        Assert.Equal(6, seen["lguest.regions.installed"]);
        Assert.Equal(2, seen["lguest.compile.time"]);
        Assert.Equal(4, seen["lguest.time Translated"]);
        Assert.DoesNotContain("lguest.exits Kill", seen.Keys);
    }

    private static string Name(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        tags.Length == 0 ? instrument.Name : $"{instrument.Name} {tags[0].Value}";
}
