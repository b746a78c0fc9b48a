using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Reporting;
using Lguest.Jit.Launcher.Tests.Support;

namespace Lguest.Jit.Launcher.Tests.Reporting;

/// <summary>Where the time went: what is measured stays as measured, the rest adds up.</summary>
public class TierTimesTests
{
    [Fact]
    public void Waiting_is_taken_as_measured_and_the_rest_is_shared_out_by_the_samples()
    {
        long[] sampled = new long[5];
        sampled[(int)ExecutionTier.Translated] = 600;
        sampled[(int)ExecutionTier.Interpreter] = 300;
        sampled[(int)ExecutionTier.Switcher] = 100;
        sampled[(int)ExecutionTier.Waiting] = 12345;
        TierTimes times = TierTimes.Share(sampled, 42, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(1));
        Assert.Equal(1.2, times[ExecutionTier.Translated].TotalSeconds, 6);
        Assert.Equal(0.6, times[ExecutionTier.Interpreter].TotalSeconds, 6);
        Assert.Equal(0.2, times[ExecutionTier.Switcher].TotalSeconds, 6);
        Assert.Equal(1, times[ExecutionTier.Waiting].TotalSeconds, 6);
        Assert.Equal(3, times.ByTier.Sum(static t => t.TotalSeconds), 6);
        Assert.Equal(42, times.Samples);
    }

    [Fact]
    public void Without_a_sample_nothing_is_claimed()
    {
        TierTimes times = TierTimes.Share(new long[5], 0, TimeSpan.FromSeconds(3), TimeSpan.Zero);
        Assert.All(times.ByTier, static t => Assert.Equal(TimeSpan.Zero, t));
    }

    [Fact]
    public void A_Guest_that_loops_for_ever_is_seen_in_the_tier_that_executes_it()
    {
        Launch jit = Run("jit", "translated code", "interpreting");
        Assert.Contains("regions compiled", jit.Error, StringComparison.Ordinal);
        Launch interpreter = Run("interpreter", "interpreting", "translated code");
        Assert.DoesNotContain("regions compiled", interpreter.Error, StringComparison.Ordinal);
    }

    /// <summary>Compiled before it runs, which takes its time, and so does a Host with other things to do: the longer it runs the less of that is to be seen.</summary>
    private static Launch Run(string engine, string most, string least)
    {
        Launch run = new(0, "", "");
        Assert.Contains(new[] { "500ms", "5s", "50s" }, limit =>
        {
            run = Launch.With(["run", "--stats", "--engine", engine, "--jit-threshold", "0", "--timeout", limit], input: null, new TinyGuest().LoopForEver().Load);
            return Percent(run, most) > Percent(run, least);
        });
        return run;
    }

    private static double Percent(Launch run, string label)
    {
        string row = Assert.Single(run.ErrorLines, l => l.Trim().StartsWith(label, StringComparison.Ordinal));
        return double.Parse(row.Trim()[label.Length..].Split('%')[0], System.Globalization.CultureInfo.InvariantCulture);
    }
}
