using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Tiering;

namespace Lguest.Jit.Translator.Discover;

/// <summary>
/// Chooses the blocks of a region: everything that execution has been seen to reach from a hot block, by branches, calls
/// and returns within what is already decoded, until the region is large enough. Runs on the Guest thread, touches
/// nothing of the Guest, and takes copies of the code for the compiler thread.
/// </summary>
internal sealed unsafe class RegionFinder
{
    /// <summary>As <see cref="Optimisations.RegionLimit"/>, in instructions: what the compiler takes is proportional to them.</summary>
    private const int MaximumInstructions = 240;

    /// <summary>Of those, instructions that have a translation already: a short callee, an inner loop.</summary>
    private const int MaximumDuplicated = 40;

    /// <summary>The same while many others wait. What is passed through often enough becomes one path later.</summary>
    private const int MaximumDuplicatedInHaste = 10;

    private readonly GuestMachine _machine;
    private readonly BlockCache _cache;
    private readonly Optimisations _optimisations;

    private readonly RegionCache? _regions;
    private readonly PlansUnderWay? _underWay;
    private readonly Queue<uint> _work = new();
    private readonly HashSet<uint> _seen = [];
    private readonly HashSet<uint> _indirect = [];
    private readonly HashSet<uint> _scanned = [];

    /// <param name="machine">Whose Guest.</param>
    /// <param name="cache">Its decoded blocks.</param>
    /// <param name="optimisations">What may be done.</param>
    /// <param name="regions">What has a translation already; null: nothing.</param>
    /// <param name="underWay">What is about to have one; null: nothing.</param>
    public RegionFinder(GuestMachine machine, BlockCache cache, Optimisations optimisations, RegionCache? regions = null, PlansUnderWay? underWay = null)
    {
        _regions = regions;
        _underWay = underWay;
        _machine = machine;
        _cache = cache;
        _optimisations = optimisations;
    }

    /// <summary>The region around the block at <c>cpu->Eip</c>, or null if that block cannot be compiled.</summary>
    /// <param name="minimumCount">Times a block must have run to be taken in.</param>
    public RegionPlan? Find(uint minimumCount) => Find(_machine.Cpu->Eip, minimumCount, WindowPlan.Initial);

    /// <summary>The same around the block at <paramref name="eip"/>, with these windows.</summary>
    /// <param name="eip">Where it begins.</param>
    /// <param name="minimumCount">Times a block must have run to be taken in.</param>
    /// <param name="windows">What it looks at memory through.</param>
    /// <param name="replaced">The blocks of the translation that it is to replace; null: it is the first.</param>
    /// <param name="inHaste">Many others wait: nothing is to be done twice.</param>
    public RegionPlan? Find(uint eip, uint minimumCount, WindowPlan windows, HashSet<nint>? replaced = null, bool inHaste = false)
    {
        GuestCpu* cpu = _machine.Cpu;
        GuestBlock* seed = _cache.Peek(eip);
        if (seed == null || (cpu->Mode & ~CpuMode.User) != 0)
        {
            return null;
        }

        var draft = new RegionDraft(_machine, _cache, _regions?.Alignment);
        int duplicated = 0;
        _work.Clear();
        _seen.Clear();
        _indirect.Clear();
        _scanned.Clear();
        Push(seed->Eip);
        while (_work.Count > 0 && draft.Count < _optimisations.RegionLimit)
        {
            GuestBlock* block = _cache.Peek(_work.Dequeue());
            if (block == null || draft.Instructions + block->Count > MaximumInstructions
                || (block != seed && !IsWarm(block, minimumCount)))
            {
                continue;
            }

            if (block != seed && replaced?.Contains((nint)block) != true && (RegionCache.IsTranslated(block->Head) || _regions?.Around(block) != null || (inHaste && _underWay?.Contains(block) == true)))
            {
                // It has a translation to be linked to, or will have one when it is found to be worth it. A small part may still be worth having twice: a short callee, an inner loop.
                duplicated += block->Count;
                if (duplicated > (inHaste ? MaximumDuplicatedInHaste : MaximumDuplicated))
                {
                    continue;
                }
            }

            uint likely = _optimisations.LikelyTargets ? RegionDraft.LastTarget(block) : 0;
            if (draft.TryAdd(block, likely, _indirect.Contains(block->Eip)) && _optimisations.Regions)
            {
                PushSuccessors(block);
                if (likely != 0 && (_optimisations.CallsInRegions || block->End == BlockEnd.IndirectJump))
                {
                    Push(likely);
                }

                if (_optimisations.BranchTables && LooksNear(block, likely) && _scanned.Add(block->Eip >> 12))
                {
                    PushTargetsNear(block->Eip, cpu->Mode);
                }
            }
        }

        return draft.Finish(windows);
    }

    /// <summary>
    /// A jump goes through the table of a switch or an interpreter; a call does so only if it has been seen to: the drivers of a kernel are
    /// elsewhere than who calls them, and the functions of all the tables near by are none of its business.
    /// </summary>
    private bool LooksNear(GuestBlock* block, uint likely) =>
        block->End == BlockEnd.IndirectJump
        || (block->End == BlockEnd.IndirectCall && (!_optimisations.LikelyTargets || likely >> 12 == block->Eip >> 12));

    private bool IsWarm(GuestBlock* block, uint minimumCount) =>
        block->Head->Info != (ushort)HeadKind.Counting
        || (!block->IsRestless && _cache.Patience(block) - block->Head->Displacement >= minimumCount);

    private void PushSuccessors(GuestBlock* block)
    {
        switch (block->End)
        {
            case BlockEnd.FallThrough:
                Push(block->NextEip);
                break;
            case BlockEnd.Jump:
                Push(block->TargetEip);
                break;
            case BlockEnd.Conditional:
                Push(block->NextEip);
                Push(block->TargetEip);
                break;
            case BlockEnd.Call:
                if (_optimisations.CallsInRegions)
                {
                    Push(block->TargetEip);
                }

                Push(block->NextEip);
                break;
            case BlockEnd.IndirectJump or BlockEnd.IndirectCall:
                // Harmless after a jump; after a call it is where the callee comes back to.
                Push(block->NextEip);
                break;
        }
    }

    /// <summary>
    /// Where indirect branches have led to lately, as far as it is in the same page: what the jump cache holds. The handlers
    /// of an interpreter, the cases of a switch, the methods of a small class.
    /// </summary>
    private void PushTargetsNear(uint eip, CpuMode mode)
    {
        foreach (uint target in _cache.IndirectTargets(eip >> 12, mode))
        {
            if (!IsBehindCall(target))
            {
                _indirect.Add(target);
                Push(target);
            }
        }
    }

    /// <summary>Does it look as if a return had led here? CALL rel32 is E8 and four bytes; CALL r/m is FF /2 in two to seven.</summary>
    private bool IsBehindCall(uint eip)
    {
        if ((eip & 0xFFF) < 7)
        {
            return false;
        }

        byte* code = (byte*)(_machine.Cpu->ReadTable[eip >> 12] + eip);
        if (code[-5] == 0xE8)
        {
            return true;
        }

        for (int length = 2; length <= 7; length++)
        {
            if (code[-length] == 0xFF && (code[1 - length] & 0x38) == 0x10)
            {
                return true;
            }
        }

        return false;
    }

    private void Push(uint eip)
    {
        if (_seen.Add(eip))
        {
            _work.Enqueue(eip);
        }
    }
}
