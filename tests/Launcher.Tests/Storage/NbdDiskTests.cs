using System.Net;
using System.Net.Sockets;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Storage;
using Lguest.Jit.Launcher.Tests.Support;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Tests.Storage;

/// <summary>Disks that a server has.</summary>
public sealed unsafe class NbdDiskTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_is_read_and_written_at_new_and_old_servers(bool old)
    {
        using var server = new NbdServer { IsOld = old };
        new Random(6).NextBytes(server.Bytes);
        using DiskStore disk = NbdDisk.Open(server.Uri, readOnly: false);
        Assert.Equal(256ul * 512, disk.Size);
        using BlockMachine machine = new BlockMachine(disk).Start();
        Assert.Equal((byte)0, machine.Do(BlockRequestType.In, 9, length: 8192).Status);
        Assert.True(server.Bytes.AsSpan(9 * 512, 8192).SequenceEqual(machine.Ram.View(BlockMachine.Data, 8192)));
        machine.Ram.Window(BlockMachine.Data, 1024).Fill(0x31);
        Assert.Equal((byte)0, machine.Do(BlockRequestType.Out, 254, length: 1024).Status);
        Assert.Equal(1024, server.Bytes.AsSpan(254 * 512).Count((byte)0x31));
        Assert.Equal((byte)0, machine.Do(BlockRequestType.Flush, 0, length: 0).Status);
        Assert.Equal(0, disk.Discard(0, 4096));
        Assert.Equal(0, disk.WriteZeroes(8192, 512, mayUnmap: false));
        Assert.Equal([(0, 0), (0, 1), (0, 3), (0, 4), (2, 6)], server.Seen.Select(static request => ((int)request.Flags, (int)request.Type)));
    }

    [Fact]
    public void A_write_through_takes_the_servers_word_or_a_flush()
    {
        byte[] data = new byte[512];
        fixed (byte* first = data)
        {
            using var able = new NbdServer();
            using (DiskStore disk = NbdDisk.Open(able.Uri, readOnly: false))
            {
                Assert.Equal(0, disk.WriteThrough(0, [new HostPiece((nint)first, 512)]));
            }

            able.Dispose();
            Assert.Equal([(1, 1), (0, 2)], able.Seen.Select(static request => ((int)request.Flags, (int)request.Type)));
            using var plain = new NbdServer { Flags = 1 | 4 };
            using (DiskStore disk = NbdDisk.Open(plain.Uri, readOnly: false))
            {
                Assert.Equal(0, disk.WriteThrough(0, [new HostPiece((nint)first, 512)]));

                // Neither trim nor zeroes: the one is let be, the other is written.
                Assert.Equal(0, disk.Discard(0, 512));
                Assert.Equal(0, disk.WriteZeroes(512, 1024, mayUnmap: true));
            }

            plain.Dispose();
            Assert.Equal([(0, 1), (0, 3), (0, 1), (0, 2)], plain.Seen.Select(static request => ((int)request.Flags, (int)request.Type)));
        }
    }

    [Fact]
    public void Replies_in_another_order_find_their_requests()
    {
        using var server = new NbdServer { InPairs = true };
        for (int sector = 0; sector < 256; sector++)
        {
            server.Bytes.AsSpan(sector * 512, 512).Fill((byte)sector);
        }

        using DiskStore disk = NbdDisk.Open(server.Uri, readOnly: false);
        using BlockMachine machine = new BlockMachine(disk).Start();
        for (int i = 0; i < 32; i++)
        {
            machine.Offer(3 * i, BlockRequestType.In, (ulong)(5 * i), BlockMachine.Data + 512u * (uint)i, 512);
        }

        machine.Notify();
        machine.WaitForUsed(32);
        for (int i = 0; i < 32; i++)
        {
            Assert.Equal(0, machine.StatusOf(3 * i));
            Assert.Equal(512, machine.Ram.View(BlockMachine.Data + 512u * (uint)i, 512).Count((byte)(5 * i)));
        }
    }

    [Fact]
    public void What_is_more_than_the_server_takes_goes_in_parts()
    {
        using var server = new NbdServer { BlockSize = (1, 4096) };
        new Random(7).NextBytes(server.Bytes);
        using DiskStore disk = NbdDisk.Open(server.Uri, readOnly: false);
        using BlockMachine machine = new BlockMachine(disk).Start();
        Assert.Equal((byte)0, machine.Do(BlockRequestType.In, 1, length: 10 * 1024).Status);
        Assert.True(server.Bytes.AsSpan(512, 10 * 1024).SequenceEqual(machine.Ram.View(BlockMachine.Data, 10 * 1024)));
        Assert.Equal([4096u, 4096u, 2048u], server.Seen.Select(static request => request.Length));
    }

    [Fact]
    public void A_server_of_large_blocks_makes_a_disk_of_large_blocks()
    {
        using var server = new NbdServer { BlockSize = (4096, 1 << 20) };
        using DiskStore disk = NbdDisk.Open(server.Uri, readOnly: false);
        Assert.Equal(4096, disk.BlockSize);
        using var huge = new NbdServer { BlockSize = (65536, 1 << 20) };
        Assert.Contains("blocks of 65536", Assert.Throws<LoadException>(() => NbdDisk.Open(huge.Uri, false)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_server_does_not_allow_the_disk_does_not_offer()
    {
        using var server = new NbdServer { Flags = 1 | 2 };
        using DiskStore disk = NbdDisk.Open(server.Uri, readOnly: false);
        Assert.True(disk.IsReadOnly);
    }

    [Fact]
    public void An_error_of_the_servers_is_the_Guests_and_the_connection_goes_on()
    {
        using var server = new NbdServer { Error = HostError.NoSpace };
        using DiskStore disk = NbdDisk.Open(server.Uri, readOnly: false);
        using BlockMachine machine = new BlockMachine(disk).Start();
        Assert.Equal((byte)BlockStatus.IoError, machine.Do(BlockRequestType.In, 0).Status);
        Assert.Equal((byte)BlockStatus.IoError, machine.Do(BlockRequestType.Out, 0).Status);
        Assert.Contains("no space left", machine.Errors, StringComparison.Ordinal);
        server.Error = 0;
        Assert.Equal((byte)BlockStatus.Ok, machine.Do(BlockRequestType.In, 0).Status);
    }

    [Fact]
    public void When_the_server_dies_requests_fail_and_nobody_hangs()
    {
        using var server = new NbdServer { IsDumb = true };
        using DiskStore disk = NbdDisk.Open(server.Uri, readOnly: false);
        using BlockMachine machine = new BlockMachine(disk).Start();
        for (int i = 0; i < 8; i++)
        {
            machine.Offer(3 * i, i % 2 == 0 ? BlockRequestType.In : BlockRequestType.Out, 0, BlockMachine.Data, 512);
        }

        machine.Notify();
        Assert.True(Patience.Until(() => { lock (server.Seen) { return server.Seen.Count > 0; } }));
        server.Die();
        machine.WaitForUsed(8);
        Assert.All(Enumerable.Range(0, 8), i => Assert.Equal((byte)BlockStatus.IoError, machine.StatusOf(3 * i)));
        Assert.Equal((byte)BlockStatus.IoError, machine.Do(BlockRequestType.In, 0).Status);
        Assert.Contains("the server is gone", machine.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_server_that_talks_nonsense_is_as_good_as_dead()
    {
        using var server = new NbdServer { ReplyMagic = 0x12345678 };
        using DiskStore disk = NbdDisk.Open(server.Uri, readOnly: false);
        using BlockMachine machine = new BlockMachine(disk).Start();
        Assert.Equal((byte)BlockStatus.IoError, machine.Do(BlockRequestType.In, 0).Status);
        Assert.Equal((byte)BlockStatus.IoError, machine.Do(BlockRequestType.Out, 0).Status);
    }

    [Fact]
    public void Somebody_who_wants_an_end_does_not_wait_for_a_server_that_says_nothing()
    {
        using var server = new NbdServer { IsDumb = true };
        using DiskStore disk = NbdDisk.Open(server.Uri, readOnly: false);
        byte[] data = new byte[512];
        using var aborter = new Timer(_ => disk.Abort(), null, 100, Timeout.Infinite);
        fixed (byte* first = data)
        {
            Assert.Equal(HostError.Shutdown, disk.Read(0, [new HostPiece((nint)first, 512)]));
        }
    }

    [Fact]
    public void What_is_no_server_is_told_in_one_line()
    {
        using var server = new NbdServer();
        Launch.With("run", "--disk", server.Uri.Replace("thing", "other", StringComparison.Ordinal)).ShouldRefuse("the server has no such export");
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        string uri = $"nbd://127.0.0.1:{((IPEndPoint)listener.LocalEndPoint!).Port}";
        var speaker = new Thread(() =>
        {
            using Socket client = listener.Accept();
            client.Send("HTTP/1.1 400 Bad Request\r\n\r\n"u8);
        });
        speaker.Start();
        Launch.With("run", "--disk", uri).ShouldRefuse("not an NBD server");
        speaker.Join();
    }

    [Theory]
    [InlineData("nbd://127.0.0.1/", "127.0.0.1:10809", "")]
    [InlineData("nbd://127.0.0.1", "127.0.0.1:10809", "")]
    [InlineData("nbd://127.0.0.1:99/a%20b/c", "127.0.0.1:99", "a b/c")]
    [InlineData("nbd://[::1]:99/x", "[::1]:99", "x")]
    [InlineData("nbd://[::1]/x", "[::1]:10809", "x")]
    [InlineData("nbd+unix:///run/nbd.sock", "/run/nbd.sock", "")]
    [InlineData("nbd+unix:///run/nbd.sock?root", "/run/nbd.sock", "root")]
    [InlineData("nbd+unix:///root?socket=/run/nbd.sock", "/run/nbd.sock", "root")]
    [InlineData("nbd+unix://?socket=/run/nbd%2Bx", "/run/nbd+x", "")]
    public void Addresses_are_what_the_protocol_says_and_the_short_form(string text, string server, string export)
    {
        Assert.True(NbdUri.IsOne(text));
        NbdUri uri = NbdUri.Parse(text);
        Assert.Equal((server, export), (uri.Server.ToString(), uri.Export));
    }

    [Theory]
    [InlineData("nbd+unix://relative/path")]
    [InlineData("nbd+unix:///")]
    [InlineData("nbd+unix:///x?socket=")]
    [InlineData("nbd://:99/x")]
    [InlineData("nbd://host:0/x")]
    [InlineData("nbd://host:65536/x")]
    public void Other_addresses_are_refused(string text) => Assert.Throws<LoadException>(() => NbdUri.Parse(text));
}
