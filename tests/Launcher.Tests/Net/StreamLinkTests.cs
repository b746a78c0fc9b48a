using System.Net.Sockets;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Net;

namespace Lguest.Jit.Launcher.Tests.Net;

/// <summary>The link's threads between the rings and a socket, at whose other end the test plays passt.</summary>
public sealed class StreamLinkTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"lguest-net-{Guid.NewGuid():N}.socket");
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public StreamLinkTests()
    {
        _listener.Bind(new UnixDomainSocketEndPoint(_path));
        _listener.Listen();
    }

    public void Dispose()
    {
        _listener.Dispose();
        File.Delete(_path);
    }

    [Fact]
    public void Frames_go_both_ways_in_any_portions()
    {
        using NetLink link = Connect(out Socket peer);
        var news = new AutoResetEvent(false);
        link.Port.Wake = () => news.Set();
        byte[] record = Packets.Record(Packets.Payload(3000));
        foreach (byte[] portion in record.Chunk(701))
        {
            peer.Send(portion);
            Assert.True(news.WaitOne(Patience.Limit));
            link.Port.TakeNews();
        }

        Assert.True(Patience.Until(() => link.Port.Received.Count == record.Length));
        byte[] got = new byte[record.Length];
        link.Port.Received.Copy(0, got);
        Assert.Equal(record, got);

        link.Port.ToSend.Store(0, record);
        link.Port.ToSend.Put(record.Length);
        byte[] heard = new byte[record.Length];
        for (int filled = 0; filled < heard.Length;)
        {
            filled += peer.Receive(heard.AsSpan(filled));
        }

        Assert.Equal(record, heard);
        peer.Dispose();
    }

    [Fact]
    public void Every_write_is_one_frame_or_several_small_ones()
    {
        // Here a socket that keeps writes apart. The frames go three times round the ring, so some lie across its end.
        using var listener = new Socket(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
        string path = _path + ".packets";
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        var ours = new Socket(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
        ours.Connect(new UnixDomainSocketEndPoint(path));
        using Socket peer = listener.Accept();
        File.Delete(path);
        using NetLink link = new StreamLink(ours, new NetPort(hasHeader: false, mtu: 65520), "test");
        link.Start();

        int written = 0;
        int heard = 0;
        byte[] write = new byte[2 << 20];
        peer.ReceiveTimeout = (int)Patience.Limit.TotalMilliseconds;
        while (heard < 100)
        {
            for (; written < 100; written++)
            {
                byte[] record = Packets.Record(Packets.Payload(LengthOf(written), written));
                if (!link.Port.HasRoom(record.Length))
                {
                    break;
                }

                link.Port.ToSend.Store(0, record);
                link.Port.ToSend.Put(record.Length);
            }

            int count = peer.Receive(write);
            int first = heard;
            for (int at = 0; at < count; heard++)
            {
                byte[] record = Packets.Record(Packets.Payload(LengthOf(heard), heard));
                Assert.Equal(record, write[at..Math.Min(count, at + record.Length)]);
                at += record.Length;
            }

            Assert.True(heard == first + 1 || count <= 32 << 10, $"{heard - first} frames, {count} bytes in one write");
        }

        static int LengthOf(int frame) => frame % 16 < 9 ? 65_000 - frame : 60 + (frame * 91 % 9000);
    }

    [Fact]
    public void A_Guest_that_does_not_look_makes_the_other_end_wait()
    {
        using NetLink link = Connect(out Socket peer);
        peer.Blocking = false;
        byte[] chunk = new byte[64 << 10];
        long sent = 0;
        while (sent < 64 << 20)
        {
            try
            {
                sent += peer.Send(chunk);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
            {
                if (link.Port.Received.Free < 64 << 10)
                {
                    break;
                }
            }
        }

        // Two buffers of the Host's and our ring: what a sender gets rid of is bounded.
        Assert.InRange(sent, (4 << 20) - (64 << 10), 8 << 20);
        peer.Dispose();
    }

    [Fact]
    public void When_the_other_end_goes_the_link_is_down()
    {
        using NetLink link = Connect(out Socket peer);
        string? reason = null;
        link.Port.Down = said => reason = said;
        peer.Dispose();
        // News comes last: whoever sees it finds the link down and the reason told.
        Assert.True(Patience.Until(() => link.Port.HasNews));
        Assert.Equal("the other end has closed the connection", reason);
        Assert.False(link.Port.IsUp);
    }

    [Fact]
    public void Ending_a_link_ends_its_threads_and_is_no_failure_of_it()
    {
        NetLink link = Connect(out Socket peer);
        string? reason = null;
        link.Port.Down = said => reason = said;
        Thread.Sleep(50);
        link.Dispose();
        Assert.Null(reason);
        Assert.Equal(0, peer.Receive(new byte[1]));
        peer.Dispose();
    }

    [Fact]
    public void Nobody_at_the_socket_is_said()
    {
        LoadException e = Assert.Throws<LoadException>(() => NetLinks.Open(new NetOptions { Kind = NetKind.Passt, Socket = _path + ".not" }));
        Assert.StartsWith($"--net passt:{_path}.not: ", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<LoadException>(() => NetLinks.Open(new NetOptions { Kind = NetKind.Passt, Socket = new string('x', 1000) }));
        Assert.StartsWith("--net passt:xxx", e.Message, StringComparison.Ordinal);
    }

    private NetLink Connect(out Socket peer)
    {
        NetLink link = NetLinks.Open(new NetOptions { Kind = NetKind.Passt, Socket = _path })!;
        peer = _listener.Accept();
        link.Start();
        return link;
    }
}
