using System.Text;
using Lguest.Jit.Launcher.Tracing;

namespace Lguest.Jit.Launcher.Tests.Tracing;

public class TraceFileTests
{
    [Fact]
    public void At_its_limit_a_trace_ends_with_a_whole_record_and_says_so()
    {
        using var stream = new MemoryStream();
        var file = new TraceFile(stream, limit: 25);
        for (int i = 0; i < 10; i++)
        {
            file.Write(new StringBuilder("0123456789"));
        }

        Assert.False(file.IsOpen);
        file.Dispose();
        Assert.Equal("01234567890123456789# the trace has reached its limit" + Environment.NewLine, Encoding.UTF8.GetString(stream.ToArray()));
        Assert.Contains("limit", file.Ended, StringComparison.Ordinal);
    }

    [Fact]
    public void A_full_disk_ends_the_trace_and_nothing_else()
    {
        var file = new TraceFile(new FullDisk(), limit: 1 << 30);
        var record = new StringBuilder().Append('x', 100_000);
        for (int i = 0; i < 10; i++)
        {
            file.Write(record);
        }

        Assert.False(file.IsOpen);
        Assert.Equal("disk full", file.Ended);
        file.Dispose();
    }

    [Fact]
    public void Records_of_two_threads_do_not_mix()
    {
        using var stream = new MemoryStream();
        var file = new TraceFile(stream, limit: 1 << 30);
        Parallel.For(0, 4, n =>
        {
            for (int i = 0; i < 200; i++)
            {
                file.Write(new StringBuilder().Append((char)('a' + n), 50).Append('\n'));
            }
        });
        file.Dispose();
        string[] lines = Encoding.UTF8.GetString(stream.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(800, lines.Length);
        Assert.All(lines, static l => Assert.Equal(new string(l[0], 50), l));
    }

    private sealed class FullDisk : MemoryStream
    {
        public override void Write(byte[] buffer, int offset, int count) => throw new IOException("disk full");

        public override void Write(ReadOnlySpan<byte> buffer) => throw new IOException("disk full");
    }
}
