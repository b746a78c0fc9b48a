using System.Buffers.Binary;

namespace Lguest.Jit.Launcher.Net;

/// <summary>struct virtio_net_hdr_v1 (virtio 1.0, §5.1.6), before each packet in both directions.</summary>
/// <param name="Flags">1: a checksum is to be filled in; 2: it has been looked at and is right.</param>
/// <param name="GsoType">0: one packet; 1: TCP over IPv4 to be cut into segments; 4: over IPv6; bit 7: with ECN.</param>
/// <param name="GsoSize">Payload of each segment, bytes.</param>
/// <param name="ChecksumStart">Offset in the frame where the bytes to sum up begin.</param>
/// <param name="ChecksumOffset">Offset behind that where the sum belongs.</param>
internal readonly record struct VirtioNetHeader(byte Flags, byte GsoType, ushort GsoSize, ushort ChecksumStart, ushort ChecksumOffset)
{
    /// <summary>Bytes. Without VERSION_1 it could be 10; with it, it is always 12.</summary>
    public const int Size = 12;

    /// <summary>Where num_buffers is, the last two bytes.</summary>
    public const int NumBuffers = 10;

    public const byte NeedsChecksum = 1;
    public const byte DataValid = 2;

    public const byte GsoNone = 0;
    public const byte GsoTcp4 = 1;
    public const byte GsoTcp6 = 4;
    public const byte GsoEcn = 0x80;

    /// <summary>hdr_len is a hint that nobody can rely on, so we do without.</summary>
    public static VirtioNetHeader Read(ReadOnlySpan<byte> bytes) => new(
        bytes[0],
        bytes[1],
        BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]),
        BinaryPrimitives.ReadUInt16LittleEndian(bytes[6..]),
        BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]));
}
