using Lguest.Jit.Core.State;

namespace Lguest.Jit.Launcher.Reporting;

/// <summary>Where the wall time of the Guest thread went.</summary>
/// <param name="ByTier">Time by <see cref="ExecutionTier"/>. They add up to the wall time.</param>
/// <param name="Samples">Looks that this rests on; waiting is measured, the rest is shared out by them.</param>
internal sealed record TierTimes(IReadOnlyList<TimeSpan> ByTier, long Samples)
{
    public TimeSpan this[ExecutionTier tier] => ByTier[(int)tier];

    /// <summary>
    /// Waiting has been measured at its edges, exactly, since those are rare. Everything else begins and ends too often for that, and
    /// is shared out as the samples say.
    /// </summary>
    /// <param name="sampled">Ticks (of anything) seen in each tier; waiting is not looked at.</param>
    /// <param name="samples">Number of looks.</param>
    /// <param name="wallTime">All of it.</param>
    /// <param name="waiting">Of that, asleep.</param>
    public static TierTimes Share(IReadOnlyList<long> sampled, long samples, TimeSpan wallTime, TimeSpan waiting)
    {
        var times = new TimeSpan[sampled.Count];
        long all = sampled.Sum() - sampled[(int)ExecutionTier.Waiting];
        TimeSpan awake = wallTime > waiting ? wallTime - waiting : TimeSpan.Zero;
        for (int i = 0; i < times.Length && all > 0; i++)
        {
            times[i] = awake * ((double)sampled[i] / all);
        }

        times[(int)ExecutionTier.Waiting] = waiting;
        return new TierTimes(times, samples);
    }
}
