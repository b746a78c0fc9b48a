namespace Lguest.Jit.Perf.Versus;

/// <summary>
/// Time that another process has spent on processors: on a busy machine a fairer measure than the clock on the wall. The runtime
/// tells it in steps of 10 ms, Linux's /proc/…/schedstat in nanoseconds (kernel documentation, sched-stats.rst).
/// </summary>
internal static class ProcessorTime
{
    /// <summary>Seconds of all its living threads together; null where nobody counts, or if it is gone.</summary>
    public static double? Read(int process)
    {
        string tasks = $"/proc/{process}/task";
        try
        {
            double nanoseconds = 0;
            foreach (string task in Directory.EnumerateDirectories(tasks))
            {
                nanoseconds += double.Parse(File.ReadAllText(Path.Combine(task, "schedstat")).Split(' ')[0]);
            }

            return nanoseconds / 1e9;
        }
        catch (IOException)
        {
            // Another system, a kernel without the statistics, or a thread that ended while we looked: no figure rather than a wrong one.
            return null;
        }
    }
}
