using System.IO.Hashing;
using System.Runtime.InteropServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter.ControlFlow;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>
/// All decoded blocks, found by (physical address, virtual eip, mode) and dropped by frame. Memory comes from two arenas, one for
/// programs and one for the kernel, that are emptied as a whole when they are full, so a long-running Guest cannot make them grow.
/// </summary>
internal sealed unsafe partial class BlockCache : ICodeWriteObserver, IDisposable
{
    /// <summary>Bytes of blocks of CPL 3 kept at most.</summary>
    public const int DefaultUserCapacity = 64 << 20;

    /// <summary>Bytes of other blocks kept at most: a Linux that has done a bit of everything has some 20 MiB of them.</summary>
    public const int DefaultKernelCapacity = 40 << 20;

    private const int Buckets = 1 << 16;

    /// <summary>Ops' worth of space that a block's header takes.</summary>
    private static readonly int HeaderOps = (sizeof(GuestBlock) + sizeof(Op) - 1) / sizeof(Op);

    private readonly GuestMachine _machine;
    private readonly GuestCpu* _cpu;
    private readonly BlockBuilder _builder;
    private readonly GuestBlock** _buckets;
    private readonly GuestBlock** _frames;
    private readonly JumpCacheEntry* _jumpCache;
    private readonly BlockArena _kernelArena;
    private readonly BlockArena _userArena;
    private readonly byte* _scratch;
    private GuestBlock* _partial;

    /// <summary>What the last look-up in vain came across: the invalid block that had the same key.</summary>
    private GuestBlock* _predecessor;

    public BlockCache(GuestMachine machine, int userCapacity = DefaultUserCapacity, int kernelCapacity = DefaultKernelCapacity)
    {
        _machine = machine;
        _cpu = machine.Cpu;
        _builder = new BlockBuilder(machine);
        _buckets = (GuestBlock**)NativeMemory.AllocZeroed(Buckets, (nuint)sizeof(nint));
        _frames = (GuestBlock**)NativeMemory.AllocZeroed(machine.Ram.Size / GuestRam.PageSize, (nuint)sizeof(nint));
        _jumpCache = (JumpCacheEntry*)HostMemory.Reserve((ulong)(JumpCacheEntry.Count * sizeof(JumpCacheEntry)), HostPages.Huge);
        _kernelArena = new BlockArena(kernelCapacity);
        _userArena = new BlockArena(userCapacity);
        _scratch = HostMemory.Reserve(1 << 20, HostPages.Small);
        ClearJumpCache();
        _cpu->JumpCache = _jumpCache;
        ReturnLinks.Clear(_cpu);
        machine.Ram.WriteObserver = this;
    }

    /// <summary>Whose blocks these are.</summary>
    public GuestCpu* Cpu => _cpu;

    /// <summary>What the heads of new blocks count down from until the block is hot; 0: they do not count.</summary>
    public uint HeadCounter { get; set; }

    /// <summary>Does code that is rewritten again and again take longer to become hot?</summary>
    public bool Backoff { get; set; } = true;

    /// <summary>Instructions a block may have, ≥ 1.</summary>
    public int BlockLimit { get; set; } = OpWriter.MaximumInstructions;

    /// <summary>Hears of blocks that go.</summary>
    public IBlockListener? Listener { get; set; }

    /// <summary>Hears of blocks that come; null: nobody listens.</summary>
    public IBlockObserver? Observer { get; set; }

    /// <summary>Blocks decoded since the start.</summary>
    public long Decoded { get; private set; }

    /// <summary>Blocks dropped because their code was written to.</summary>
    public long Invalidated { get; private set; }

