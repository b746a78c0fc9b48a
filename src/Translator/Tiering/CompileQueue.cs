using System.Collections.Concurrent;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Emit;

namespace Lguest.Jit.Translator.Tiering;

/// <summary>The compiler thread: takes the hottest plan first, never makes the Guest wait, forgets plans when there are too many.</summary>
internal sealed class CompileQueue : IDisposable
{
    private const int Capacity = 512;

    /// <summary>Plans made ahead of the compiler: more would be stale by their turn.</summary>
    private const int Ahead = 2;

    private readonly PriorityQueue<RegionPlan, long> _plans = new();
    private readonly ConcurrentQueue<CompiledRegion> _finished = new();
    private readonly Optimisations _optimisations;
    private readonly Thread _thread;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _work = new(0);
    private volatile bool _stop;

    public CompileQueue(Optimisations optimisations)
    {
        _optimisations = optimisations;
        _thread = new Thread(Work) { IsBackground = true, Name = "translator", Priority = ThreadPriority.BelowNormal };
        _thread.Start();
    }

    /// <summary>Anything to install? Cheap enough to ask at every turn.</summary>
    public bool HasFinished => !_finished.IsEmpty;

    /// <summary>Milliseconds spent compiling.</summary>
    public double CompileMilliseconds { get; private set; }

    /// <summary>What went wrong inside the compiler, if anything did; the region concerned stays interpreted.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Is there less waiting than the compiler thread could want next?</summary>
    public bool WantsMore
    {
        get
        {
            lock (_gate)
            {
                return _plans.Count < Ahead;
            }
        }
    }

    /// <summary>Offers a plan; false: too many are waiting.</summary>
    public bool Offer(RegionPlan plan)
    {
        lock (_gate)
        {
            if (_plans.Count >= Capacity)
            {
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
                long start = System.Diagnostics.Stopwatch.GetTimestamp();
                try
                {
                    _finished.Enqueue(RegionCompiler.Compile(plan, _optimisations));
                }
                catch (Exception e)
                {
                    // A bug of ours costs one region its speed, not the Guest its life. Tests look here.
                    Failure = e;
                }

                CompileMilliseconds += System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            }
        }
    }
}
