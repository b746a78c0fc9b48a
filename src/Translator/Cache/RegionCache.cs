using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Interpreter.ControlFlow;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Tiering;
using Lguest.Jit.Translator.Trace;

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
    private readonly RegionLinks _links = new();
    private readonly MethodReclaimer _reclaimer;
    private readonly long _capacity;
    private long _bytes;

    /// <param name="blocks">Where the blocks are.</param>
    /// <param name="capacity">Bytes of Host code kept at most, by estimate.</param>
    public RegionCache(BlockCache blocks, long capacity)
    {
        _blocks = blocks;
        _capacity = capacity;
        _reclaimer = new MethodReclaimer(Math.Clamp(capacity / 4, 1 << 20, 16 << 20));
        blocks.Listener = this;
    }

    /// <summary>Counts who enters and leaves regions; null: nobody does.</summary>
    public RegionWatch? Watch { get; init; }

    /// <summary>Looks after the regions' windows; null: nobody does.</summary>
    public WindowTuner? Tuner { get; init; }

    /// <summary>Learns which accesses are not aligned; null: nobody does.</summary>
    public AlignmentTuner? Alignment { get; init; }

    public int Count => _oldestFirst.Count;

    /// <summary>The regions in use, oldest first.</summary>
    public IEnumerable<CompiledRegion> All => _oldestFirst;

    public long Installed { get; private set; }

    public long Cut { get; private set; }

    public long Evicted { get; private set; }

    /// <summary>Regions that are larger than the whole cache: their code stays interpreted.</summary>
    public long Refused { get; private set; }

    /// <summary>Collections that were asked for because of dropped methods.</summary>
    public long Collections => _reclaimer.Collections;

    /// <summary>Regions that came too late.</summary>
    public long Outdated { get; private set; }

    /// <summary>Bytes of Host code in use, by estimate.</summary>
    public long Bytes => _bytes;

    public long Capacity => _capacity;

    /// <summary>Puts a finished region into use; false if the Guest's code has changed since it was planned.</summary>
    public bool Install(CompiledRegion region)
    {
        RegionPlan plan = region.Plan;
        if (plan.CacheGeneration != _blocks.Generation(plan.Mode))
        {
            region.Dispose();
            Outdated++;
            return false;
        }

        // A block may have been built again in its old place: what counts is the code.
        if (!plan.Blocks.All(b => _blocks.IsStill(b.Pointer, b.Code)))
        {
            region.Dispose();
            Outdated++;
            StartOver(plan.Blocks[0].Pointer);
            return false;
        }

        if (Estimate(region) > _capacity)
        {
            region.Dispose();
            Refused++;
            return false;
        }

        while (_bytes + Estimate(region) > _capacity && _oldestFirst.First is { } oldest)
        {
            Remove(oldest.Value);
            Evicted++;
        }

        // One that has been translated anew takes all its old entries over; one along a path has none but its seed, so there the old one stays for all others.
        foreach (CompiledRegion predecessor in RegionsFrom(plan.Blocks[0].Block).Where(old => old.Plan.FollowsPaths || !plan.FollowsPaths))
        {
            Remove(predecessor);
        }

        for (int i = 0; i < region.Entries.Count; i++)
        {
            Op* head = plan.Blocks[region.Entries[i]].Pointer->Head;

            // The seed is taken over; other entries only where nobody has been before.
            if (i == 0 || !IsTranslated(head))
            {
                Lead(head, region, (uint)i);
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

        Enlist(region);
        _oldestFirst.AddLast(region);
        _bytes += Estimate(region);
        Installed++;
        return true;
    }

    /// <summary>The region that was installed last of those with the block inside; null: there is none.</summary>
    public CompiledRegion? Around(GuestBlock* block) => _byBlock.TryGetValue((nint)block, out List<CompiledRegion>? regions) ? regions[^1] : null;

    /// <summary>The region that the block's head leads into; null: none.</summary>
    public CompiledRegion? Behind(GuestBlock* block) =>
        IsTranslated(block->Head) && _byBlock.TryGetValue((nint)block, out List<CompiledRegion>? regions)
            ? regions.Find(region => region.EntryPoint == RegionWatch.CodeBehind(block->Head)) : null;

    /// <summary>The regions that begin with a block; a copy of the list.</summary>
    private CompiledRegion[] RegionsFrom(nint block) =>
        _byBlock.TryGetValue(block, out List<CompiledRegion>? regions) ? [.. regions.Where(region => region.Plan.Blocks[0].Block == block)] : [];

    /// <summary>Does this head lead into translated code?</summary>
    public static bool IsTranslated(Op* head) => head->Info == (ushort)HeadKind.Translated;

    /// <summary>Frees what has been cut off. Only when no translated code is running.</summary>
    public void FreeDead()
    {
        ReturnLinks.Clear(_blocks.Cpu);
        foreach (CompiledRegion region in _dead)
        {
            _links.Drop(region.Links);
            region.Dispose();
            _reclaimer.Dropped(Estimate(region));
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
    public void Linked(BlockLink* link) => _links.Add(link);

    /// <inheritdoc/>
    public void Emptied()
    {
        _links.Clear();
        foreach (CompiledRegion region in _oldestFirst)
        {
            Strike(region);
        }

        _dead.AddRange(_oldestFirst);
        _oldestFirst.Clear();
        _byBlock.Clear();
        _bytes = 0;
    }

    /// <inheritdoc/>
    public void UserEmptied()
    {
        foreach (CompiledRegion region in _oldestFirst.Where(static region => (region.Plan.Mode & CpuMode.User) != 0).ToList())
        {
            Remove(region);
        }
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

    /// <summary>
    /// What a region costs, by measurement of whole processes: Host code is some three times its IL, of which the runtime keeps a
    /// copy; then come its own records of a method, and ours of the blocks.
    /// </summary>
    private static long Estimate(CompiledRegion region) => 6144 + 4L * region.IlBytes + 64L * region.Plan.Blocks.Count + (region.Thunks?.Bytes ?? 0);

    /// <summary>The block that asked for a region and got none may ask again.</summary>
    private void StartOver(GuestBlock* block)
    {
        if (block->Valid && block->Head->Info == (ushort)HeadKind.Plain)
        {
            BlockHead.SetCounting(block->Head, _blocks.Patience(block));
        }
    }

    private void Enlist(CompiledRegion region)
    {
        Tuner?.Installed(region);
        Alignment?.Installed(region);
        region.IsInstalled = true;
    }

    private void Strike(CompiledRegion region)
    {
        Tuner?.Removed(region);
        Alignment?.Removed(region);
        region.IsInstalled = false;
    }

    private void Lead(Op* head, CompiledRegion region, uint entry)
    {
        if (Watch != null)
        {
            Watch.Lead(head, region, entry);
        }
        else
        {
            BlockHead.SetTranslated(head, region.EntryPoint, entry);
            _links.Leads(head);
        }
    }

    private void Remove(CompiledRegion region)
    {
        foreach (PlannedBlock planned in region.Plan.Blocks)
        {
            GuestBlock* block = planned.Pointer;
            _links.Leaves(block->Head, region.EntryPoint);
            if (block->Valid && IsTranslated(block->Head) && RegionWatch.CodeBehind(block->Head) == region.EntryPoint)
            {
                // It may become hot again, from the beginning.
                BlockHead.SetCounting(block->Head, _blocks.Patience(block));
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

        Strike(region);
        _oldestFirst.Remove(region);
        _bytes -= Estimate(region);
        _dead.Add(region);
    }
}
