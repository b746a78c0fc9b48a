using System.Runtime.InteropServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter.ControlFlow;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>
/// All decoded blocks, found by (physical address, virtual eip, mode) and dropped by frame. Memory comes from an arena
/// that is emptied as a whole when it is full, so a long-running Guest cannot make it grow.
/// </summary>
internal sealed unsafe class BlockCache : ICodeWriteObserver, IDisposable
{
    /// <summary>Bytes of blocks kept at most.</summary>
    public const int DefaultCapacity = 64 << 20;

    private const int Buckets = 1 << 16;

    /// <summary>Ops' worth of space that a block's header takes.</summary>
    private static readonly int HeaderOps = (sizeof(GuestBlock) + sizeof(Op) - 1) / sizeof(Op);

    private readonly GuestMachine _machine;
    private readonly GuestCpu* _cpu;
    private readonly BlockBuilder _builder;
    private readonly GuestBlock** _buckets;
    private readonly GuestBlock** _frames;
    private readonly JumpCacheEntry* _jumpCache;
    private readonly byte* _arena;
    private readonly byte* _scratch;
    private readonly int _capacity;
    private int _used;
    private GuestBlock* _partial;

    public BlockCache(GuestMachine machine, int capacity = DefaultCapacity)
    {
        _machine = machine;
        _cpu = machine.Cpu;
        _capacity = capacity;
        _builder = new BlockBuilder(machine);
        _buckets = (GuestBlock**)NativeMemory.AllocZeroed(Buckets, (nuint)sizeof(nint));
        _frames = (GuestBlock**)NativeMemory.AllocZeroed(machine.Ram.Size / GuestRam.PageSize, (nuint)sizeof(nint));
        _jumpCache = (JumpCacheEntry*)NativeMemory.AllocZeroed(JumpCacheEntry.Count, (nuint)sizeof(JumpCacheEntry));
        _arena = HostMemory.Reserve((ulong)capacity, sparse: false);
        _scratch = HostMemory.Reserve(1 << 20, sparse: true);
        ClearJumpCache();
        _cpu->JumpCache = _jumpCache;
        machine.Ram.WriteObserver = this;
    }

    /// <summary>What the heads of new blocks count down from until the block is hot; 0: they do not count.</summary>
    public uint HeadCounter { get; set; }

    /// <summary>Hears of blocks that go.</summary>
    public IBlockListener? Listener { get; set; }

    /// <summary>Blocks decoded since the start.</summary>
    public long Decoded { get; private set; }

    /// <summary>Blocks dropped because their code was written to.</summary>
    public long Invalidated { get; private set; }

    /// <summary>Times the arena was emptied.</summary>
    public long Resets { get; private set; }

    /// <summary>
    /// The block at <c>cpu->Eip</c>, decoded if need be, and linked to whoever asked (<c>cpu->PendingLink</c>). Null: a fetch
    /// fault, recorded in the CPU, or a code segment that needs <see cref="BuildPartial"/> (<see cref="IsCacheable"/>).
    /// </summary>
    public GuestBlock* Find()
    {
        uint eip = _cpu->Eip;
        if (!Translate(eip, out uint physical))
        {
            return null;
        }

        GuestBlock* block = Lookup(eip, physical, _cpu->Mode);
        if (block == null)
        {
            block = Build(eip, physical);
            if (block == null)
            {
                return null;
            }
        }

        Link(block);
        return block;
    }

    /// <summary>The valid block at <paramref name="eip"/> in the current mode and mapping, if it has been decoded; nothing else happens.</summary>
    public GuestBlock* Peek(uint eip)
    {
        ulong entry = _cpu->ReadTable[eip >> 12];
        return entry == 0 ? null : Lookup(eip, (uint)(entry + eip - (ulong)_machine.Ram.Base), _cpu->Mode);
    }

    /// <summary>Addresses in a page that indirect branches and returns have led to lately, as far as the jump cache remembers.</summary>
    /// <param name="page">Number of the virtual page.</param>
    /// <param name="mode">In which mode.</param>
    public List<uint> IndirectTargets(uint page, CpuMode mode)
    {
        var targets = new List<uint>();
        for (int i = 0; i < JumpCacheEntry.Count; i++)
        {
            JumpCacheEntry* entry = _jumpCache + i;
            if (entry->Indirect && entry->Eip >> 12 == page && entry->Mode == mode && entry->PageEntry == _cpu->ReadTable[page])
            {
                targets.Add(entry->Eip);
            }
        }

        return targets;
    }

    /// <summary>Blocks may be cached and linked where CS is flat; elsewhere each instruction is checked by itself.</summary>
    public bool IsCacheable => GuestCpu.Segment(_cpu, Seg.Cs)->IsFlat;

