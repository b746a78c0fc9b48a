using System.Globalization;

namespace Lguest.Jit.Launcher.Compare;

/// <summary>The line that a long comparison says now and then: how far it is, how fast, and how much longer it can take.</summary>
/// <param name="writer">Gets the lines.</param>
/// <param name="most">Instructions after which it is enough; <see cref="long.MaxValue"/>: nobody knows, and nothing is said of it.</param>
/// <param name="clock">Whose seconds count. It starts now.</param>
internal sealed class CompareProgress(TextWriter writer, long most, TimeProvider clock)
{
    /// <summary>Between two lines, and before the first: short comparisons say nothing.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly long _started = clock.GetTimestamp();
    private TimeSpan _last;

    /// <summary>Since the beginning.</summary>
    public TimeSpan Elapsed => clock.GetElapsedTime(_started);

    /// <summary>Says it, if it is time.</summary>
    /// <param name="instructions">Known to be equal, over all lives.</param>
    /// <param name="checkpoints">At how many of them that was seen.</param>
    public void Report(long instructions, long checkpoints)
    {
        TimeSpan time = Elapsed;
        if (time - _last < Interval)
        {
            return;
        }

        _last = time;
        double rate = instructions / time.TotalSeconds;
        string rest = most == long.MaxValue
            ? ""
            : string.Create(CultureInfo.InvariantCulture, $", at most {(most - instructions) / Math.Max(rate, 1):F0} s left");
        writer.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"compare: {instructions:N0} instructions equal, {checkpoints:N0} checkpoints, {rate / 1e6:F0} MIPS{rest}"));
    }
}
