namespace Lguest.Jit.Switcher.Time;

/// <summary>
/// The Host side of the Guest's clock: one thread that sleeps until the timer is due, and, while an interrupt waits that the
/// Guest would not take yet, comes by every millisecond to ask again. It does not exist before it is first wanted, and
/// it uses no CPU while nothing is due.
/// </summary>
internal sealed class ClockThread : IDisposable
{
    /// <summary>How often a waiting interrupt is offered again (design §12.5).</summary>
    public const long PollNanoseconds = 1_000_000;

    private const int StackBytes = 256 * 1024;

    private readonly Action _expired;
    private readonly Func<bool> _poll;
    private readonly DueTimer _timer;
    private readonly object _gate = new();
    private Thread? _thread;
    private long _due = DueTimer.Never;
    private long _pollDue = DueTimer.Never;
    private bool _polling;
    private bool _stopped;

    /// <param name="expired">The timer went off. Called on the clock's thread and under its lock: short, and no call back into here.</param>
    /// <param name="poll">A poll is due; likewise. False ends the polling.</param>
    /// <param name="timer">For tests of the portable one; the best of the Host by default. Owned.</param>
    public ClockThread(Action expired, Func<bool> poll, DueTimer? timer = null)
    {
        _expired = expired;
        _poll = poll;
        _timer = timer ?? DueTimer.Create();
    }

    /// <summary>Fires once, <paramref name="nanoseconds"/> (&gt; 0) from now, instead of whenever it would have.</summary>
    /// <returns>When that is.</returns>
    public long Arm(long nanoseconds)
    {
        lock (_gate)
        {
            long due = MonotonicTime.Now + nanoseconds;
            _due = due;
            SetTimer();
            return due;
        }
    }

    /// <summary>
    /// For a thread that runs while ours may have to wait for a processor: fires now, on the caller's thread, if it is time and has not been done. Ours finds nothing to
    /// do then.
    /// </summary>
    /// <returns>Whether the timer is off now: it has fired, here or earlier.</returns>
    public bool FireIfDue()
    {
        lock (_gate)
        {
            if (!_stopped)
            {
                FireIfDue(MonotonicTime.Now);
            }

            return _due == DueTimer.Never;
        }
    }

    /// <summary>After this has returned the timer does not fire.</summary>
    public void Cancel()
    {
        lock (_gate)
        {
            _due = DueTimer.Never;
            SetTimer();
        }
    }

    /// <summary>Starts polling unless it is going on already, which costs next to nothing to find out.</summary>
    /// <remarks>
    /// The fence pairs with the one in <see cref="PollIfDue"/>: the caller has made its reason to poll visible before it looks
    /// at the flag, and the thread clears the flag before it looks for reasons.
    /// </remarks>
    public void Poll()
    {
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _polling))
        {
            return;
        }

        lock (_gate)
        {
            _polling = true;
            _pollDue = MonotonicTime.Now + PollNanoseconds;
            SetTimer();
        }
    }

    public void Dispose()
    {
        Thread? thread;
        lock (_gate)
        {
            if (_stopped)
            {
                return;
            }

            _stopped = true;
            thread = _thread;
            _timer.Set(MonotonicTime.Now);
        }

        thread?.Join();
        _timer.Dispose();
    }

    /// <summary>Under the lock. A thread that sleeps is not woken to be told to sleep for another while.</summary>
    private void SetTimer()
    {
        if (_stopped)
        {
            return;
        }

        long next = Math.Min(_due, _pollDue);
        if (_thread == null)
        {
            if (next == DueTimer.Never)
            {
                return;
            }

            _thread = new Thread(Tick, StackBytes) { IsBackground = true, Name = "Guest clock" };
            _thread.Start();
        }

        _timer.Set(next);
    }

    private void Tick()
    {
        while (true)
        {
            _timer.Wait();
            lock (_gate)
            {
                if (_stopped)
                {
                    return;
                }

                long now = MonotonicTime.Now;
                FireIfDue(now);
                PollIfDue(now);
                SetTimer();
            }
        }
    }

    private void FireIfDue(long now)
    {
        if (_due <= now)
        {
            _due = DueTimer.Never;
            _expired();
        }
    }

    private void PollIfDue(long now)
    {
        if (_pollDue > now)
        {
            return;
        }

        Volatile.Write(ref _polling, false);
        Interlocked.MemoryBarrier();
        bool more = _poll();
        _polling = more;
        _pollDue = more ? now + PollNanoseconds : DueTimer.Never;
    }
}
