namespace Lguest.Jit.Launcher.Virtio;

/// <summary>
/// The threads that wait for a disk, so that the Guest need not: as many as there are requests under way, up to a few. What is finished
/// waits for the Guest thread to come by.
/// </summary>
/// <param name="name">For the threads.</param>
/// <param name="execute">Carries out a request; does not throw.</param>
/// <param name="finished">Called, on one of the threads, when there is something for the Guest thread to take.</param>
internal sealed class BlockWorkers(string name, Action<BlockRequest> execute, Action finished)
{
    private const int MostThreads = 4;

    private readonly object _gate = new();
    private readonly Queue<BlockRequest> _waiting = new();
    private readonly List<Thread> _threads = [];
    private List<BlockRequest> _finished = [];
    private List<BlockRequest> _taken = [];
    private int _idle;
    private int _busy;
    private bool _stopped;
    private volatile bool _hasFinished;

    /// <summary>Is there something to take? Any thread.</summary>
    public bool HasFinished => _hasFinished;

    /// <summary>Requests are on their way from here on. Guest thread.</summary>
    public void Submit(BlockRequest request)
    {
        lock (_gate)
        {
            _waiting.Enqueue(request);
            if (_idle >= _waiting.Count)
            {
                Monitor.Pulse(_gate);
            }
            else if (_threads.Count < MostThreads)
            {
                var thread = new Thread(Work) { IsBackground = true, Name = name };
                _threads.Add(thread);
                thread.Start();
            }
        }
    }

    /// <summary>What is finished, in the order in which it was. The list is good until the next call.</summary>
    public List<BlockRequest> TakeFinished()
    {
        lock (_gate)
        {
            _taken.Clear();
            (_taken, _finished) = (_finished, _taken);
            _hasFinished = false;
            return _taken;
        }
    }

    /// <summary>Waits until nothing is under way.</summary>
    /// <returns>False: it took longer than <paramref name="patience"/>.</returns>
    public bool TryDrain(TimeSpan patience)
    {
        long until = Environment.TickCount64 + (long)Math.Min(patience.TotalMilliseconds, int.MaxValue);
        lock (_gate)
        {
            while (_waiting.Count + _busy != 0)
            {
                long left = until - Environment.TickCount64;
                if (left <= 0)
                {
                    return false;
                }

                Monitor.Wait(_gate, TimeSpan.FromMilliseconds(left));
            }

            return true;
        }
    }

    /// <summary>The threads end. Nothing may be under way.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _stopped = true;
            Monitor.PulseAll(_gate);
        }

        foreach (Thread thread in _threads)
        {
            thread.Join();
        }

        _threads.Clear();
    }

    private void Work()
    {
        while (TakeNext() is { } request)
        {
            execute(request);
            Finish(request);
        }
    }

    private BlockRequest? TakeNext()
    {
        lock (_gate)
        {
            while (_waiting.Count == 0 && !_stopped)
            {
                _idle++;
                Monitor.Wait(_gate);
                _idle--;
            }

            if (!_waiting.TryDequeue(out BlockRequest? request))
            {
                return null;
            }

            _busy++;
            return request;
        }
    }

    private void Finish(BlockRequest request)
    {
        bool first;
        lock (_gate)
        {
            _busy--;
            _finished.Add(request);
            first = !_hasFinished;
            _hasFinished = true;
            if (_waiting.Count + _busy == 0)
            {
                // Somebody may be waiting for just that; idle threads look and sleep on.
                Monitor.PulseAll(_gate);
            }
        }

        // Whoever was told and has not come yet will find this one too.
        if (first)
        {
            finished();
        }
    }
}
