using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Emit;
using Lguest.Jit.Translator.FloatingPoint;
using Lguest.Jit.Translator.Tiering;
using Lguest.Jit.Translator.Trace;

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

    /// <summary>Instructions that a region has to run at a time to be taken for one that loops.</summary>
    private const int InstructionsOfLoop = 4096;

    /// <summary>Runs of a block that has no translation which weigh as much as the entries of a ripe region, whose translation takes five times as long.</summary>
    private const uint HeatBeforeRipe = 6000;

    /// <summary>Instructions from which on a path is worth its time if its beginning has no region of its own.</summary>
    private const int InstructionsWorthWhile = 32;

    /// <summary>Share of a path's instructions that must not be in the region that begins there already.</summary>
    private const double ShareOfNew = 0.2;

    private readonly GuestMachine _machine;
    private readonly InterpreterEngine _interpreter;
    private readonly RegionFinder _finder;
    private readonly WindowTuner _tuner;
    private readonly AlignmentTuner _alignment;
    private readonly RegionCache _regions;
    private readonly CompileQueue? _queue;
    private readonly HotBlocks _hot = new();
    private readonly HashSet<nint> _secondChance = [];
    private readonly PathFinder _paths;
    private readonly RipePlaces _ripe;
    private readonly Func<nint, bool> _isBlockMappedNow;
    private readonly Optimisations _optimisations;
    private readonly WindowPlan _firstWindows;
    private readonly CompileCounters _compiled;
    private (nint ReadTable, long Steps) _foundNothing;
    private long _resets;
    private readonly uint _threshold;
    private Exception? _failure;

    /// <param name="machine">What to run. One engine a machine.</param>
    /// <param name="threshold">Runs of a block before it is compiled; 0: compile everything before it runs, and wait for it.</param>
    /// <param name="codeCache">Bytes of translated code kept at most, by estimate.</param>
    /// <param name="optimisations">Null: all.</param>
    /// <param name="probes">Who looks; null: nobody.</param>
    /// <param name="waits">
    /// What has become hot is compiled at once while the Guest waits: slower, but what runs as translated code and what does not is
    /// the same in each run.
    /// </param>
    public TieredEngine(
        GuestMachine machine,
        uint threshold = DefaultThreshold,
        long codeCache = DefaultCodeCache,
        Optimisations? optimisations = null,
        EngineProbes? probes = null,
        bool waits = false)
    {
        _machine = machine;
        _threshold = threshold;

        // A copy: this one may have to be changed on the way.
        _optimisations = optimisations is null ? new Optimisations() : optimisations with { };
        _optimisations.Chains &= probes?.Watch == null;
        _interpreter = new InterpreterEngine(machine) { Tier = Promote, Settle = Settle, Missed = Missed, SliceEnded = SliceEnded, Visitor = block => _ripe!.Visit(block) };
        _interpreter.Cache.BlockLimit = _optimisations.BlockLimit;
        _compiled = new CompileCounters { Observer = probes?.Compiler };
        _interpreter.Cache.Observer = probes?.Blocks;
        _interpreter.Cache.HeadCounter = Math.Max(threshold, 1);

        // Everything is to be compiled before it runs: whatever it costs.
        _interpreter.Cache.Backoff = threshold != 0;
        _firstWindows = _optimisations.LateWindows && threshold != 0 ? WindowPlan.Shut : WindowPlan.Initial;
        _tuner = new WindowTuner(Replace, _optimisations.FillAhead);
        _alignment = new AlignmentTuner(TranslateAgain);
        _regions = new RegionCache(_interpreter.Cache, codeCache) { Watch = probes?.Watch, Tuner = _tuner, Alignment = _alignment };
        var profile = new PathProfile();
        _ripe = new RipePlaces(profile, _regions);
        _paths = new PathFinder(machine, _interpreter.Cache, profile, _regions, _optimisations);
        _isBlockMappedNow = IsMappedNow;
        _queue = threshold == 0 || waits ? null : new CompileQueue(_optimisations, machine.Cpu, _compiled);
        _finder = new RegionFinder(machine, _interpreter.Cache, _optimisations, _regions, _queue?.UnderWay);
    }

    /// <summary>Plan → Host code, on any thread. Tests put a broken one here, before the first run.</summary>
    public CompileRegion Compiler
    {
        init => _compiled.Compiler = value;
    }

    public RegionCache Regions => _regions;

    public BlockCache Blocks => _interpreter.Cache;

    public CompileQueue? Queue => _queue;

    /// <summary>What went wrong inside the compiler, if anything did; the code concerned stays interpreted.</summary>
    public Exception? Failure => _failure ?? _queue?.Failure;

    /// <inheritdoc/>
    public ExitReason Run(GuestCpu* cpu, long budget)
    {
        Settle(cpu);
        X87Host.NoteFlags(cpu);
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
        _regions.Watch?.Dispose();
    }

    /// <summary>Counters, as they stand. Any thread may ask while the engine lives, and after.</summary>
    public TranslatorStatistics Statistics() => TranslatorStatistics.OfBlocks(Blocks) with
    {
        RegionsCompiled = _compiled.Regions,
        BlocksCompiled = _compiled.Blocks,
        InstructionsCompiled = _compiled.Instructions,
        IlBytes = _compiled.IlBytes,
        CompileTime = _compiled.Time,
        InBackground = _queue != null,
        BlocksWaiting = _hot.Count,
        RegionsInstalled = _regions.Installed,
        RegionsOutdated = _regions.Outdated,
        RegionsInvalidated = _regions.Cut,
        RegionsEvicted = _regions.Evicted,
        RegionsLive = _regions.Count,
        CodeCacheBytes = _regions.Bytes,
        CodeCacheCapacity = _regions.Capacity,
        Leaves = _regions.Watch?.Counts.ToArray() ?? [],
    };

    /// <summary>The block at eip has become hot. Called between blocks.</summary>
    private void Promote(GuestCpu* cpu)
    {
        cpu->Tier = ExecutionTier.Translator;
        ForgetAfterReset();
        GuestBlock* block = _interpreter.Cache.Peek(cpu->Eip);
        if (block != null && !RegionCache.IsTranslated(block->Head))
        {
            if (_queue != null)
            {
                _hot.Heat(block, _interpreter.Cache.Patience(block));
            }
            else if (_threshold == 0 || !HasToBecomeHotAgain(block))
            {
                // Whatever comes of it, this head need not count on.
                BlockHead.SetPlain(block->Head);
                if (_finder.Find(cpu->Eip, _threshold / 8, _firstWindows) is { } plan)
                {
                    CompileNow(plan);
                }
            }
        }

        Settle(cpu);
        cpu->Tier = ExecutionTier.Interpreter;
    }

    /// <summary>Translated code was outside of a window, or at an address that is not aligned. Called between blocks, before the interpreter takes its turn.</summary>
    private void Missed(GuestCpu* cpu)
    {
        cpu->Tier = ExecutionTier.Translator;
        if (!_alignment.TryMissed(cpu))
        {
            _tuner.Missed(cpu);
        }

        cpu->Tier = ExecutionTier.Interpreter;
    }

    /// <summary>
    /// A slice has ended in translated code, which is how we learn what regions are like. If this one has run thousands of instructions without being left it loops, and
    /// windows are worth having. If not, we look where the Guest goes from here. Called between blocks.
    /// </summary>
    private void SliceEnded(GuestCpu* cpu)
    {
        cpu->Tier = ExecutionTier.Translator;
        if (cpu->LoopMark != 0 && cpu->LoopMark - cpu->BudgetLeft >= InstructionsOfLoop)
        {
            // Who goes round here is the youngest that has this block, and not what its own head leads to: an inner loop is compiled first, by itself.
            GuestBlock* block = _interpreter.Cache.Peek(cpu->Eip);
            if (block != null && _regions.Around(block) is { } loop && loop.Plan.Windows == WindowPlan.Shut)
            {
                Replace(loop, WindowPlan.Initial);
            }
        }
        else if (_optimisations.RipeRegions)
        {
            if (_queue == null)
            {
                RipenAll();
            }

            _interpreter.Steps = _ripe.Look();
        }

        cpu->Tier = ExecutionTier.Interpreter;
    }

    /// <summary>Plans regions along the Guest's ways, as long as that does not keep others waiting.</summary>
    private void RipenAll()
    {
        ForgetAfterReset();
        while (_ripe.CanPlan && _queue?.IsIdle != false)
        {
            GuestBlock* block = _ripe.Take(_isBlockMappedNow);
            if (block == null)
            {
                return;
            }

            if (_paths.Find(block->Eip) is not { } plan || !IsWorthWhile(plan))
            {
                continue;
            }

            _ripe.Planned(plan);
            if (_queue != null)
            {
                _queue.Offer(plan);
            }
            else
            {
                CompileNow(plan);
            }

            if (_paths.Next != 0 && _interpreter.Cache.Peek(_paths.Next) is var next && next != null)
            {
                _ripe.AddEnd(next);
            }
        }
    }

    private bool IsWorthWhile(RegionPlan plan)
    {
        GuestBlock* seed = plan.Blocks[0].Pointer;
        CompiledRegion? here = _regions.Behind(seed);
        return here != null && here.Plan.Blocks[0].Pointer == seed
            ? plan.Blocks.Where(block => !here.Contains(block.Pointer)).Sum(static block => block.Count) > plan.Instructions * ShareOfNew
            : plan.Instructions >= InstructionsWorthWhile;
    }

    /// <summary>Gives the compiler thread the hottest block that waits, if it has nothing else to do.</summary>
    private void Feed(GuestCpu* cpu)
    {
        CpuMode mode = cpu->Mode;
        ForgetAfterReset();

        // Every trap comes by here, and most find what the last one did: that nothing of what waits is mapped.
        var situation = ((nint)cpu->ReadTable, _hot.Steps);
        while (_hot.Count > 0 && situation != _foundNothing && _queue!.WantsMore && !(_ripe.CanPlan && _hot.Hottest(mode) < HeatBeforeRipe))
        {
            // Only what is mapped now can be looked at; the code of another process waits for its turn.
            GuestBlock* block = _hot.TakeHottest(mode, _isBlockMappedNow);
            if (block == null)
            {
                _foundNothing = situation;
                break;
            }

            if (RegionCache.IsTranslated(block->Head) || HasToBecomeHotAgain(block))
            {
                continue;
            }

            BlockHead.SetPlain(block->Head);
            if (_finder.Find(block->Eip, _threshold / 8, _firstWindows, inHaste: _hot.IsCrowd(mode)) is { } plan)
            {
                _queue.Offer(plan);
                GiveTime(plan);
            }
        }

        // Nothing is in a great hurry: time to do some of it better.
        RipenAll();
    }

    private bool IsMappedNow(nint block) => _interpreter.Cache.Peek(((GuestBlock*)block)->Eip) == (GuestBlock*)block;

    /// <summary>
    /// A region has the block inside, or while many others wait will have, and that is likely to be why it is run no more: it became hot while that one was being compiled.
    /// If it becomes so once again, it is reached by another way, and gets a translation of its own.
    /// </summary>
    private bool HasToBecomeHotAgain(GuestBlock* block)
    {
        bool isUnderWay = _queue != null && _hot.IsCrowd(block->Mode) && _queue.UnderWay.Contains(block);
        if ((_regions.Around(block) == null && !isUnderWay) || !_secondChance.Add((nint)block))
        {
            return false;
        }

        BlockHead.SetCounting(block->Head, _threshold * 16);
        return true;
    }

    /// <summary>When the block arena has been emptied, no pointer into it is good any more.</summary>
    private void ForgetAfterReset()
    {
        if (_resets != _interpreter.Cache.Resets)
        {
            _resets = _interpreter.Cache.Resets;
            _hot.Clear();
            _ripe.Clear();
            _secondChance.Clear();
            _queue?.UnderWay.Clear();
        }
    }

    /// <summary>
    /// The other blocks of a plan are about as hot as the one that asked, and would ask next, for much the same region. Most of
    /// them will never be entered from outside again: whoever is counts anew.
    /// </summary>
    private void GiveTime(RegionPlan plan)
    {
        foreach (PlannedBlock planned in plan.Blocks)
        {
            if (planned.Pointer->Head->Info == (ushort)HeadKind.Counting)
            {
                BlockHead.SetCounting(planned.Pointer->Head, _interpreter.Cache.Patience(planned.Pointer));
            }
        }
    }

    private void CompileNow(RegionPlan plan)
    {
        CompiledRegion region;
        try
        {
            region = _compiled.Compile(plan, _optimisations);
        }
        catch (Exception e)
        {
            // As on the compiler thread: a bug of ours costs the Guest speed, not its life. Tests look here.
            _failure = e;
            return;
        }

        _regions.Install(region);
    }

    /// <summary>Has a region translated once more, with other windows.</summary>
    private void Replace(CompiledRegion region, WindowPlan windows)
    {
        // A plan is made of what is mapped now, and that is this region's own code: it has just been left.
        RegionPlan old = region.Plan;
        windows = windows.Spend(old.Instructions);
        if (!region.IsBeingReplaced
            && (old.FollowsPaths ? SameBlocks(old, windows, old.Realigned) : _finder.Find(old.Blocks[0].Eip, _threshold / 8, windows, [.. old.Blocks.Select(static b => b.Block)])) is { } plan)
        {
            Replace(region, plan);
        }
    }

    /// <summary>Has a region translated once more, now that more is known of its accesses.</summary>
    private void TranslateAgain(CompiledRegion region)
    {
        if (!region.IsBeingReplaced && SameBlocks(region.Plan, region.Plan.Windows, region.Plan.Realigned + 1) is { } plan)
        {
            Replace(region, plan);
        }
    }

    /// <summary>A new plan for the same blocks; null: not all of them are what is mapped there now.</summary>
    private RegionPlan? SameBlocks(RegionPlan old, WindowPlan windows, int realigned)
    {
        var draft = new RegionDraft(_machine, _interpreter.Cache, _alignment) { Realigned = realigned };
        return old.Blocks.All(block => IsMappedNow(block.Block) && draft.TryAdd(block.Pointer, block.LikelyTarget, block.IsIndirectTarget))
            ? draft.Finish(windows, old.FollowsPaths) : null;
    }

    private void Replace(CompiledRegion region, RegionPlan plan)
    {
        region.IsBeingReplaced = true;
        if (_queue != null)
        {
            // It runs right now, perhaps in a loop, and is left or misses its windows each time.
            _queue.Offer(plan, atOnce: true);
        }
        else
        {
            CompileNow(plan);
        }
    }

    /// <summary>Installs what the compiler thread has finished, frees what has been cut off. No block is running.</summary>
    private void Settle(GuestCpu* cpu)
    {
        if (_queue is { HasFinished: true })
        {
            cpu->Tier = ExecutionTier.Translator;
            while (_queue.TryTake(out CompiledRegion? region))
            {
                _regions.Install(region);
            }
        }

        if (_queue != null)
        {
            Feed(cpu);
        }

        if (_regions.HasDead)
        {
            cpu->PendingLink = null;
            _regions.FreeDead();
        }
    }
}
