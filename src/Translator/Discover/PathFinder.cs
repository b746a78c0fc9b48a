using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Tiering;

namespace Lguest.Jit.Translator.Discover;

/// <summary>
/// Chooses the blocks of a region by what the Guest has been seen to do: from a block on, whatever it is likely to come to next, through calls and
/// returns, the likeliest first. What it was never seen to do stays outside. Runs on the Guest thread, and touches nothing of the Guest.
/// </summary>
internal sealed unsafe class PathFinder
{
    /// <summary>Instructions of a region at most.</summary>
    private const int MaximumInstructions = 320;

    /// <summary>Blocks of a region at most, as a multiple of <see cref="Optimisations.RegionLimit"/>.</summary>
    private const int BlocksPerRegionLimit = 3;

    /// <summary>What the Guest comes to less often than this, each time that it enters the region, is left outside.</summary>
    private const double LeastChance = 0.05;

    /// <summary>A way on from a place where the Guest has not been seen.</summary>
    private const double ChanceOfUnknown = 0.3;

    /// <summary>An indirect branch, or the return to an unknown caller, that goes elsewhere more often is where the path ends.</summary>
    private const double LeastShareOfTarget = 0.3;

    /// <summary>What a path that may not be longer is about to come to this often is where another one begins.</summary>
    private const double LeastChanceOfNext = 0.25;

    /// <summary>A path ends where another one begins that is at least so long...</summary>
    private const int InstructionsOfLongPath = MaximumInstructions * 2 / 3;

    /// <summary>... if it has so many instructions by then. So they follow each other; else they would go round and round a long circle, each a little ahead of the last.</summary>
    private const int InstructionsOfConnection = MaximumInstructions / 5;

    private readonly GuestMachine _machine;
    private readonly BlockCache _cache;
    private readonly PathProfile _profile;
    private readonly RegionCache _regions;
    private readonly Optimisations _optimisations;
    private readonly PriorityQueue<Step, (double Unlikely, int Order)> _work = new();
    private readonly HashSet<uint> _inside = [];
    private int _order;

    /// <param name="machine">Whose Guest.</param>
    /// <param name="cache">Its decoded blocks.</param>
    /// <param name="profile">What it has been seen to do.</param>
    /// <param name="regions">What has a translation already.</param>
    /// <param name="optimisations">What may be done.</param>
    public PathFinder(GuestMachine machine, BlockCache cache, PathProfile profile, RegionCache regions, Optimisations optimisations)
    {
        _machine = machine;
        _cache = cache;
        _profile = profile;
        _regions = regions;
        _optimisations = optimisations;
    }

    /// <summary>Where the path that was found last would have gone on, had it not become too long; 0: nowhere that is worth it.</summary>
    public uint Next { get; private set; }

    /// <summary>A region from the block at <paramref name="eip"/> on; null: that one cannot be compiled.</summary>
    public RegionPlan? Find(uint eip)
    {
        Next = 0;
        if ((_machine.Cpu->Mode & ~CpuMode.User) != 0)
        {
            return null;
        }

        var draft = new RegionDraft(_machine, _cache, _regions.Alignment);
        _work.Clear();
        _inside.Clear();
        Expect(eip, null, 1);
        while (_work.TryDequeue(out Step step, out _))
        {
            GuestBlock* block = _cache.Peek(step.Eip);
            if (block == null || _inside.Contains(step.Eip) || block->IsRestless || (draft.Count > 0 && (_regions.Around(block)?.Loops == true || EndsAt(block, draft))))
            {
                // A loop that has shown to be one is best alone: what surrounds it would only take registers away.
                continue;
            }

            if (draft.Count >= _optimisations.RegionLimit * BlocksPerRegionLimit || draft.Instructions + block->Count > MaximumInstructions)
            {
                if (step.Chance >= LeastChanceOfNext && Next == 0)
                {
                    Next = step.Eip;
                }

                continue;
            }

            uint likely = LikelyTarget(block, step.Caller);
            if (draft.TryAdd(block, likely))
            {
                _inside.Add(step.Eip);
                Follow(block, likely, step);
            }
        }

        return draft.Finish(WindowPlan.Shut, followsPaths: true);
    }

    /// <summary>Another path takes over here, and this one is long enough.</summary>
    private bool EndsAt(GuestBlock* block, RegionDraft draft) =>
        draft.Instructions >= InstructionsOfConnection && _regions.Behind(block) is { Plan: { FollowsPaths: true, Instructions: >= InstructionsOfLongPath } } path
        && path.Plan.Blocks[0].Pointer == block;

    /// <summary>What comes behind a block.</summary>
    private void Follow(GuestBlock* block, uint likely, Step step)
    {
        switch (block->End)
        {
            case BlockEnd.FallThrough:
                Expect(block->NextEip, step.Caller, step.Chance);
                break;
            case BlockEnd.Jump:
                Expect(block->TargetEip, step.Caller, step.Chance);
                break;
            case BlockEnd.Conditional:
                BlockWays? ways = _profile.From(block);
                Expect(block->NextEip, step.Caller, step.Chance * (ways?.Share(block->NextEip) ?? ChanceOfUnknown));
                Expect(block->TargetEip, step.Caller, step.Chance * (ways?.Share(block->TargetEip) ?? ChanceOfUnknown));
                break;
            case BlockEnd.Call when _optimisations.CallsInRegions:
                Call(block->TargetEip, block->NextEip, step);
                break;
            case BlockEnd.IndirectCall when likely != 0 && _optimisations.CallsInRegions:
                Call(likely, block->NextEip, step);
                break;
            case BlockEnd.Return when step.Caller is { } caller:
                Expect(caller.ReturnEip, caller.Caller, step.Chance);
                break;
            case BlockEnd.IndirectJump or BlockEnd.Return when likely != 0:
                Expect(likely, step.Caller, step.Chance * _profile.From(block)!.Share(likely));
                break;
        }
    }

    private void Call(uint callee, uint returnEip, Step step)
    {
        if (_inside.Contains(callee))
        {
            // Its returns are there; they will be compared with this place as well.
            Expect(returnEip, step.Caller, step.Chance);
        }
        else
        {
            Expect(callee, new Frame(returnEip, step.Caller), step.Chance);
        }
    }

    private void Expect(uint eip, Frame? caller, double chance)
    {
        if (chance >= LeastChance)
        {
            _work.Enqueue(new Step(eip, caller, chance), (-chance, _order++));
        }
    }

    /// <summary>Where the end of a block leads to more often than not, if only running it tells.</summary>
    private uint LikelyTarget(GuestBlock* block, Frame? caller)
    {
        bool asks = block->End is BlockEnd.IndirectJump or BlockEnd.IndirectCall || (block->End == BlockEnd.Return && caller == null);
        if (!asks || !_optimisations.LikelyTargets || _profile.From(block) is not { } ways)
        {
            return 0;
        }

        uint target = ways.MostLikely;
        return ways.Share(target) >= LeastShareOfTarget ? target : 0;
    }

    /// <summary>A call that the path has gone into.</summary>
    private sealed record Frame(uint ReturnEip, Frame? Caller);

    /// <summary>A block that the path may come to.</summary>
    private readonly record struct Step(uint Eip, Frame? Caller, double Chance);
}