    /// <summary>
    /// A block of at most <paramref name="limit"/> instructions at <c>cpu->Eip</c>, not cached, in memory that the next call
    /// reuses. Null: a fetch fault.
    /// </summary>
    public Op* BuildPartial(int limit)
    {
        SegmentRegister* code = GuestCpu.Segment(_cpu, Seg.Cs);
        uint eip = _cpu->Eip;
        if (!code->IsFlat)
        {
            // A block of one instruction, whose bytes are all checked against the limit by length alone.
            limit = 1;
            if (eip > code->Limit)
            {
                Fault.GeneralProtection(_cpu);
                return null;
            }
        }

        uint linear = code->Base + eip;
        if (!Translate(linear, out uint physical) || !_builder.Build(_cpu, linear, physical, limit, linkable: false))
        {
            return null;
        }

        if (!code->IsFlat && eip + (uint)_builder.ByteLength - 1 > code->Limit)
        {
            Fault.GeneralProtection(_cpu);
            return null;
        }

        // It is on no list, but the bytes it was made of must be watched while it runs like any other block's.
        _partial = Place(_scratch, eip, physical);
        if (!_partial->CrossesPage)
        {
            _machine.Mmu.Code.MarkCode(physical, _partial->ByteLength);
        }

        return _partial->Head;
    }

    /// <summary>The partial block has run.</summary>
    public void EndPartial()
    {
        _partial = null;
        _cpu->PendingLink = null;
    }

    /// <inheritdoc/>
    public void NotifyWrite(uint physical, uint length)
    {
        if (length == 0 || !_machine.Mmu.Code.Overlaps(physical, length))
        {
            return;
        }

        uint end = physical + length;
        if (_partial != null && _partial->Physical < end && physical < _partial->Physical + _partial->ByteLength)
        {
            _cpu->Cut = ExitReason.BlockCut;
        }

        for (uint frame = physical >> 12; frame <= (end - 1) >> 12; frame++)
        {
            if (_machine.Mmu.Code.HasCode(frame))
            {
                InvalidateInFrame(frame, physical, end);
            }
        }
    }

    /// <summary>Empties the cache. Only when no block is running.</summary>
    public void Reset()
    {
        Resets++;
        Listener?.Emptied();
        _used = 0;
        NativeMemory.Clear(_buckets, (nuint)(Buckets * sizeof(nint)));
        uint frames = _machine.Ram.Size / GuestRam.PageSize;
        for (uint frame = 0; frame < frames; frame++)
        {
            if (_frames[frame] != null)
            {
                _frames[frame] = null;
                _machine.Mmu.Code.SetLines(frame, 0);
            }
        }

        ClearJumpCache();
        _cpu->PendingLink = null;
    }

    public void Dispose()
    {
        if (_machine.Ram.WriteObserver == this)
        {
            _machine.Ram.WriteObserver = null;
        }

        NativeMemory.Free(_buckets);
        NativeMemory.Free(_frames);
        NativeMemory.Free(_jumpCache);
        HostMemory.Release(_arena, (ulong)_capacity);
        HostMemory.Release(_scratch, 1 << 20);
    }

    private bool Translate(uint linear, out uint physical)
    {
        ulong entry = _cpu->ReadTable[linear >> 12];
        if (entry == 0)
        {
            return ColdAccess.TranslateFetch(_cpu, linear, out physical);
        }

        physical = (uint)(entry + linear - (ulong)_machine.Ram.Base);
        return true;
    }

    private static uint Hash(uint physical, CpuMode mode) => ((physical * 0x9E3779B1) ^ ((uint)mode << 24)) >> 16;

    private GuestBlock* Lookup(uint eip, uint physical, CpuMode mode)
    {
        GuestBlock** link = &_buckets[Hash(physical, mode)];
        while (*link != null)
        {
            GuestBlock* block = *link;
            if (!block->Valid)
            {
                *link = block->HashNext;
                continue;
            }

            if (block->Physical == physical && block->Eip == eip && block->Mode == mode && SecondPageStillThere(block))
            {
                return block;
            }

            link = &block->HashNext;
        }

        return null;
    }

    private bool SecondPageStillThere(GuestBlock* block)
    {
        if (!block->CrossesPage)
        {
            return true;
        }

        // A missing second page is found out, and faults, when the block is built anew.
        uint nextPage = (block->Eip | 0xFFF) + 1;
        ulong entry = _cpu->ReadTable[nextPage >> 12];
        return entry != 0 && (uint)(entry + nextPage - (ulong)_machine.Ram.Base) == block->SecondPhysical;
    }

    private GuestBlock* Build(uint eip, uint physical)
    {
        if (!_builder.Build(_cpu, eip, physical, OpWriter.MaximumInstructions, linkable: true))
        {
            return null;
        }

        // Everything in the arena is a multiple of an op, so every block and link lies on a 32-byte boundary.
        int size = (HeaderOps + 1 + _builder.Writer.Length) * sizeof(Op);
        if (_used + size > _capacity)
        {
            Reset();
        }

        byte* memory = _arena + _used;
        _used += size;
        GuestBlock* block = Place(memory, eip, physical);
        Decoded++;

        GuestBlock** bucket = &_buckets[Hash(physical, _cpu->Mode)];
        block->HashNext = *bucket;
        *bucket = block;
        uint frame = physical >> 12;
        block->FrameNext = _frames[frame];
        _frames[frame] = block;
        if (block->CrossesPage)
        {
            uint inFirst = 0x1000 - (physical & 0xFFF);
            _machine.Mmu.Code.MarkCode(physical, inFirst);
            uint second = block->SecondPhysical >> 12;
            if (second != frame)
            {
                block->SecondFrameNext = _frames[second];
                _frames[second] = block;
            }

            _machine.Mmu.Code.MarkCode(block->SecondPhysical, block->ByteLength - inFirst);
        }
        else
        {
            _machine.Mmu.Code.MarkCode(physical, block->ByteLength);
        }

        return block;
    }

