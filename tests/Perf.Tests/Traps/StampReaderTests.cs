using System.Buffers.Binary;
using Lguest.Jit.Perf.Traps;

namespace Lguest.Jit.Perf.Tests.Traps;

/// <summary>Rounds that a Guest has timed by itself, as they come through a pipe.</summary>
public sealed class StampReaderTests
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

    [Fact]
    public void The_fastest_round_is_told_in_the_Hosts_nanoseconds()
    {
        // Five thousand million ticks in the second between the first letter and the last.
        var reader = new StampReader();
        reader.Read([(byte)'B'], 3 * s_second);
        reader.Read(End(1_000_000_000, 3_000_000_000), 4 * s_second);
        reader.Read([(byte)'B'], 4 * s_second);
        reader.Read(End(5_000_000_000, 6_000_000_000), 4 * s_second);
        Assert.Equal(2, reader.Count);
        Assert.Equal(1e9 * 1 / 5, reader.Fastest(), 1.0);
    }

    [Fact]
    public void A_letter_that_is_read_late_makes_no_round_faster()
    {
        // The first round's letters arrive together, when it is over; it took a half of the time nevertheless.
        var reader = new StampReader();
        reader.Read([(byte)'B', .. End(0, 500)], s_second);
        reader.Read([(byte)'B', .. End(500, 1000)], 2 * s_second);
        Assert.Equal(0.5e9, reader.Fastest(), 1.0);
    }

    [Fact]
    public void Stamps_may_arrive_in_pieces_and_have_letters_in_them()
    {
        const ulong Letters = 0x4542_4542;
        byte[] all = [(byte)'B', .. End(0, Letters), (byte)'B', .. End(Letters, 3 * Letters), (byte)'X'];
        var reader = new StampReader();
        for (int i = 0; i < all.Length; i++)
        {
            reader.Read(all.AsSpan(i, 1), i * s_second);
        }

        Assert.Equal(2, reader.Count);
        Assert.Equal(19e9 / 3, reader.Fastest(), 10.0);
    }

    [Fact]
    public void A_Guest_that_says_nothing_has_no_fastest_round()
    {
        var reader = new StampReader();
        reader.Read([(byte)'B', (byte)'E', 1], s_second);
        Assert.Equal(0, reader.Count);
        Assert.Throws<InvalidOperationException>(() => reader.Fastest());
    }

    private static byte[] End(ulong begin, ulong end)
    {
        byte[] bytes = new byte[17];
        bytes[0] = (byte)'E';
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(1), begin);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(9), end);
        return bytes;
    }
}
