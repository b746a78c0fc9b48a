namespace Lguest.Jit.Perf.Versus;

/// <summary>
/// Time that the threads of another process have spent on processors: on a busy machine a fairer measure than the clock on the
/// wall. The runtime tells it in steps of 10 ms, Linux's /proc/…/schedstat in nanoseconds (kernel documentation, sched-stats.rst).
/// </summary>
internal sealed class ProcessorTime
{
    private readonly Dictionary<string, long> _nanoseconds = [];

    private ProcessorTime()
    {
    }

    /// <summary>As it stands now; null where nobody counts, or if the process is gone.</summary>
    public static ProcessorTime? Read(int process)
    {
        var now = new ProcessorTime();
        try
        {
            foreach (string task in Directory.EnumerateDirectories($"/proc/{process}/task"))
            {
                now._nanoseconds[task] = long.Parse(File.ReadAllText(Path.Combine(task, "schedstat")).Split(' ')[0]);
            }

            return now;
        }
        catch (IOException)
        {
            // Another system, a kernel without the statistics, or a thread that ended while we looked: no figure rather than a wrong one.
            return null;
        }
    }

    /// <summary>Seconds since then; null if a thread has ended in between, which has taken its account with it.</summary>
    public double? Since(ProcessorTime then) => then._nanoseconds.Keys.All(_nanoseconds.ContainsKey)
        ? _nanoseconds.Sum(pair => pair.Value - then._nanoseconds.GetValueOrDefault(pair.Key)) / 1e9
        : null;
}
