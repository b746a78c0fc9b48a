using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Net;

namespace Lguest.Jit.Launcher.Tests.Net;

public class FrameRingTests
{
    [Fact]
    public void Frames_come_out_as_they_went_in_however_often_the_ring_goes_round()
    {
        var ring = new FrameRing();
        for (int i = 0; i < 100; i++)
        {
            byte[] frame = Packets.Payload(50_000 + i, i);
            ring.StorePrefix(0, frame.Length);
            ring.Store(FrameRing.Prefix, frame);
            ring.Put(FrameRing.Prefix + frame.Length);
            Assert.True(ring.TryPeekLength(out uint length));
            byte[] taken = new byte[length];
            ring.Copy(FrameRing.Prefix, taken);
            Assert.Equal(frame, taken);
            ring.Take(FrameRing.Prefix + taken.Length);
            Assert.Equal(0, ring.Count);
        }
    }

    [Fact]
    public void A_length_of_which_a_part_is_missing_is_none()
    {
        var ring = new FrameRing();
        ring.Room[..4].Clear();
        ring.Put(3);
        Assert.False(ring.TryPeekLength(out _));
        ring.Put(1);
        Assert.True(ring.TryPeekLength(out uint length));
        Assert.Equal(0u, length);
    }

    [Fact]
    public void Whole_frames_are_counted_up_to_a_limit_but_one_at_least()
    {
        var ring = new FrameRing(1 << 10);
        Assert.Equal(0, ring.WholeFrames(100));

        // The third one lies across the ring's end.
        ring.Put(900);
        ring.Take(900);
        int put = 0;
        foreach (int length in new[] { 40, 50, 60 })
        {
            ring.StorePrefix(put, length);
            put += FrameRing.Prefix + length;
        }

        ring.Put(44 + 54 + 10);
        Assert.Equal(44, ring.WholeFrames(10));
        Assert.Equal(44, ring.WholeFrames(97));
        Assert.Equal(98, ring.WholeFrames(98));
        Assert.Equal(98, ring.WholeFrames(1000));
        ring.Put(54);
        Assert.Equal(162, ring.WholeFrames(1000));
        ring.Take(98);
        Assert.Equal(64, ring.WholeFrames(1));
    }

    [Fact]
    public void Two_threads_carry_every_byte_in_order()
    {
        const long Total = 64L << 20;
        var ring = new FrameRing();
        var putter = new Thread(() =>
        {
            // The link's side: waits for room, and is the one that sleeps.
            for (long done = 0; done < Total;)
            {
                Assert.True(ring.WaitForRoom(1000));
                Span<byte> room = ring.Room;
                int length = (int)Math.Min(room.Length, Total - done);
                for (int i = 0; i < length; i++)
                {
                    room[i] = (byte)((done + i) * 31 >> 3);
                }

                ring.Put(length);
                done += length;
            }
        });
        putter.Start();
        for (long done = 0; done < Total;)
        {
            ReadOnlySpan<byte> filled = ring.Filled;
            for (int i = 0; i < filled.Length; i++)
            {
                if (filled[i] != (byte)((done + i) * 31 >> 3))
                {
                    Assert.Fail($"byte {done + i}");
                }
            }

            done += filled.Length;
            ring.Take(filled.Length);
        }

        Assert.True(putter.Join(Patience.Limit));
    }

    [Fact]
    public void Closing_ends_all_waiting()
    {
        var ring = new FrameRing();
        bool answer = true;
        var waiter = new Thread(() => answer = ring.WaitForFilled());
        waiter.Start();
        ring.Close();
        Assert.True(waiter.Join(Patience.Limit));
        Assert.False(answer);
    }
}
