using System.Diagnostics;

namespace Lguest.Jit.Switcher.Time;

/// <summary>The Host's monotonic clock in nanoseconds: no leaps, no steps, and fine enough for a time-stamp counter.</summary>
internal static class MonotonicTime
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>Nanoseconds since some moment before the program started.</summary>
    public static long Now => Stopwatch.Frequency == NanosecondsPerSecond
        ? Stopwatch.GetTimestamp()
        : Scale(Stopwatch.GetTimestamp(), Stopwatch.Frequency);

    /// <summary>The moment of <see cref="Stopwatch.GetTimestamp"/> at which <see cref="Now"/> is <paramref name="nanoseconds"/>.</summary>
    public static long Timestamp(long nanoseconds) => Stopwatch.Frequency == NanosecondsPerSecond
        ? nanoseconds
        : Unscale(nanoseconds, Stopwatch.Frequency);

    /// <summary>Converts ticks at <paramref name="frequency"/> Hz to nanoseconds; exact, and good for centuries.</summary>
    internal static long Scale(long ticks, long frequency)
    {
        (long seconds, long rest) = Math.DivRem(ticks, frequency);
        return seconds * NanosecondsPerSecond + rest * NanosecondsPerSecond / frequency;
    }

    /// <summary>Converts nanoseconds to ticks at <paramref name="frequency"/> Hz, rounded up: not before those nanoseconds are over.</summary>
    internal static long Unscale(long nanoseconds, long frequency)
    {
        (long seconds, long rest) = Math.DivRem(nanoseconds, NanosecondsPerSecond);
        return seconds * frequency + (rest * frequency + NanosecondsPerSecond - 1) / NanosecondsPerSecond;
    }
}
