using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Emit;
using Lguest.Jit.Translator.Tiering;

namespace Lguest.Jit.Translator;

/// <summary>
/// The engine of <c>--engine jit</c>: the interpreter, whose block heads count; what is hot is compiled, and its head then leads
/// into translated code. To the interpreter's loop a region is just another handler, so the two tiers chain freely.
/// </summary>
internal sealed unsafe class TieredEngine : IExecutionEngine
{
    /// <summary>Runs of a block before it is compiled.</summary>
    public const uint DefaultThreshold = 400;

    /// <summary>Bytes of translated code kept at most.</summary>
    public const long DefaultCodeCache = 64 << 20;

    /// <summary>Instructions for each miss that make a page cache worth having.</summary>
    private const int InstructionsForMiss = 60;

    private readonly InterpreterEngine _interpreter;
    private readonly RegionFinder _finder;
    private readonly RegionCache _regions;
    private readonly CompileQueue? _queue;
    private readonly HotBlocks _hot = new();
    private readonly HashSet<nint> _secondChance = [];
    private readonly Optimisations _optimisations;
    private long _resets;
    private readonly uint _threshold;

    /// <param name="machine">What to run. One engine a machine.</param>
    /// <param name="threshold">Runs of a block before it is compiled; 0: compile everything before it runs, and wait for it.</param>
    /// <param name="codeCache">Bytes of translated code kept at most, by estimate.</param>
    /// <param name="optimisations">Null: all.</param>
    /// <param name="waits">
    /// What has become hot is compiled at once while the Guest waits: slower, but what runs as translated code and what does not is
    /// the same in each run.
    /// </param>
    public TieredEngine(
        GuestMachine machine, uint threshold = DefaultThreshold, long codeCache = DefaultCodeCache, Optimisations? optimisations = null, bool waits = false)
    {
        _threshold = threshold;

        // A copy: this one may have to be changed on the way.
        _optimisations = optimisations is null ? new Optimisations() : optimisations with { };
        _interpreter = new InterpreterEngine(machine) { Tier = Promote };
        _interpreter.Cache.HeadCounter = Math.Max(threshold, 1);
        _finder = new RegionFinder(machine, _interpreter.Cache, _optimisations);
        _regions = new RegionCache(_interpreter.Cache, codeCache);
        _queue = threshold == 0 || waits ? null : new CompileQueue(_optimisations);
    }

    /// <summary>
    /// For tests of whoever looks for wrong translations: may change the copies of the code in a plan before they are compiled. Only
    /// where compiling waits.
    /// </summary>
    internal Action<RegionPlan>? Tamper { get; init; }

    public RegionCache Regions => _regions;

    public BlockCache Blocks => _interpreter.Cache;

    public CompileQueue? Queue => _queue;

    /// <inheritdoc/>
    public ExitReason Run(GuestCpu* cpu, long budget)
    {
        if (cpu->TierRequest != 0)
        {
            cpu->TierRequest = 0;
            Retune(cpu);
        }

        Settle(cpu);
        return _interpreter.Run(cpu, budget);
    }

    /// <inheritdoc/>
    public void Forget(bool exactly)
    {
        _optimisations.AsksAtBlocks = exactly;
        _secondChance.Clear();
        _interpreter.Forget(exactly);
    }

    public void Dispose()
    {
        _queue?.Dispose();
        _regions.Dispose();
        _interpreter.Dispose();
    }

    /// <summary>The block at eip has become hot. Called between blocks.</summary>
    private void Promote(GuestCpu* cpu)
    {
        GuestBlock* block = _interpreter.Cache.Peek(cpu->Eip);
        if (block != null && !RegionCache.IsTranslated(block->Head))
        {
            if (_queue == null && _threshold != 0 && _regions.Covers(block) && _secondChance.Add((nint)block))
            {
                // A region around it leaves it out; as with the compiler thread, it has to be hot for longer than that.
                BlockHead.SetCounting(block->Head, _threshold * 4);
            }
            else if (_queue == null)
            {
                // Whatever comes of it, this head need not count on.
                BlockHead.SetPlain(block->Head);
                if (_finder.Find(_threshold / 8, Math.Max(_threshold, 1)) is { } plan)
                {
                    Tamper?.Invoke(plan);
                    _regions.Install(RegionCompiler.Compile(plan, _optimisations));
                }
            }
            else
            {
                _hot.Heat(block, _threshold);
            }
        }

        Settle(cpu);
    }

    /// <summary>Gives the compiler thread the hottest block that waits, if it has nothing else to do.</summary>
    private void Feed()
    {
        if (_resets != _interpreter.Cache.Resets)
        {
            _resets = _interpreter.Cache.Resets;
            _hot.Clear();
            _secondChance.Clear();
        }

        while (_queue!.WantsMore && _hot.Count > 0)
        {
            // Only what is mapped now can be looked at; the code of another process waits for its turn.
            GuestBlock* block = _hot.TakeHottest(pointer => _interpreter.Cache.Peek(((GuestBlock*)pointer)->Eip) == (GuestBlock*)pointer);
            if (block == null)
            {
                return;
            }

            if (RegionCache.IsTranslated(block->Head))
            {
                continue;
            }

            if (_regions.Covers(block) && _secondChance.Add((nint)block))
            {
                // It became hot while a region around it was being compiled. If it still is, it is so by another way.
                BlockHead.SetCounting(block->Head, Math.Max(_threshold, 1) * 4);
                continue;
            }

            BlockHead.SetPlain(block->Head);
            if (_finder.Find(block->Eip, _threshold / 8, Math.Max(_threshold, 1), RegionFinder.NoneScattered) is { } plan)
            {
                _queue.Offer(plan);
            }
        }
    }

    /// <summary>
    /// A page cache has missed a few thousand times. If that took few instructions, its accesses are scattered, and the cache
    /// costs more than it saves: the region is translated again without it.
    /// </summary>
    private void Retune(GuestCpu* cpu)
    {
        long now = cpu->Retired;
        foreach (CompiledRegion region in _regions.WithDueRecords())
        {
            var scattered = new HashSet<AccessClass>(region.Plan.Scattered);
            foreach (CacheRecord record in region.CacheRecords)
            {
                if (record.IsDue && !record.Class.IsStack && now - record.Since < (long)InstructionsForMiss * record.Period)
                {
                    scattered.Add(record.Class);
                }

                if (record.IsDue)
                {
                    record.Restart(now, region.IsBeingReplaced);
                }
            }

            if (scattered.Count > region.Plan.Scattered.Count && !region.IsBeingReplaced)
            {
                region.IsBeingReplaced = true;
                RegionPlan? plan = _finder.Find(region.Plan.Blocks[0].Eip, _threshold / 8, Math.Max(_threshold, 1), scattered);
                if (plan != null && _queue != null)
                {
                    _queue.Offer(plan);
                }
                else if (plan != null)
                {
                    Tamper?.Invoke(plan);
                    _regions.Install(RegionCompiler.Compile(plan, _optimisations));
                }
            }
        }
    }

    /// <summary>Installs what the compiler thread has finished, frees what has been cut off. No block is running.</summary>
    private void Settle(GuestCpu* cpu)
    {
        if (_queue is { HasFinished: true })
        {
            while (_queue.TryTake(out CompiledRegion? region))
            {
                _regions.Install(region!);
            }
        }

        if (_queue != null)
        {
            Feed();
        }

        if (_regions.HasDead)
        {
            cpu->PendingLink = null;
            _regions.FreeDead();
        }
    }
}
