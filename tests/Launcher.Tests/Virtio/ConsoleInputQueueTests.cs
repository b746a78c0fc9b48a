using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Tests.Virtio;

public class ConsoleInputQueueTests
{
    [Fact]
    public void Bytes_come_out_in_order_and_news_comes_once()
    {
        var queue = new ConsoleInputQueue(8);
        int woken = 0;
        queue.Wake = () => woken++;
        Assert.True(queue.Post([1, 2, 3]));
        Assert.True(queue.HasNews);
        queue.TakeNews();
        Assert.False(queue.HasNews);
        byte[] taken = new byte[2];
        Assert.Equal(2, queue.Take(taken));
        Assert.Equal([1, 2], taken);
        Assert.True(queue.Post([4, 5, 6, 7, 8, 9]));
        taken = new byte[10];
        Assert.Equal(7, queue.Take(taken));
        Assert.Equal([3, 4, 5, 6, 7, 8, 9, 0, 0, 0], taken);
        Assert.Equal(0, queue.Take(taken));
        Assert.Equal(2, woken);
    }

    [Fact]
    public void A_full_queue_makes_the_poster_wait_and_loses_nothing()
    {
        var queue = new ConsoleInputQueue(4);
        byte[] sent = [.. Enumerable.Range(0, 1000).Select(static i => (byte)i)];
        var poster = new Thread(() => queue.Post(sent));
        poster.Start();
        var received = new List<byte>();
        byte[] taken = new byte[3];
        while (received.Count < sent.Length)
        {
            int count = queue.Take(taken);
            received.AddRange(taken[..count]);
        }

        Assert.True(poster.Join(Patience.Limit));
        Assert.Equal(sent, received);
    }

    [Fact]
    public void Closing_lets_a_waiting_poster_go()
    {
        var queue = new ConsoleInputQueue(4);
        bool? posted = null;
        var poster = new Thread(() => posted = queue.Post(new byte[10]));
        poster.Start();
        Assert.True(Patience.Until(() => queue.Count == 4));
        queue.Close();
        Assert.True(poster.Join(Patience.Limit));
        Assert.False(posted);
    }
}
