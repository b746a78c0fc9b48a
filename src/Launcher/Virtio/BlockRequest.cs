using System.Buffers.Binary;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Storage;

namespace Lguest.Jit.Launcher.Virtio;

/// <summary>
/// One request of a Guest's to its disk, between the rings and the Host: 16 bytes that say what is wanted, data, and one byte for how it
/// went, cut into descriptors as the driver liked it (virtio 1.1, §5.2.6 and §2.6.4). Reused by its device.
/// </summary>
/// <remarks>
/// Parsed and finished on the Guest thread. In between, its data may belong to another thread, which reads and writes Guest RAM through
/// <see cref="Data"/>, as the Host's kernel does in our name: every piece was held against RAM when the chain was taken.
/// </remarks>
internal sealed unsafe class BlockRequest
{
    private const int HeaderSize = 16;

    private HostPiece[] _host = new HostPiece[4];
    private DescriptorChain.Piece[] _guest = new DescriptorChain.Piece[4];
    private int _count;
    private uint _statusAt;

    /// <summary>The name of its chain.</summary>
    public ushort Head { get; private set; }

    public BlockRequestType Type { get; private set; }

    /// <summary>In units of 512 bytes; the Guest's word for it.</summary>
    public ulong Sector { get; private set; }

    /// <summary>What is to be written (or told) by the Guest, or else filled by us.</summary>
    public ReadOnlySpan<HostPiece> Data => _host.AsSpan(0, _count);

    /// <summary>Bytes of it.</summary>
    public ulong Length { get; private set; }

    /// <summary>The driver does not know of a cache: what is written has to be safe at once.</summary>
    public bool Through { get; set; }

    public BlockStatus Status { get; set; }

    /// <summary>Bytes of data that were filled.</summary>
    public uint Filled { get; set; }

    /// <summary>What the Host said, if it went wrong there.</summary>
    public int Error { get; set; }

    /// <summary>Does the device fill the data?</summary>
    public bool IsInput => Type is BlockRequestType.In or BlockRequestType.GetId;

    /// <summary>Understands a chain.</summary>
    /// <returns>False: it has no room for an answer, or no question.</returns>
    public bool TryParse(DescriptorChain chain, GuestRam ram)
    {
        Head = chain.Head;
        Status = BlockStatus.IoError;
        Filled = 0;
        Error = HostError.None;
        Through = false;
        Length = 0;
        _count = 0;
        Span<byte> header = stackalloc byte[HeaderSize];
        if (!TryReadHeader(chain, ram, header) || !TryFindStatus(chain, out ulong writable))
        {
            return false;
        }

        Type = (BlockRequestType)BinaryPrimitives.ReadUInt32LittleEndian(header);
        Sector = BinaryPrimitives.ReadUInt64LittleEndian(header[8..]);
        if (IsInput)
        {
            AddData(chain.Writable, ram, 0, writable - 1);
        }
        else
        {
            AddData(chain.Readable, ram, HeaderSize, ulong.MaxValue);
        }

        return true;
    }

    /// <summary>Pages that are about to be filled; where somebody keeps track of them. Guest thread.</summary>
    public void AnnounceFill(GuestRam ram)
    {
        for (int i = 0; i < _count && IsInput; i++)
        {
            ram.Dirty?.Mark(_guest[i].Address, _guest[i].Length);
        }
    }

    /// <summary>Tells who wants to know about writes to RAM, and writes the answer. Guest thread.</summary>
    public void Finish(GuestRam ram)
    {
        // Also where it went wrong: part of the data may have arrived.
        for (int i = 0; i < _count && IsInput; i++)
        {
            ram.AnnounceWrite(_guest[i].Address, _guest[i].Length);
        }

        ram.TryWrite(_statusAt, [(byte)Status]);
    }

    private static bool TryReadHeader(DescriptorChain chain, GuestRam ram, Span<byte> header)
    {
        int filled = 0;
        foreach (DescriptorChain.Piece piece in chain.Readable)
        {
            int part = (int)Math.Min(piece.Length, (uint)(HeaderSize - filled));
            ram.TryRead(piece.Address, header.Slice(filled, part));
            filled += part;
            if (filled == HeaderSize)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The answer goes to the last byte that may be written.</summary>
    private bool TryFindStatus(DescriptorChain chain, out ulong writable)
    {
        writable = 0;
        foreach (DescriptorChain.Piece piece in chain.Writable)
        {
            writable += piece.Length;
            _statusAt = piece.Length == 0 ? _statusAt : piece.Address + piece.Length - 1;
        }

        return writable != 0;
    }

    private void AddData(ReadOnlySpan<DescriptorChain.Piece> pieces, GuestRam ram, ulong skip, ulong most)
    {
        foreach (DescriptorChain.Piece piece in pieces)
        {
            ulong skipped = Math.Min(skip, piece.Length);
            ulong taken = Math.Min(piece.Length - skipped, most);
            skip -= skipped;
            most -= taken;
            if (taken != 0)
            {
                Add(new DescriptorChain.Piece(piece.Address + (uint)skipped, (uint)taken), ram);
            }
        }
    }

    private void Add(DescriptorChain.Piece piece, GuestRam ram)
    {
        if (_count == _host.Length)
        {
            Array.Resize(ref _host, 2 * _count);
            Array.Resize(ref _guest, 2 * _count);
        }

        _guest[_count] = piece;
        _host[_count++] = new HostPiece((nint)(ram.Base + piece.Address), piece.Length);
        Length += piece.Length;
    }
}
