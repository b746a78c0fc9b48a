using System.Buffers.Binary;
using System.Text;
using Lguest.Jit.Launcher.Storage;

namespace Lguest.Jit.Launcher.Virtio;

/// <summary>Does what a request wants, to the last rule of virtio 1.1, §5.2.6.2. Any thread, several at once.</summary>
/// <param name="disk">To it.</param>
internal sealed class BlockExecutor(Disk disk)
{
    private const int IdSize = 20;
    private const int SegmentSize = 16;
    private const uint FlagUnmap = 1;

    private readonly DiskStore _store = disk.Store;
    private readonly byte[] _id = MakeId(disk.Id);

    /// <summary>Fills in status and result.</summary>
    public void Execute(BlockRequest request)
    {
        request.Status = request.Type switch
        {
            BlockRequestType.In => Read(request),
            BlockRequestType.Out => Write(request),
            BlockRequestType.Flush => Answer(request, _store.Flush()),
            BlockRequestType.GetId => GetId(request),
            BlockRequestType.Discard when !_store.IsReadOnly => Segments(request),
            BlockRequestType.WriteZeroes when !_store.IsReadOnly => Segments(request),
            _ => BlockStatus.Unsupported,
        };
    }

    private BlockStatus Read(BlockRequest request)
    {
        if (!IsWithin(request.Sector, request.Length))
        {
            return BlockStatus.IoError;
        }

        BlockStatus status = Answer(request, _store.Read(request.Sector * DiskStore.SectorSize, request.Data));
        request.Filled = status == BlockStatus.Ok ? (uint)request.Length : 0;
        return status;
    }

    private BlockStatus Write(BlockRequest request)
    {
        if (_store.IsReadOnly || !IsWithin(request.Sector, request.Length))
        {
            return BlockStatus.IoError;
        }

        ulong offset = request.Sector * DiskStore.SectorSize;
        return Answer(request, request.Through ? _store.WriteThrough(offset, request.Data) : _store.Write(offset, request.Data));
    }

    private BlockStatus GetId(BlockRequest request)
    {
        ReadOnlySpan<byte> left = _id;
        foreach (HostPiece piece in request.Data)
        {
            int part = (int)Math.Min((nuint)left.Length, piece.Length);
            left[..part].CopyTo((piece with { Length = (nuint)part }).Bytes);
            left = left[part..];
            request.Filled += (uint)part;
        }

        return BlockStatus.Ok;
    }

    /// <summary>Discard and write-zeroes: a list of places, each read once.</summary>
    private BlockStatus Segments(BlockRequest request)
    {
        bool zeroes = request.Type == BlockRequestType.WriteZeroes;
        uint most = zeroes ? BlockConfig.MostZeroes : BlockConfig.MostDiscards;
        if (request.Length == 0 || request.Length % SegmentSize != 0 || request.Length > most * SegmentSize)
        {
            return BlockStatus.IoError;
        }

        Span<byte> all = stackalloc byte[(int)request.Length];
        Span<byte> rest = all;
        foreach (HostPiece piece in request.Data)
        {
            piece.Bytes.CopyTo(rest);
            rest = rest[(int)piece.Length..];
        }

        // First see whether the whole of it makes sense: half an answer would be none.
        BlockStatus status = BlockStatus.Ok;
        for (Span<byte> left = all; !left.IsEmpty && status == BlockStatus.Ok; left = left[SegmentSize..])
        {
            status = Check(left, zeroes);
        }

        for (Span<byte> left = all; !left.IsEmpty && status == BlockStatus.Ok; left = left[SegmentSize..])
        {
            (ulong sector, uint sectors, uint flags) = Segment(left);
            ulong offset = sector * DiskStore.SectorSize;
            ulong length = (ulong)sectors * DiskStore.SectorSize;
            status = Answer(request, zeroes ? _store.WriteZeroes(offset, length, (flags & FlagUnmap) != 0) : _store.Discard(offset, length));
        }

        return status == BlockStatus.Ok && request.Through ? Answer(request, _store.Flush()) : status;
    }

    private BlockStatus Check(ReadOnlySpan<byte> segment, bool zeroes)
    {
        (ulong sector, uint sectors, uint flags) = Segment(segment);
        if ((flags & ~(zeroes ? FlagUnmap : 0)) != 0)
        {
            return BlockStatus.Unsupported;
        }

        uint most = zeroes ? BlockConfig.LargestZeroes : BlockConfig.LargestDiscard;
        return sectors != 0 && sectors <= most && IsWithin(sector, (ulong)sectors * DiskStore.SectorSize) ? BlockStatus.Ok : BlockStatus.IoError;
    }

    private static (ulong Sector, uint Sectors, uint Flags) Segment(ReadOnlySpan<byte> segment) => (
        BinaryPrimitives.ReadUInt64LittleEndian(segment),
        BinaryPrimitives.ReadUInt32LittleEndian(segment[8..]),
        BinaryPrimitives.ReadUInt32LittleEndian(segment[12..]));

    /// <summary>Whole blocks of the disk, and all of them on it; nothing that wraps.</summary>
    private bool IsWithin(ulong sector, ulong length)
    {
        ulong block = (ulong)_store.BlockSize;
        ulong sectors = _store.Size / DiskStore.SectorSize;
        return length != 0 && length <= Math.Max(BlockConfig.LargestRequest, (ulong)BlockConfig.LargestDiscard * DiskStore.SectorSize)
            && length % block == 0 && sector <= sectors && sector % (block / DiskStore.SectorSize) == 0
            && length / DiskStore.SectorSize <= sectors - sector;
    }

    private BlockStatus Answer(BlockRequest request, int error)
    {
        if (error == HostError.None)
        {
            return BlockStatus.Ok;
        }

        request.Error = error;
        disk.Complain(request.Type, request.Sector, error);
        return BlockStatus.IoError;
    }

    /// <summary>Up to 20 characters, and zeroes behind (§5.2.6: no NUL if it is full).</summary>
    private static byte[] MakeId(string text)
    {
        byte[] id = new byte[IdSize];
        Encoding.ASCII.GetBytes(text.AsSpan(0, Math.Min(text.Length, IdSize)), id);
        return id;
    }
}
