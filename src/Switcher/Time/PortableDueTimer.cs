namespace Lguest.Jit.Switcher.Time;

/// <summary>
/// Everywhere else: sleep to a millisecond before the moment, as coarse as sleeping is, then yield in small steps until it
/// has come. It costs up to a millisecond of Host time for each tick and nothing while no tick is due.
/// </summary>
internal sealed class PortableDueTimer : DueTimer
{
    private const long NanosecondsPerMillisecond = 1_000_000;

    /// <summary>Sleep no longer than this at a time, so that the arithmetic stays in an int.</summary>
    private const int LongestSleep = 60_000;

    private const int SpinsPerLook = 30;

    private readonly object _gate = new();
    private long _due = Never;

    /// <inheritdoc/>
    public override void Set(long due)
    {
        lock (_gate)
        {
            Volatile.Write(ref _due, due);
            Monitor.Pulse(_gate);
        }
    }

    /// <inheritdoc/>
    public override void Wait()
    {
        while (true)
        {
            SleepUntilNear();
            if (YieldUntilDue())
            {
                return;
            }
        }
    }

    private void SleepUntilNear()
    {
        lock (_gate)
        {
            while (true)
            {
                long left = _due - MonotonicTime.Now;
                if (left <= NanosecondsPerMillisecond)
                {
                    return;
                }

                int milliseconds = (int)Math.Min(left / NanosecondsPerMillisecond - 1, LongestSleep);
                _ = Monitor.Wait(_gate, _due == Never ? Timeout.Infinite : Math.Max(milliseconds, 1));
            }
        }
    }

    /// <summary>False: the moment was moved away while we waited for it.</summary>
    private bool YieldUntilDue()
    {
        while (true)
        {
            long left = Volatile.Read(ref _due) - MonotonicTime.Now;
            if (left <= 0)
            {
                // One Wait for one moment, as a timerfd has it.
                lock (_gate)
                {
                    if (_due > MonotonicTime.Now)
                    {
                        return false;
                    }

                    _due = Never;
                    return true;
                }
            }

            if (left > 2 * NanosecondsPerMillisecond)
            {
                return false;
            }

            if (!Thread.Yield())
            {
                Thread.SpinWait(SpinsPerLook);
            }
        }
    }

    public override void Dispose()
    {
    }
}
