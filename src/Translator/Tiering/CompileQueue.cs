using System.Collections.Concurrent;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Translator.Tiering;

/// <summary>The compiler thread: takes the hottest plan first, never makes the Guest wait, forgets plans when there are too many.</summary>
internal sealed class CompileQueue : IDisposable
{
    private const int Capacity = 512;

    private readonly PriorityQueue<RegionPlan, long> _plans = new();
    private readonly ConcurrentQueue<CompiledRegion> _finished = new();
    private readonly Optimisations _optimisations;
    private readonly CompileCounters _counters;
    private readonly Thread _thread;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _work = new(0);
    private volatile bool _stop;

    public CompileQueue(Optimisations optimisations, CompileCounters counters)
    {
        _optimisations = optimisations;
        _counters = counters;
        _thread = new Thread(Work) { IsBackground = true, Name = "translator", Priority = ThreadPriority.BelowNormal };
        _thread.Start();
    }

    /// <summary>Anything to install? Cheap enough to ask at every turn.</summary>
    public bool HasFinished => !_finished.IsEmpty;

    /// <summary>Plans that were not taken.</summary>
    public long Refused { get; private set; }

    /// <summary>What went wrong inside the compiler, if anything did; the region concerned stays interpreted.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Offers a plan; false: too many are waiting.</summary>
    public bool Offer(RegionPlan plan)
    {
        lock (_gate)
        {
            if (_plans.Count >= Capacity)
            {
                Refused++;
                return false;
            }

            _plans.Enqueue(plan, -plan.Heat);
        }

        _work.Release();
        return true;
    }

    public bool TryTake(out CompiledRegion? region) => _finished.TryDequeue(out region);

    public void Dispose()
    {
        _stop = true;
        _work.Release();
        _thread.Join();
        while (_finished.TryDequeue(out CompiledRegion? region))
        {
            region.Dispose();
        }

        _work.Dispose();
    }

    private void Work()
    {
        while (true)
        {
            _work.Wait();
            if (_stop)
            {
                return;
            }

            RegionPlan? plan;
            lock (_gate)
            {
                _plans.TryDequeue(out plan, out _);
            }

            if (plan != null)
            {
                try
                {
                    _finished.Enqueue(_counters.Compile(plan, _optimisations));
                }
                catch (Exception e)
                {
                    // A bug of ours costs one region its speed, not the Guest its life. Tests look here.
                    Failure = e;
                }
            }
        }
    }
}
