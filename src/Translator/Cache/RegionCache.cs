using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Translator.Discover;

namespace Lguest.Jit.Translator.Cache;

/// <summary>
/// The installed regions: which blocks lead into them, and how they go when a block of theirs does. All on the Guest
/// thread. A region that has been cut off is freed later, when no translated code can be running.
/// </summary>
internal sealed unsafe class RegionCache : IBlockListener, IDisposable
{
    private readonly BlockCache _blocks;
    private readonly Dictionary<nint, List<CompiledRegion>> _byBlock = [];
    private readonly LinkedList<CompiledRegion> _oldestFirst = new();
    private readonly List<CompiledRegion> _dead = [];
    private readonly long _capacity;
    private long _bytes;

    /// <param name="blocks">Where the blocks are.</param>
    /// <param name="capacity">Bytes of Host code kept at most, by estimate.</param>
    public RegionCache(BlockCache blocks, long capacity)
    {
        _blocks = blocks;
        _capacity = capacity;
        blocks.Listener = this;
    }

    public int Count => _oldestFirst.Count;

    public long Installed { get; private set; }

    public long Cut { get; private set; }

    public long Evicted { get; private set; }

    /// <summary>Puts a finished region into use; false if the Guest's code has changed since it was planned.</summary>
    public bool Install(CompiledRegion region)
    {
        RegionPlan plan = region.Plan;
        if (plan.CacheGeneration != _blocks.Resets || plan.Blocks.Any(static b => !b.Pointer->Valid))
        {
            region.Dispose();
            return false;
        }

        while (_bytes + Estimate(region) > _capacity && _oldestFirst.First is { } oldest)
        {
            Remove(oldest.Value);
            Evicted++;
        }

        // One that has been translated anew takes all its old entries over.
        if (_byBlock.TryGetValue(plan.Blocks[0].Block, out List<CompiledRegion>? here)
            && here.Find(r => r.Plan.Blocks[0].Block == plan.Blocks[0].Block) is { } predecessor)
        {
            Remove(predecessor);
        }

        for (int i = 0; i < region.Entries.Count; i++)
        {
            Op* head = plan.Blocks[region.Entries[i]].Pointer->Head;

            // The seed is taken over; other entries only where nobody has been before.
            if (i == 0 || !IsTranslated(head))
            {
                BlockHead.SetTranslated(head, region.EntryPoint, (uint)i);
            }
        }

        foreach (PlannedBlock block in plan.Blocks)
        {
            if (!_byBlock.TryGetValue(block.Block, out List<CompiledRegion>? list))
            {
                _byBlock.Add(block.Block, list = []);
            }

            list.Add(region);
        }

        _oldestFirst.AddLast(region);
        _bytes += Estimate(region);
        Installed++;
        return true;
    }

    /// <summary>Regions that have a page cache whose countdown has run out.</summary>
    public List<CompiledRegion> WithDueRecords() =>
        [.. _oldestFirst.Where(static region => region.CacheRecords.Any(static record => record.IsDue))];

    /// <summary>Is the block part of an installed region, as an entry or inside?</summary>
    public bool Covers(GuestBlock* block) => _byBlock.ContainsKey((nint)block);

    /// <summary>Does this head lead into translated code?</summary>
    public static bool IsTranslated(Op* head) => head->Info == (ushort)HeadKind.Translated;

    /// <summary>Frees what has been cut off. Only when no translated code is running.</summary>
    public void FreeDead()
    {
        foreach (CompiledRegion region in _dead)
        {
            region.Dispose();
        }

        _dead.Clear();
    }

    public bool HasDead => _dead.Count != 0;

    /// <inheritdoc/>
    public void Invalidated(GuestBlock* block)
    {
        if (_byBlock.TryGetValue((nint)block, out List<CompiledRegion>? regions))
        {
            foreach (CompiledRegion region in regions.ToArray())
            {
                Remove(region);
                Cut++;
            }
        }
    }

    /// <inheritdoc/>
    public void Emptied()
    {
        _dead.AddRange(_oldestFirst);
        _oldestFirst.Clear();
        _byBlock.Clear();
        _bytes = 0;
    }

    public void Dispose()
    {
        Emptied();
        FreeDead();
        if (_blocks.Listener == this)
        {
            _blocks.Listener = null;
        }
    }

    /// <summary>Host code is some three times its IL, by measurement of what RyuJIT reports; metadata comes on top.</summary>
    private static long Estimate(CompiledRegion region) => 4096 + 3L * region.IlBytes;

    private void Remove(CompiledRegion region)
    {
        foreach (PlannedBlock planned in region.Plan.Blocks)
        {
            GuestBlock* block = planned.Pointer;
            if (block->Valid && IsTranslated(block->Head) && (nint)block->Head->Handler == region.EntryPoint)
            {
                // It may become hot again, from the beginning.
                BlockHead.SetCounting(block->Head, _blocks.HeadCounter);
            }

            if (_byBlock.TryGetValue(planned.Block, out List<CompiledRegion>? list))
            {
                list.Remove(region);
                if (list.Count == 0)
                {
                    _byBlock.Remove(planned.Block);
                }
            }
        }

        _oldestFirst.Remove(region);
        _bytes -= Estimate(region);
        _dead.Add(region);
    }
}
