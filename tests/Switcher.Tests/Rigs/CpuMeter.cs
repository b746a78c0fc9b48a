namespace Lguest.Jit.Switcher.Tests.Rigs;

/// <summary>Is this process asleep? For <see cref="QuietTests"/> only.</summary>
internal static class CpuMeter
{
    private const int Attempts = 25;
    private static readonly TimeSpan s_window = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan s_most = TimeSpan.FromMilliseconds(60);

    /// <summary>
    /// One quiet window will do: the runtime has threads of its own that compile and collect now and then, and a spinning
    /// thread of ours leaves none.
    /// </summary>
    public static void AssertIdle()
    {
        TimeSpan used = TimeSpan.MaxValue;
        for (int i = 0; i < Attempts && used > s_most; i++)
        {
            TimeSpan before = Environment.CpuUsage.TotalTime;
            Thread.Sleep(s_window);
            used = Environment.CpuUsage.TotalTime - before;
        }

        Assert.True(used <= s_most, $"{used.TotalMilliseconds} ms of CPU in {s_window.TotalMilliseconds} ms");
    }
}
