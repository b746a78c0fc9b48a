using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Translator.Tiering;

/// <summary>The compiler thread, and the few plans that wait for it. It never makes the Guest wait; who is next, <see cref="HotBlocks"/> has decided.</summary>
internal sealed unsafe class CompileQueue : IDisposable
{
    /// <summary>Plans made ahead of the compiler: fewer, and it would run out of them while a program keeps the kernel from being planned; more would be stale by their turn.</summary>
    private const int Ahead = 6;

    private readonly LinkedList<RegionPlan> _plans = new();
    private readonly ConcurrentQueue<(RegionPlan Plan, CompiledRegion? Region)> _finished = new();
    private readonly Optimisations _optimisations;
    private readonly GuestCpu* _cpu;
    private readonly CompileCounters _counters;
    private readonly Thread _thread;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _work = new(0);
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Plans in the queue. Written in the gate, but every exit to the Switcher comes by and asks, and a lock would be a fifth of its time.</summary>
    private int _waiting;

    /// <param name="optimisations">For the compiler.</param>
    /// <param name="cpu">Whose engine is told when there is something to install; must outlive the queue.</param>
    /// <param name="counters">Through which everything is compiled.</param>
    public CompileQueue(Optimisations optimisations, GuestCpu* cpu, CompileCounters counters)
    {
        _optimisations = optimisations;
        _cpu = cpu;
        _counters = counters;
        _thread = new Thread(Work) { IsBackground = true, Name = "translator", Priority = ThreadPriority.BelowNormal };
        _thread.Start();
    }

    /// <summary>Anything to install? Cheap enough to ask at every turn.</summary>
    public bool HasFinished => !_finished.IsEmpty;

    /// <summary>Plans taken in since the start.</summary>
    public long Offered { get; private set; }

    /// <summary>What went wrong inside the compiler, if anything did; the region concerned stays interpreted.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Is there less waiting than the compiler thread could want next?</summary>
    public bool WantsMore => Volatile.Read(ref _waiting) < Ahead;

    /// <summary>What has been offered and not taken back. On the Guest thread, as <see cref="Offer"/> and <see cref="TryTake"/>.</summary>
    public PlansUnderWay UnderWay { get; } = new();

    /// <summary>Is nothing waiting at all?</summary>
    public bool IsIdle => Volatile.Read(ref _waiting) == 0;

    /// <summary>Offers a plan.</summary>
    /// <param name="plan">What to compile.</param>
    /// <param name="atOnce">Before all that waits.</param>
    public void Offer(RegionPlan plan, bool atOnce = false)
    {
        UnderWay.Add(plan);
        lock (_gate)
        {
            if (atOnce)
            {
                _plans.AddFirst(plan);
            }
            else
            {
                _plans.AddLast(plan);
            }

            _waiting = _plans.Count;
            Offered++;
        }

        _work.Release();
    }

    /// <summary>Takes a region that is finished, if there is one.</summary>
    public bool TryTake([NotNullWhen(true)] out CompiledRegion? region)
    {
        region = null;
        while (region == null && _finished.TryDequeue(out (RegionPlan Plan, CompiledRegion? Region) finished))
        {
            UnderWay.Remove(finished.Plan);
            region = finished.Region;
        }

        return region != null;
    }

    public void Dispose()
    {
        _stop.Cancel();
        _thread.Join();
        while (TryTake(out CompiledRegion? region))
        {
            region.Dispose();
        }

        _work.Dispose();
        _stop.Dispose();
    }

    private void Work()
    {
        try
        {
            Rehearsal.WaitUntilOver(_stop.Token);
            while (true)
            {
                _work.Wait(_stop.Token);
                CompileNext();
            }
        }
        catch (OperationCanceledException)
        {
            // The engine goes.
        }
    }

    private void CompileNext()
    {
        RegionPlan? plan;
        lock (_gate)
        {
            plan = _plans.First?.Value;
            if (plan != null)
            {
                _plans.RemoveFirst();
            }

            _waiting = _plans.Count;
        }

        if (plan != null)
        {
            try
            {
                _finished.Enqueue((plan, _counters.Compile(plan, _optimisations)));

                // A Guest that goes in circles in code it has linked would not come by for it of itself.
                _ = Interlocked.Or(ref _cpu->Attention, AttentionBits.Engine);
            }
            catch (Exception e)
            {
                // A bug of ours costs one region its speed, not the Guest its life. Tests look here.
                Failure = e;
                _finished.Enqueue((plan, null));
            }
        }
    }
}
