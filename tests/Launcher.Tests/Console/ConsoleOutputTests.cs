using System.Diagnostics;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Console;
using Lguest.Jit.Launcher.Tests.Support;

namespace Lguest.Jit.Launcher.Tests.Console;

public class ConsoleOutputTests
{
    [Fact]
    public void Every_byte_arrives_in_order()
    {
        using var stream = new MemoryStream();
        var output = new ConsoleOutput(stream, capacity: 1000);
        byte[] expected = new byte[100_000];
        new Random(1).NextBytes(expected);
        var random = new Random(2);
        for (int i = 0; i < expected.Length;)
        {
            int length = Math.Min(random.Next(1, 3000), expected.Length - i);
            Assert.True(output.Write(expected.AsSpan(i, length)));
            i += length;
        }

        Assert.True(output.Drain());
        Assert.Equal(expected, stream.ToArray());
    }

    [Fact]
    public void Output_appears_without_anybody_waiting_for_more()
    {
        using var stream = new MemoryStream();
        var output = new ConsoleOutput(stream);
        output.Write("login: "u8);
        Assert.True(Patience.Until(() => stream.Length == 7));
        output.Drain();
    }

    [Fact]
    public void A_writer_waits_for_a_blocked_stdout_and_goes_on_when_it_flows()
    {
        using var stream = new BlockedStream();
        var output = new ConsoleOutput(stream, capacity: 16);
        var writer = new Thread(() => output.Write(new byte[1000]));
        writer.Start();
        Assert.False(writer.Join(100));
        stream.Unblock();
        Assert.True(writer.Join(Patience.Limit));
        Assert.True(output.Drain());
        Assert.Equal(1000, stream.Length);
    }

    [Fact]
    public void A_stop_frees_the_writer_of_a_blocked_stdout_and_ends_the_drain()
    {
        using var stream = new BlockedStream();
        var output = new ConsoleOutput(stream, capacity: 16);
        bool? written = null;
        var writer = new Thread(() => written = output.Write(new byte[1000]));
        writer.Start();
        Assert.False(writer.Join(50));
        output.Abandon();
        Assert.True(writer.Join(Patience.Limit));
        Assert.False(written);
        var watch = Stopwatch.StartNew();
        Assert.False(output.Drain());
        Assert.True(watch.ElapsedMilliseconds >= 500);
    }

    [Fact]
    public void After_a_stop_what_there_is_room_for_still_arrives()
    {
        using var stream = new MemoryStream();
        var output = new ConsoleOutput(stream);
        output.Abandon();
        Assert.False(output.Write("last words"u8));
        Assert.True(output.Drain());
        Assert.Equal("last words"u8.ToArray(), stream.ToArray());
    }

    [Fact]
    public void A_stdout_that_fails_is_reported_once_and_takes_no_more()
    {
        using var stream = new FailingStream();
        int failed = 0;
        var output = new ConsoleOutput(stream, capacity: 16) { Failed = () => failed++ };
        output.Write("x"u8);
        Assert.True(Patience.Until(() => output.Failure is not null && Volatile.Read(ref failed) == 1));
        Assert.Equal("No space left on device", output.Failure);
        Assert.False(output.Write(new byte[100]));
        Assert.False(output.Drain());
        Assert.Equal(1, failed);
    }
}
