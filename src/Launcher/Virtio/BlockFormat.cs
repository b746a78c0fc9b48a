using System.Buffers.Binary;
using Lguest.Jit.Launcher.Storage;

namespace Lguest.Jit.Launcher.Virtio;

/// <summary>What a request wants (virtio 1.1, §5.2.6; include/uapi/linux/virtio_blk.h).</summary>
internal enum BlockRequestType : uint
{
    In = 0,
    Out = 1,
    Flush = 4,
    GetId = 8,
    Discard = 11,
    WriteZeroes = 13,
}

/// <summary>How a request went: the byte that ends it.</summary>
internal enum BlockStatus : byte
{
    Ok = 0,
    IoError = 1,
    Unsupported = 2,
}

/// <summary>Features of a block device (virtio 1.1, §5.2.3).</summary>
internal static class BlockFeatures
{
    public const ulong SizeMax = 1 << 1;
    public const ulong SegMax = 1 << 2;
    public const ulong ReadOnly = 1 << 5;
    public const ulong BlockSize = 1 << 6;
    public const ulong Flush = 1 << 9;
    public const ulong Topology = 1 << 10;
    public const ulong Discard = 1 << 13;
    public const ulong WriteZeroes = 1 << 14;

    private const ulong Always = SizeMax | SegMax | BlockSize | Flush | Topology;

    public static ulong For(DiskStore store) => Always | (store.IsReadOnly ? ReadOnly : Discard | WriteZeroes);
}

/// <summary>Device configuration of a disk: <c>struct virtio_blk_config</c>, and the limits that it tells of.</summary>
internal static class BlockConfig
{
    public const int Size = 60;

    /// <summary>Bytes of a segment, and segments of a request: room for header and status in a chain as long as the queue.</summary>
    public const uint LargestSegment = 1 << 20;
    public const uint MostSegments = Virtqueue.MaximumSize - 2;

    /// <summary>Bytes of one request: whoever keeps to the two above stays below it.</summary>
    public const ulong LargestRequest = (ulong)LargestSegment * Virtqueue.MaximumSize;

    /// <summary>A discard is many blocks in no time. Zeroes the Host may have to write.</summary>
    public const uint LargestDiscard = 1 << 21;
    public const uint MostDiscards = 16;
    public const uint LargestZeroes = 1 << 17;
    public const uint MostZeroes = 1;

    /// <summary>4 KiB: what file systems have, and our overlays.</summary>
    private const int PhysicalBlock = 4096;

    public static byte[] Of(DiskStore store)
    {
        byte[] config = new byte[Size];
        BinaryPrimitives.WriteUInt64LittleEndian(config, store.Size / DiskStore.SectorSize);
        Put32(config, 8, LargestSegment);
        Put32(config, 12, MostSegments);
        Put32(config, 20, (uint)store.BlockSize);

        // physical_block_exp, alignment_offset, min_io_size, opt_io_size: the first as a power of two, all in logical blocks.
        config[24] = (byte)int.Log2(PhysicalBlock / store.BlockSize);
        BinaryPrimitives.WriteUInt16LittleEndian(config.AsSpan(26), (ushort)(PhysicalBlock / store.BlockSize));
        if (!store.IsReadOnly)
        {
            Put32(config, 36, LargestDiscard);
            Put32(config, 40, MostDiscards);
            Put32(config, 44, PhysicalBlock / DiskStore.SectorSize);
            Put32(config, 48, LargestZeroes);
            Put32(config, 52, MostZeroes);
            config[56] = 1;
        }

        return config;
    }

    private static void Put32(byte[] config, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(config.AsSpan(at), value);
}
