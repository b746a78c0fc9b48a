using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Translator.Discover;

/// <summary>
/// Chooses the blocks of a region: everything that execution has been seen to reach from a hot block, by branches, calls
/// and returns within what is already decoded, until the region is large enough. Runs on the Guest thread, touches
/// nothing of the Guest, and takes copies of the code for the compiler thread.
/// </summary>
internal sealed unsafe class RegionFinder
{
    /// <summary>As <see cref="Optimisations.RegionLimit"/>, in instructions.</summary>
    private const int MaximumInstructions = 400;

    private readonly GuestMachine _machine;
    private readonly BlockCache _cache;
    private readonly Optimisations _optimisations;
    private readonly Queue<uint> _work = new();
    private readonly HashSet<uint> _seen = [];

    public RegionFinder(GuestMachine machine, BlockCache cache, Optimisations optimisations)
    {
        _machine = machine;
        _cache = cache;
        _optimisations = optimisations;
    }

    /// <summary>The region around the block at <c>cpu->Eip</c>, or null if that block cannot be compiled.</summary>
    /// <param name="minimumCount">Times a block must have run to be taken in.</param>
    public RegionPlan? Find(uint minimumCount)
    {
        GuestCpu* cpu = _machine.Cpu;
        GuestBlock* seed = _cache.Peek(cpu->Eip);
        if (seed == null || seed->CrossesPage || (cpu->Mode & ~CpuMode.User) != 0)
        {
            return null;
        }

        var blocks = new List<PlannedBlock>();
        var pages = new List<AssumedPage>();
        int instructions = 0;
        _work.Clear();
        _seen.Clear();
        Push(seed->Eip);
        while (_work.Count > 0 && blocks.Count < _optimisations.RegionLimit)
        {
            GuestBlock* block = _cache.Peek(_work.Dequeue());
            if (block == null || block->CrossesPage || instructions + block->Count > MaximumInstructions
                || (block != seed && !IsWarm(block, minimumCount)))
            {
                continue;
            }

            instructions += block->Count;
            blocks.Add(new PlannedBlock((nint)block, block->Eip, block->Physical, Copy(block), block->Count));
            var page = new AssumedPage(block->Eip >> 12, cpu->ReadTable[block->Eip >> 12]);
            if (!pages.Contains(page))
            {
                pages.Add(page);
            }

            if (_optimisations.Regions)
            {
                PushSuccessors(block);
            }
        }

        if (blocks.Count == 0)
        {
            return null;
        }

        return new RegionPlan
        {
            Blocks = blocks,
            Pages = pages,
            Mode = cpu->Mode,
            Heat = instructions,
            CacheGeneration = _cache.Resets,
        };
    }

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
            case BlockEnd.Indirect:
                // Harmless after a jump; after a call it is where the callee comes back to.
                Push(block->NextEip);
                break;
        }
    }

    private void Push(uint eip)
    {
        if (_seen.Add(eip))
        {
            _work.Enqueue(eip);
        }
    }

    private byte[] Copy(GuestBlock* block) => new ReadOnlySpan<byte>(_machine.Ram.Base + block->Physical, block->ByteLength).ToArray();
}
