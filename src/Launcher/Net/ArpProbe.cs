using System.Buffers.Binary;

namespace Lguest.Jit.Launcher.Net;

/// <summary>One question that any network answers, in the stream protocol.</summary>
internal static class ArpProbe
{
    private const int PacketBytes = 42;
    private const ushort Arp = 0x0806;

    /// <summary>"Who has 169.254.1.1?", asked by somebody without an address.</summary>
    public static byte[] Build(MacAddress mac)
    {
        byte[] record = new byte[FrameRing.Prefix + PacketBytes];
        BinaryPrimitives.WriteInt32BigEndian(record, PacketBytes);
        Span<byte> frame = record.AsSpan(FrameRing.Prefix);
        frame[..6].Fill(0xFF);
        mac.CopyTo(frame[6..]);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], Arp);

        // Ethernet, IPv4, six and four bytes of address, a request.
        ReadOnlySpan<byte> what = [0, 1, 8, 0, 6, 4, 0, 1];
        what.CopyTo(frame[14..]);
        mac.CopyTo(frame[22..]);
        ReadOnlySpan<byte> whom = [169, 254, 1, 1];
        whom.CopyTo(frame[38..]);
        return record;
    }

    /// <summary>Is there a whole ARP frame among these records? Others are skipped: nobody listens yet.</summary>
    public static bool IsAnswered(ReadOnlySpan<byte> records)
    {
        while (records.Length >= FrameRing.Prefix)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(records);
            if (length > records.Length - FrameRing.Prefix)
            {
                return false;
            }

            ReadOnlySpan<byte> frame = records.Slice(FrameRing.Prefix, (int)length);
            if (frame.Length >= PacketBytes && BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == Arp)
            {
                return true;
            }

            records = records[(FrameRing.Prefix + frame.Length)..];
        }

        return false;
    }
}
