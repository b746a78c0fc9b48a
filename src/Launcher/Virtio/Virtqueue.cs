using System.Buffers.Binary;
using System.Numerics;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Snapshots;

namespace Lguest.Jit.Launcher.Virtio;

/// <summary>What <see cref="Virtqueue.TryTake"/> found.</summary>
internal enum TakeResult
{
    /// <summary>The driver has offered nothing (more).</summary>
    Empty,
    Taken,

    /// <summary>The rings are nonsense: <see cref="Virtqueue.Defect"/> says how.</summary>
    Broken,
}

/// <summary>
/// A split virtqueue (virtio 1.0, §2.4; ABI sheet §10.8) from the device's side. All three rings lie in Guest RAM and
/// may hold anything: each index is reduced, each chain is counted, each address is held against RAM, so that the worst
/// a driver can do is to have its device stopped.
/// </summary>
internal sealed class Virtqueue(GuestRam ram)
{
    public const int MaximumSize = 256;

    private const int DescriptorBytes = 16;
    private const ushort FlagNext = 1;
    private const ushort FlagWrite = 2;
    private const ushort FlagIndirect = 4;
    private const ushort AvailableNoInterrupt = 1;

    private readonly DescriptorChain _chain = new();
    private ushort _lastAvailable;
    private ushort _usedIndex;

    /// <summary>Entries; what the driver wrote, checked when the queue is enabled.</summary>
    public ushort Size { get; set; } = MaximumSize;

    public bool Enabled { get; private set; }

    /// <summary>Guest-physical addresses as written, high halves in the upper words.</summary>
    public ulong Descriptors { get; set; }

    public ulong Available { get; set; }

    public ulong Used { get; set; }

    /// <summary>Were used entries added since the driver was last told?</summary>
    public bool HasNews { get; private set; }

    /// <summary>Why <see cref="TryEnable"/> or <see cref="TryTake"/> refused.</summary>
    public string Defect { get; private set; } = "";

    /// <summary>The chain that <see cref="TryTake"/> took last.</summary>
    public DescriptorChain Chain => _chain;

    public void Reset()
    {
        Size = MaximumSize;
        Enabled = false;
        Descriptors = Available = Used = 0;
        _lastAvailable = _usedIndex = 0;
        HasNews = false;
    }

    public void ExchangeState(StateArchive archive)
    {
        Size = archive.Value(Size);
        Enabled = archive.Value(Enabled);
        Descriptors = archive.Value(Descriptors);
        Available = archive.Value(Available);
        Used = archive.Value(Used);
        HasNews = archive.Value(HasNews);
        archive.Field(ref _lastAvailable);
        archive.Field(ref _usedIndex);
    }

    /// <summary>queue_enable ← 1: sizes, addresses and alignments are checked here, once.</summary>
    public bool TryEnable()
    {
        if (!BitOperations.IsPow2(Size) || Size is 0 or > MaximumSize)
        {
            return Refuse($"queue size {Size}");
        }

        ulong availableBytes = 4 + 2UL * Size;
        ulong usedBytes = 4 + 8UL * Size;
        if (Descriptors % 16 != 0 || !ram.Contains(Descriptors, DescriptorBytes * (ulong)Size))
        {
            return Refuse($"descriptor table at 0x{Descriptors:x}");
        }

        if (Available % 2 != 0 || !ram.Contains(Available, availableBytes))
        {
            return Refuse($"available ring at 0x{Available:x}");
        }

        if (Used % 4 != 0 || !ram.Contains(Used, usedBytes))
        {
            return Refuse($"used ring at 0x{Used:x}");
        }

        if (Read16(Used) != 0)
        {
            return Refuse("used ring flags are not zero");
        }

        Enabled = true;
        return true;
    }

    /// <summary>The next chain the driver offers, into <see cref="Chain"/>.</summary>
    public TakeResult TryTake()
    {
        if (!Enabled)
        {
            return TakeResult.Empty;
        }

        ushort offered = (ushort)(Read16(Available + 2) - _lastAvailable);
        if (offered == 0)
        {
            return TakeResult.Empty;
        }

        if (offered > Size)
        {
            Refuse($"available index ran {offered} ahead in a ring of {Size}");
            return TakeResult.Broken;
        }

        ushort head = Read16(Available + 4 + 2u * (_lastAvailable & (uint)(Size - 1)));
        if (!TryFollow(head))
        {
            return TakeResult.Broken;
        }

        _lastAvailable++;
        return TakeResult.Taken;
    }

    /// <summary>The last <paramref name="count"/> chains taken have not been taken after all: the next one will be the first of them again.</summary>
    public void Untake(int count) => _lastAvailable -= (ushort)count;

    /// <summary>Gives the chain back: the used element first, then the index, so that no one sees half of it.</summary>
    /// <param name="head">Of the chain.</param>
    /// <param name="written">Bytes that the device wrote into it.</param>
    public void Complete(ushort head, uint written)
    {
        Span<byte> element = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(element, head);
        BinaryPrimitives.WriteUInt32LittleEndian(element[4..], written);
        ram.TryWrite((uint)Used + 4 + 8u * (_usedIndex & (uint)(Size - 1)), element);
        _usedIndex++;
        BinaryPrimitives.WriteUInt16LittleEndian(element, _usedIndex);
        ram.TryWrite((uint)Used + 2, element[..2]);
        HasNews = true;
    }

    /// <summary>Should the driver be interrupted now? Asking takes the news: the answer for the same entries is yes once.</summary>
    public bool TakeNews()
    {
        bool wanted = HasNews && (Read16(Available) & AvailableNoInterrupt) == 0;
        HasNews = false;
        return wanted;
    }

    private bool TryFollow(ushort head)
    {
        _chain.Start(head);
        ushort number = head;
        Span<byte> descriptor = stackalloc byte[DescriptorBytes];
        while (true)
        {
            if (number >= Size)
            {
                return Refuse($"descriptor {number} in a table of {Size}");
            }

            ram.TryRead((uint)Descriptors + (uint)(number * DescriptorBytes), descriptor);
            ulong address = BinaryPrimitives.ReadUInt64LittleEndian(descriptor);
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(descriptor[8..]);
            ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(descriptor[12..]);
            if ((flags & FlagIndirect) != 0)
            {
                return Refuse("an indirect descriptor that was not negotiated");
            }

            if (!ram.Contains(address, length))
            {
                return Refuse($"a buffer of {length} bytes at 0x{address:x}");
            }

            if (!_chain.TryAdd(new DescriptorChain.Piece((uint)address, length), (flags & FlagWrite) != 0, Size))
            {
                return Refuse("a chain that loops, or has a buffer to read after one to write");
            }

            if ((flags & FlagNext) == 0)
            {
                return true;
            }

            number = BinaryPrimitives.ReadUInt16LittleEndian(descriptor[14..]);
        }
    }

    private bool Refuse(string defect)
    {
        Defect = defect;
        return false;
    }

    /// <summary>In RAM: every address that comes here was checked when the queue was enabled, and RAM does not shrink.</summary>
    private ushort Read16(ulong physical)
    {
        Span<byte> bytes = stackalloc byte[2];
        ram.TryRead((uint)physical, bytes);
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }
}