    /// <summary>
    /// The block at <c>cpu->Eip</c>, decoded if need be, and linked to whoever asked (<c>cpu->PendingLink</c>). Null: a fetch
    /// fault, recorded in the CPU, or a code segment that needs <see cref="BuildPartial"/> (<see cref="IsCacheable"/>).
    /// </summary>
    public GuestBlock* Find()
    {
        uint eip = _cpu->Eip;
        GuestBlock* block = Recent(eip);
        if (block != null)
        {
            return block;
        }

        if (!Translate(eip, out uint physical))
        {
            return null;
        }

        block = Lookup(eip, physical, _cpu->Mode);
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

    /// <summary>Runs of a block until it is hot (see <see cref="GuestBlock.Patience"/>).</summary>
    public uint Patience(GuestBlock* block) => Backoff ? block->Patience(HeadCounter) : HeadCounter;

    /// <summary>A copy of the Guest's code that the block stands for, as it is in RAM now; the end of it from the second page, if it crosses.</summary>
    public byte[] CodeOf(GuestBlock* block)
    {
        var code = new byte[block->ByteLength];
        int inFirst = block->CrossesPage ? (int)(0x1000 - (block->Physical & 0xFFF)) : code.Length;
        new ReadOnlySpan<byte>(_machine.Ram.Base + block->Physical, inFirst).CopyTo(code);
        new ReadOnlySpan<byte>(_machine.Ram.Base + block->SecondPhysical, code.Length - inFirst).CopyTo(code.AsSpan(inFirst));
        return code;
    }

    /// <summary>Is the block what it was when <paramref name="code"/> was copied from it?</summary>
    public bool IsStill(GuestBlock* block, ReadOnlySpan<byte> code) => block->Valid && code.SequenceEqual(CodeOf(block));

    /// <summary>Are these the bytes that the block was decoded from?</summary>
    public static bool WasDecodedFrom(GuestBlock* block, ReadOnlySpan<byte> code) => HashOf(code) == block->CodeHash;

    private static uint HashOf(ReadOnlySpan<byte> code) => (uint)XxHash3.HashToUInt64(code);

    public void Dispose()
    {
        if (_machine.Ram.WriteObserver == this)
        {
            _machine.Ram.WriteObserver = null;
        }

        NativeMemory.Free(_buckets);
        NativeMemory.Free(_frames);
        HostMemory.Release((byte*)_jumpCache, (ulong)(JumpCacheEntry.Count * sizeof(JumpCacheEntry)));
        _kernelArena.Dispose();
        _userArena.Dispose();
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

    /// <summary>Where traps lead to and misses come from is soon asked for again: the jump cache, which nobody has to be linked to, knows.</summary>
    private GuestBlock* Recent(uint eip)
    {
        JumpCacheEntry* entry = _jumpCache + JumpCacheEntry.Slot(eip);
        if (_cpu->PendingLink != null || entry->Eip != eip || entry->Mode != _cpu->Mode || entry->PageEntry != _cpu->ReadTable[eip >> 12])
        {
            return null;
        }

        var block = (GuestBlock*)(entry->Target - HeaderOps);
        if (!block->Valid || block->CrossesPage)
        {
            return null;
        }

        entry->Indirect = true;
        return block;
    }

    private static uint Hash(uint physical, CpuMode mode) => ((physical * 0x9E3779B1) ^ ((uint)mode << 24)) >> 16;

    private GuestBlock* Lookup(uint eip, uint physical, CpuMode mode)
    {
        _predecessor = null;
        GuestBlock** link = &_buckets[Hash(physical, mode)];
        while (*link != null)
        {
            GuestBlock* block = *link;
            if (block->Physical == physical && block->Eip == eip && block->Mode == mode)
            {
                if (!block->Valid && block->CrossesPage)
                {
                    // There may be many of those, one for each frame that the second page has been.
                    *link = block->HashNext;
                    continue;
                }

                if (!block->Valid)
                {
                    // There is one at most; it stays until it is built again, so that its memory and its history are found.
                    _predecessor = block;
                }
                else if (SecondPageStillThere(block))
                {
                    return block;
                }
            }

            link = &block->HashNext;
        }

        return null;
    }

    /// <summary>A missing second page is found out, and faults, when the block is built anew.</summary>
    private bool SecondPageStillThere(GuestBlock* block) => !block->CrossesPage || SecondPageGuard.Holds(_cpu, block->Eip, block->SecondPhysical);

    private GuestBlock* Build(uint eip, uint physical)
    {
        if (!_builder.Build(_cpu, eip, physical, BlockLimit, linkable: true))
        {
            return null;
        }

        if (_builder.CrossesPage)
        {
            // The second page may have been out of the TLB only, and be what it was: now that it has been fetched from, the block shows.
            GuestBlock* known = Lookup(eip, physical, _cpu->Mode);
            if (known != null)
            {
                return known;
            }
        }

        GuestBlock* predecessor = _predecessor;
        _predecessor = null;
        int ops = HeaderOps + 1 + _builder.Writer.Length;
        bool inPlace = predecessor != null && !_builder.CrossesPage && ops <= predecessor->Capacity;
        byte* memory = (byte*)predecessor;
        if (!inPlace)
        {
            // Everything in the arena is a multiple of an op, so every block and link lies on a 32-byte boundary.
            memory = Take(_cpu->Mode, ops * sizeof(Op), out bool dropped);
            predecessor = dropped ? null : predecessor;
        }

        ushort capacity = inPlace ? predecessor->Capacity : (ushort)ops;
        ushort rewrites = predecessor == null ? (ushort)0 : predecessor->Rewrites;
        if (predecessor != null)
        {
            Unhash(predecessor);
            if (inPlace && _cpu->PendingLink >= memory && _cpu->PendingLink < memory + capacity * sizeof(Op))
            {
                _cpu->PendingLink = null;
            }
        }

        GuestBlock* block = Place(memory, eip, physical, capacity, rewrites);
        Decoded++;
        if (predecessor != null && !inPlace && !block->CrossesPage)
        {
            BlockHead.SetForward(predecessor->Head, block->Head);
        }

        Observer?.Decoded(block, _builder.Instructions);

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

    /// <summary>Takes a block out of the hash chains. It has gone from the lists of its frames when it became invalid.</summary>
    private void Unhash(GuestBlock* block)
    {
        GuestBlock** link = &_buckets[Hash(block->Physical, block->Mode)];
        while (*link != block)
        {
            link = &(*link)->HashNext;
        }

        *link = block->HashNext;
    }

    /// <summary>Writes header, head op and ops of the block just built at <paramref name="memory"/>.</summary>
    private GuestBlock* Place(byte* memory, uint eip, uint physical, ushort capacity = 0, ushort rewrites = 0)
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
            CodeHash = HashOf(_builder.Code),
            Count = (ushort)_builder.Writer.Count,
            Capacity = capacity,
            Rewrites = rewrites,
            Valid = true,
        };
        (block->End, block->TargetEip) = _builder.Ending;
        *ops = new Op { Immediate = (uint)_builder.Writer.Count, Eip = eip };
        if (HeadCounter != 0 && memory != _scratch)
        {
            BlockHead.SetCounting(ops, Patience(block));
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
        ulong page = _cpu->ReadTable[block->Eip >> 12];
        if (link != null && link->Eip == block->Eip)
        {
            link->PageEntry = page;
            link->Target = block->Head;
            if (link->Owner != 0)
            {
                Listener?.Linked(link);
            }
        }

        JumpCacheEntry* entry = _jumpCache + JumpCacheEntry.Slot(block->Eip);
        *entry = new JumpCacheEntry { Eip = block->Eip, Mode = block->Mode, PageEntry = page, Target = block->Head, Indirect = link == null };
    }

    private void ClearJumpCache()
    {
        for (int i = 0; i < JumpCacheEntry.Count; i++)
        {
            _jumpCache[i] = new JumpCacheEntry { PageEntry = JumpCacheEntry.NoPage };
        }
    }
}
