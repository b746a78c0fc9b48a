using System.Buffers.Binary;

namespace Lguest.Jit.Launcher.Net;

/// <summary>
/// What a network card does for a driver that left it to do: fills in a checksum, cuts a large TCP packet into segments.
/// Everything it reads comes from the Guest, so everything is held against the frame first.
/// </summary>
internal static class Segmenter
{
    /// <summary>Most bytes that the segments of one packet may come to; a packet cut finer than that is not worth sending.</summary>
    public const int MaximumBurst = 256 << 10;

    private const byte Fin = 0x01;
    private const byte Push = 0x08;
    private const byte CongestionWindowReduced = 0x80;
    private const int SmallestTcpHeader = 20;

    /// <summary>NEEDS_CSUM: the field holds the sum of the pseudo header already, and the rest is to be added.</summary>
    /// <returns>False: outside the frame.</returns>
    public static bool TryFillChecksum(Span<byte> frame, VirtioNetHeader header)
    {
        int field = header.ChecksumStart + header.ChecksumOffset;
        if (field + 2 > frame.Length)
        {
            return false;
        }

        uint sum = InternetChecksum.Add(0, frame[header.ChecksumStart..]);
        InternetChecksum.Store(frame[field..], InternetChecksum.Finish(sum));
        return true;
    }

    /// <summary>Cuts one TCP packet into segments and puts them into the ring, which has room for <see cref="MaximumBurst"/>.</summary>
    /// <returns>Bytes put; 0: this is not what its header says.</returns>
    public static int PutSegments(FrameRing ring, Span<byte> frame, VirtioNetHeader header)
    {
        int version = (header.GsoType & ~VirtioNetHeader.GsoEcn) == VirtioNetHeader.GsoTcp4 ? 4 : 6;
        if (!TryFindHeaders(frame, header, version, out int network, out int headers))
        {
            return 0;
        }

        int payload = frame.Length - headers;
        int count = (payload + header.GsoSize - 1) / header.GsoSize;
        if ((long)count * (FrameRing.Prefix + headers) + payload > MaximumBurst)
        {
            return 0;
        }

        int put = 0;
        Span<byte> start = frame[..headers];
        var first = new FirstHeaders(start, network, header.ChecksumStart);
        for (int done = 0, i = 0; done < payload; i++)
        {
            int length = Math.Min(header.GsoSize, payload - done);
            ReadOnlySpan<byte> content = frame.Slice(headers + done, length);
            first.Adapt(start, version, i, done, content, last: done + length == payload);
            ring.StorePrefix(put, headers + length);
            ring.Store(put + FrameRing.Prefix, start);
            ring.Store(put + FrameRing.Prefix + headers, content);
            put += FrameRing.Prefix + headers + length;
            done += length;
        }

        return put;
    }

    /// <param name="frame">The packet.</param>
    /// <param name="header">csum_start is where its TCP header is: the driver has to say so (virtio 1.0, §5.1.6.2).</param>
    /// <param name="version">Of IP.</param>
    /// <param name="network">Where the IP header is.</param>
    /// <param name="headers">Where the payload begins.</param>
    private static bool TryFindHeaders(ReadOnlySpan<byte> frame, VirtioNetHeader header, int version, out int network, out int headers)
    {
        network = headers = 0;
        int tcp = header.ChecksumStart;
        if (header.GsoSize == 0 || (header.Flags & VirtioNetHeader.NeedsChecksum) == 0 || tcp + SmallestTcpHeader >= frame.Length || frame.Length < 18)
        {
            return false;
        }

        network = FrameLayout.EthernetHeader + (BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == 0x8100 ? FrameLayout.VlanTag : 0);
        headers = tcp + (frame[tcp + 12] >> 4) * 4;
        return tcp >= network + (version == 4 ? 20 : 40)
            && frame[network] >> 4 == version
            && (version == 6 || tcp == network + (frame[network] & 15) * 4)
            && headers >= tcp + SmallestTcpHeader
            && headers < frame.Length;
    }

    /// <summary>What the segments have in common, and what each has of its own.</summary>
    private readonly ref struct FirstHeaders(ReadOnlySpan<byte> headers, int network, int tcp)
    {
        private readonly ushort _identification = BinaryPrimitives.ReadUInt16BigEndian(headers[(network + 4)..]);
        private readonly uint _sequence = BinaryPrimitives.ReadUInt32BigEndian(headers[(tcp + 4)..]);
        private readonly byte _flags = headers[tcp + 13];

        /// <summary>Turns the headers into those of segment <paramref name="number"/>, whose payload begins <paramref name="done"/> bytes on.</summary>
        public void Adapt(Span<byte> headers, int version, int number, int done, ReadOnlySpan<byte> content, bool last)
        {
            Span<byte> ip = headers[network..];
            int afterNetwork = headers.Length - network + content.Length;
            if (version == 4)
            {
                BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)afterNetwork);
                BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)(_identification + number));
                ip[10..12].Clear();
                InternetChecksum.Store(ip[10..], InternetChecksum.Finish(InternetChecksum.Add(0, headers[network..tcp])));
            }
            else
            {
                BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)(afterNetwork - 40));
            }

            // The first says that the window was reduced, the last that there is no more.
            Span<byte> transport = headers[tcp..];
            BinaryPrimitives.WriteUInt32BigEndian(transport[4..], _sequence + (uint)done);
            int flags = _flags & ~(last ? 0 : Fin | Push) & ~(number == 0 ? 0 : CongestionWindowReduced);
            transport[13] = (byte)flags;
            transport[16..18].Clear();
            ReadOnlySpan<byte> addresses = version == 4 ? ip[12..20] : ip[8..40];
            uint sum = InternetChecksum.PseudoHeader(addresses, FrameLayout.Tcp, headers.Length - tcp + content.Length);
            sum = InternetChecksum.Add(InternetChecksum.Add(sum, transport), content);
            InternetChecksum.Store(transport[16..], InternetChecksum.Finish(sum));
        }
    }
}
