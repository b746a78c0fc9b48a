using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Translator.Tiering;

namespace Lguest.Jit.Translator.Discover;

/// <summary>The blocks that have been chosen for a region so far, and the pages that they lie in.</summary>
internal sealed unsafe class RegionDraft
{
    /// <summary>After so many times nothing is expected of any of the blocks any more.</summary>
    private const int MostRealigned = 3;

    private readonly GuestMachine _machine;
    private readonly BlockCache _cache;
    private readonly AlignmentTuner? _alignment;
    private readonly List<PlannedBlock> _blocks = [];
    private readonly List<AssumedPage> _pages = [];

    /// <param name="machine">Whose Guest.</param>
    /// <param name="cache">Its decoded blocks.</param>
    /// <param name="alignment">Knows which blocks access memory that is not aligned; null: nobody does.</param>
    public RegionDraft(GuestMachine machine, BlockCache cache, AlignmentTuner? alignment)
    {
        _alignment = alignment;
        _machine = machine;
        _cache = cache;
    }

    /// <summary>As <see cref="RegionPlan.Realigned"/>; to be said first.</summary>
    public int Realigned { get; init; }

    public int Count => _blocks.Count;

    /// <summary>Instructions of its blocks.</summary>
    public int Instructions { get; private set; }

    /// <summary>Takes a block in, unless RAM no longer has what it was decoded from.</summary>
    /// <param name="block">A valid block that is mapped now.</param>
    /// <param name="likely">Where the indirect branch, or the return, at its end is likely to lead to; 0: nobody knows, or it has none.</param>
    /// <param name="isIndirectTarget">Indirect branches are known to lead there.</param>
    public bool TryAdd(GuestBlock* block, uint likely, bool isIndirectTarget = false)
    {
        byte[] code = _cache.CodeOf(block);
        if (!BlockCache.WasDecodedFrom(block, code))
        {
            // A device is writing there right now: what we know of the block is not what we would translate.
            return false;
        }

        Instructions += block->Count;
        _blocks.Add(new PlannedBlock((nint)block, block->Eip, block->Physical, code, block->Count)
        {
            IsIndirectTarget = isIndirectTarget,
            LikelyTarget = likely,
            IsUnaligned = Realigned >= MostRealigned || _alignment?.IsUnaligned(block->Eip) == true,
        });
        Assume(block->Eip >> 12);
        if (block->CrossesPage)
        {
            Assume((block->NextEip - 1) >> 12);
        }

        return true;
    }

    /// <summary>What is to be compiled; null: nothing has been chosen.</summary>
    /// <param name="windows">What it looks at memory through.</param>
    /// <param name="followsPaths">As <see cref="RegionPlan.FollowsPaths"/>.</param>
    public RegionPlan? Finish(WindowPlan windows, bool followsPaths = false) => _blocks.Count == 0 ? null : new RegionPlan
    {
        Blocks = _blocks,
        Pages = _pages,
        Mode = _machine.Cpu->Mode,
        Windows = windows,
        FollowsPaths = followsPaths,
        Realigned = Realigned,
        CacheGeneration = _cache.Generation(_machine.Cpu->Mode),
    };

    /// <summary>Where the indirect branch at the end of a block led to when it was interpreted last; 0: it has none, or that is not known.</summary>
    public static uint LastTarget(GuestBlock* block)
    {
        if (block->End is not (BlockEnd.IndirectJump or BlockEnd.IndirectCall))
        {
            return 0;
        }

        Op* last = block->Head + 1;
        while (last->Remaining > 1)
        {
            last++;
        }

        return last->Immediate;
    }

    /// <summary>The region stands on this page, as it is mapped now.</summary>
    private void Assume(uint page)
    {
        var assumed = new AssumedPage(page, _machine.Cpu->ReadTable[page]);
        if (!_pages.Contains(assumed))
        {
            _pages.Add(assumed);
        }
    }
}
