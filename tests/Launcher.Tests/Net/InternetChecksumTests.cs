using Lguest.Jit.Launcher.Net;

namespace Lguest.Jit.Launcher.Tests.Net;

public class InternetChecksumTests
{
    [Fact]
    public void Agrees_with_the_sum_word_by_word_at_every_length()
    {
        var random = new Random(1071);
        for (int length = 0; length < 400; length++)
        {
            byte[] bytes = new byte[length];
            random.NextBytes(bytes);
            Assert.Equal(WordByWord(bytes), InternetChecksum.Add(0, bytes) % 0xFFFF);
        }
    }

    [Fact]
    public void All_ones_over_the_largest_frame_lose_no_carry()
    {
        byte[] bytes = new byte[65536];
        Array.Fill(bytes, (byte)0xFF);
        Assert.Equal(0xFFFFu, InternetChecksum.Add(0xFFFF, bytes));
    }

    [Fact]
    public void Two_pieces_are_one_wherever_they_are_cut()
    {
        byte[] bytes = Packets.Payload(101);
        uint whole = InternetChecksum.Add(7, bytes);
        for (int cut = 0; cut <= bytes.Length; cut++)
        {
            Assert.Equal(whole % 0xFFFF, InternetChecksum.Add(7, bytes.AsSpan(0, cut), bytes.AsSpan(cut)) % 0xFFFF);
        }
    }

    [Fact]
    public void A_sum_of_zero_is_stored_as_all_ones()
    {
        byte[] field = [1, 2];
        InternetChecksum.Store(field, InternetChecksum.Finish(0xFFFF));
        Assert.Equal([0xFF, 0xFF], field);
    }

    private static uint WordByWord(byte[] bytes)
    {
        ulong sum = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            sum += (ulong)bytes[i] << (8 * (i & 1));
        }

        return (uint)(sum % 0xFFFF);
    }
}
