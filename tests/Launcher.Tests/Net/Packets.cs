using System.Buffers.Binary;

namespace Lguest.Jit.Launcher.Tests.Net;

/// <summary>Frames for the tests, and a checksum that has nothing in common with the one under test.</summary>
internal static class Packets
{
    public const int Headers4 = 14 + 20 + 20;

    /// <summary>TCP over IPv4 with the given payload; its TCP checksum is right, or what a driver leaves in the field when the card is to finish it.</summary>
    public static byte[] Tcp4(byte[] payload, bool partial = false, byte flags = 0x18)
    {
        byte[] frame = Build(0x0800, 20, payload.Length);
        Span<byte> ip = frame.AsSpan(14);
        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)(40 + payload.Length));
        BinaryPrimitives.WriteUInt16BigEndian(ip[4..], 0x1234);
        ip[6] = 0x40;
        ip[8] = 64;
        ip[9] = 6;
        new byte[] { 192, 0, 2, 2, 192, 0, 2, 1 }.CopyTo(ip[12..]);
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], Complement(Sum(ip[..20])));
        Transport(frame, 34, payload, flags);
        uint pseudo = Sum(ip[12..20]) + 6 + (uint)(20 + payload.Length);
        Finish(frame, 34, pseudo, partial);
        return frame;
    }

    /// <summary>The same over IPv6.</summary>
    public static byte[] Tcp6(byte[] payload, bool partial = false)
    {
        byte[] frame = Build(0x86DD, 40, payload.Length);
        Span<byte> ip = frame.AsSpan(14);
        ip[0] = 0x60;
        BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)(20 + payload.Length));
        ip[6] = 6;
        ip[7] = 64;
        for (int i = 8; i < 40; i++)
        {
            ip[i] = (byte)(i * 7);
        }

        Transport(frame, 54, payload, 0x10);
        uint pseudo = Sum(ip[8..40]) + 6 + (uint)(20 + payload.Length);
        Finish(frame, 54, pseudo, partial);
        return frame;
    }

    /// <summary>Is the TCP checksum of this frame right, by the book?</summary>
    public static bool HasRightChecksum(ReadOnlySpan<byte> frame)
    {
        bool four = frame[12] == 8 && frame[13] == 0;
        int tcp = four ? 34 : 54;
        int length = four ? BinaryPrimitives.ReadUInt16BigEndian(frame[16..]) - 20 : BinaryPrimitives.ReadUInt16BigEndian(frame[18..]);
        if (four && Fold(Sum(frame[14..34])) != 0xFFFF)
        {
            return false;
        }

        uint pseudo = Sum(four ? frame[26..34] : frame[22..54]) + 6 + (uint)length;
        return length == frame.Length - tcp && Fold(pseudo + Sum(frame[tcp..])) == 0xFFFF;
    }

    public static byte[] Payload(int length, int seed = 1)
    {
        byte[] payload = new byte[length];
        new Random(seed).NextBytes(payload);
        return payload;
    }

    /// <summary>A record of the stream protocol.</summary>
    public static byte[] Record(ReadOnlySpan<byte> frame)
    {
        byte[] record = new byte[4 + frame.Length];
        BinaryPrimitives.WriteInt32BigEndian(record, frame.Length);
        frame.CopyTo(record.AsSpan(4));
        return record;
    }

    private static byte[] Build(ushort type, int ipHeader, int payload)
    {
        byte[] frame = new byte[14 + ipHeader + 20 + payload];
        for (int i = 0; i < 12; i++)
        {
            frame[i] = (byte)(0x52 + i);
        }

        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), type);
        return frame;
    }

    private static void Transport(byte[] frame, int at, byte[] payload, byte flags)
    {
        Span<byte> tcp = frame.AsSpan(at);
        BinaryPrimitives.WriteUInt16BigEndian(tcp, 40000);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[2..], 80);
        BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], 0xFFFFFF00);
        tcp[12] = 0x50;
        tcp[13] = flags;
        tcp[14] = 0x20;
        payload.CopyTo(tcp[20..]);
    }

    private static void Finish(byte[] frame, int tcp, uint pseudo, bool partial)
    {
        uint sum = partial ? Fold(pseudo) : (uint)(ushort)~Fold(pseudo + Sum(frame.AsSpan(tcp)));
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(tcp + 16), (ushort)sum);
    }

    /// <summary>Word by word, as RFC 1071 begins.</summary>
    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        ulong sum = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            sum += (i & 1) == 0 ? (uint)bytes[i] << 8 : bytes[i];
        }

        return Fold(sum);
    }

    private static uint Fold(ulong sum)
    {
        while (sum > 0xFFFF)
        {
            sum = (sum >> 16) + (sum & 0xFFFF);
        }

        return (uint)sum;
    }

    private static ushort Complement(uint sum) => (ushort)~sum;
}
