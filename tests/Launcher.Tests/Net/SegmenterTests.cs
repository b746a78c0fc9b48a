using System.Buffers.Binary;
using Lguest.Jit.Launcher.Net;

namespace Lguest.Jit.Launcher.Tests.Net;

public class SegmenterTests
{
    private readonly FrameRing _ring = new();

    [Theory]
    [InlineData(4, 1460, 60_000)]
    [InlineData(4, 1000, 1001)]
    [InlineData(4, 536, 536)]
    [InlineData(6, 1440, 50_001)]
    public void Segments_carry_the_payload_in_order_each_with_headers_of_its_own(int version, ushort size, int length)
    {
        byte[] payload = Packets.Payload(length);
        byte[] frame = version == 4 ? Packets.Tcp4(payload, partial: true, flags: 0x99) : Packets.Tcp6(payload, partial: true);
        int tcp = version == 4 ? 34 : 54;
        List<byte[]> segments = Cut(frame, new VirtioNetHeader(1, (byte)(version == 4 ? 1 : 4), size, (ushort)tcp, 16));
        Assert.Equal((length + size - 1) / size, segments.Count);
        var joined = new List<byte>();
        for (int i = 0; i < segments.Count; i++)
        {
            byte[] segment = segments[i];
            Assert.True(Packets.HasRightChecksum(segment), $"segment {i}");
            Assert.Equal(unchecked(0xFFFFFF00 + (uint)joined.Count), BinaryPrimitives.ReadUInt32BigEndian(segment.AsSpan(tcp + 4)));
            if (version == 4)
            {
                bool last = i == segments.Count - 1;
                Assert.Equal(0x1234 + i, BinaryPrimitives.ReadUInt16BigEndian(segment.AsSpan(18)));
                Assert.Equal(0x10 | (last ? 0x09 : 0) | (i == 0 ? 0x80 : 0), segment[tcp + 13]);
            }

            joined.AddRange(segment[(tcp + 20)..]);
        }

        Assert.Equal(payload, joined);
    }

    [Fact]
    public void Nonsense_comes_to_nothing()
    {
        var random = new Random(1);
        int cut = 0;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] frame = Packets.Tcp4(Packets.Payload(random.Next(3000), i), partial: true);
            for (int j = random.Next(4); j > 0; j--)
            {
                frame[random.Next(Math.Min(frame.Length, 60))] = (byte)random.Next(256);
            }

            frame = frame[..random.Next(frame.Length + 1)];
            var header = new VirtioNetHeader(
                1, (byte)(random.Next(2) == 0 ? 1 : 4), (ushort)random.Next(random.Next(2) == 0 ? 4 : 2000), (ushort)(random.Next(3) == 0 ? random.Next(65536) : 34), 16);
            cut += Cut(frame, header).Count > 0 ? 1 : 0;
        }

        Assert.InRange(cut, 1000, 19_000);
    }

    private List<byte[]> Cut(byte[] frame, VirtioNetHeader header)
    {
        FrameRing ring = _ring;
        int put = Segmenter.PutSegments(ring, frame, header);
        Assert.InRange(put, 0, Segmenter.MaximumBurst);
        ring.Put(put);
        var segments = new List<byte[]>();
        while (ring.TryPeekLength(out uint length))
        {
            byte[] segment = new byte[length];
            ring.Copy(FrameRing.Prefix, segment);
            ring.Take(FrameRing.Prefix + segment.Length);
            segments.Add(segment);
        }

        Assert.Equal(0, ring.Count);
        return segments;
    }
}