    /// <summary>Writes header, head op and ops of the block just built at <paramref name="memory"/>.</summary>
    private GuestBlock* Place(byte* memory, uint eip, uint physical)
    {
        var block = (GuestBlock*)memory;
        Op* ops = (Op*)memory + HeaderOps;
        *block = new GuestBlock
        {
            Head = ops,
            Physical = physical,
            SecondPhysical = _builder.SecondPhysical,
            CrossesPage = _builder.CrossesPage,
            Eip = eip,
            Mode = _cpu->Mode,
            ByteLength = (ushort)_builder.ByteLength,
            Count = (ushort)_builder.Writer.Count,
            Valid = true,
        };
        (block->End, block->TargetEip) = _builder.Ending;
        *ops = new Op { Immediate = (uint)_builder.Writer.Count, Eip = eip };
        if (HeadCounter != 0 && memory != _scratch)
        {
            BlockHead.SetCounting(ops, HeadCounter);
        }
        else
        {
            BlockHead.SetPlain(ops);
        }

        _builder.Writer.Ops.CopyTo(new Span<Op>(ops + 1, _builder.Writer.Length));
        return block;
    }

    private void Link(GuestBlock* block)
    {
        var link = (BlockLink*)_cpu->PendingLink;
        _cpu->PendingLink = null;
        if (block->CrossesPage)
        {
            // Its second page has to be looked at each time: only the dispatcher does that.
            return;
        }

        ulong page = _cpu->ReadTable[block->Eip >> 12];
        if (link != null && link->Eip == block->Eip)
        {
            link->PageEntry = page;
            link->Target = block->Head;
        }

        JumpCacheEntry* entry = _jumpCache + JumpCacheEntry.Slot(block->Eip);
        *entry = new JumpCacheEntry { Eip = block->Eip, Mode = block->Mode, PageEntry = page, Target = block->Head, Indirect = link == null };
    }

    private void InvalidateInFrame(uint frame, uint physical, uint end)
    {
        ulong lines = 0;
        if (_partial != null && !_partial->CrossesPage && _partial->Physical >> 12 == frame)
        {
            uint from = _partial->Physical & 0xFFF;
            lines = CodeMap.LineMask(from, from + _partial->ByteLength - 1);
        }

        GuestBlock** link = &_frames[frame];
        while (*link != null)
        {
            GuestBlock* block = *link;
            bool first = block->Physical >> 12 == frame;
            GuestBlock** next = first ? &block->FrameNext : &block->SecondFrameNext;
            (uint begin, uint length) = Extent(block, first);
            bool bothHere = first && block->CrossesPage && block->SecondPhysical >> 12 == frame;
            if (block->Valid && (Overlaps(block, first, physical, end) || (bothHere && Overlaps(block, first: false, physical, end))))
            {
                block->Valid = false;
                block->Head->Handler = &BlockHead.Stale;
                Invalidated++;
                Listener?.Invalidated(block);
                _cpu->Cut = ExitReason.BlockCut;
            }

            if (!block->Valid)
            {
                *link = *next;
                continue;
            }

            lines |= CodeMap.LineMask(begin & 0xFFF, (begin & 0xFFF) + length - 1);
            if (bothHere)
            {
                // Both halves in one frame: two virtual pages on the same physical one.
                (begin, length) = Extent(block, first: false);
                lines |= CodeMap.LineMask(begin & 0xFFF, (begin & 0xFFF) + length - 1);
            }

            link = next;
        }

        _machine.Mmu.Code.SetLines(frame, lines);
    }

    private static bool Overlaps(GuestBlock* block, bool first, uint physical, uint end)
    {
        (uint begin, uint length) = Extent(block, first);
        return begin < end && physical < begin + length;
    }

    /// <summary>The part of a block that lies in the frame of its first, or of its second page.</summary>
    private static (uint From, uint Length) Extent(GuestBlock* block, bool first)
    {
        if (!block->CrossesPage)
        {
            return (block->Physical, block->ByteLength);
        }

        uint inFirst = 0x1000 - (block->Physical & 0xFFF);
        return first ? (block->Physical, inFirst) : (block->SecondPhysical, block->ByteLength - inFirst);
    }

    private void ClearJumpCache()
    {
        for (int i = 0; i < JumpCacheEntry.Count; i++)
        {
            _jumpCache[i] = new JumpCacheEntry { PageEntry = JumpCacheEntry.NoPage };
        }
    }
}
