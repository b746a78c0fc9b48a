using System.Buffers.Binary;
using Lguest.Jit.Launcher.Net;
using Lguest.Jit.Launcher.Tests.Net;
using Lguest.Jit.Launcher.Tests.Support;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Tests.Virtio;

/// <summary>The network card between a driver and the two rings of its port.</summary>
public sealed class VirtioNetTests : IDisposable
{
    private const uint Buffers = 0x100000;
    private const ulong All = 0x1BBAB;

    private readonly NetPort _port = new(hasHeader: false, NetOptions.LargestMtu);
    private readonly DeviceRig _rig;
    private readonly VirtioNet _net;

    public VirtioNetTests()
    {
        _rig = new DeviceRig((ram, log) => new VirtioNet(ram, log, _port, MacAddress.Default), queues: 2);
        _net = (VirtioNet)_rig.Device;
    }

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void The_card_says_what_it_is()
    {
        const ulong Version1 = 1UL << 32;
        Assert.Equal(All | Version1, _rig.Offered);
        _rig.Start(All);
        Assert.Equal("52:54:00:6c:67:01", string.Join(':', Enumerable.Range(0, 6).Select(i => $"{Config((uint)i, 1):x2}")));
        Assert.Equal(1u, Config(6, 2));
        Assert.Equal(1u, Config(8, 2));
        Assert.Equal(65520u, Config(10, 2));
    }

    [Fact]
    public void A_frame_goes_out_without_its_header()
    {
        _rig.Start();
        byte[] frame = Packets.Tcp4(Packets.Payload(100));
        Send(new byte[12], frame);
        Assert.Equal([frame], Sent());
        Assert.Equal([(0u, 0u)], _rig.TakeUsed(1));
    }

    [Fact]
    public void However_header_and_frame_are_cut_into_pieces_it_is_one_frame()
    {
        _rig.Start();
        byte[] frame = Packets.Tcp4(Packets.Payload(1000));
        byte[] packet = [.. new byte[12], .. frame];
        var random = new Random(12);
        for (int i = 0; i < 200; i++)
        {
            packet.CopyTo(_rig.Ram.Window(Buffers, (uint)packet.Length));
            var pieces = new List<(uint, uint, bool)>();
            for (uint at = 0; at < packet.Length;)
            {
                uint length = Math.Min((uint)random.Next(0, 300), (uint)packet.Length - at);
                pieces.Add((Buffers + at, length, false));
                at += length;
            }

            _rig.Offer(1, [.. pieces]);
            _rig.Notify(1);
            Assert.Equal([frame], Sent());
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(6)]
    public void A_checksum_that_was_left_to_the_card_is_filled_in(int version)
    {
        _rig.Start(VirtioNet.FeatureChecksum);
        byte[] payload = Packets.Payload(1001);
        byte[] frame = version == 4 ? Packets.Tcp4(payload, partial: true) : Packets.Tcp6(payload, partial: true);
        Assert.False(Packets.HasRightChecksum(frame));
        Send(Header(flags: 1, start: version == 4 ? 34 : 54, offset: 16), frame);
        byte[] sent = Assert.Single(Sent());
        Assert.True(Packets.HasRightChecksum(sent));
    }

    [Fact]
    public void A_checksum_outside_the_frame_loses_the_frame_and_not_the_card()
    {
        _rig.Start(VirtioNet.FeatureChecksum);
        Send(Header(flags: 1, start: 34, offset: 65535), Packets.Tcp4([]));
        Send(Header(flags: 1, start: 65535, offset: 65535), Packets.Tcp4([]));
        Assert.Empty(Sent());
        Assert.Equal(2, _rig.TakeUsed(1).Count);
        Assert.Equal(0xFu, (uint)_rig.Status);
    }

    [Fact]
    public void A_large_TCP_packet_goes_in_one_piece_where_the_link_takes_it()
    {
        _rig.Start(All);
        byte[] frame = Packets.Tcp4(Packets.Payload(60_000), partial: true);
        Send(Header(flags: 1, gso: 1, size: 1460, start: 34, offset: 16), frame);
        byte[] sent = Assert.Single(Sent());
        Assert.Equal(frame.Length, sent.Length);
        Assert.True(Packets.HasRightChecksum(sent));
    }

    [Fact]
    public void What_the_link_cannot_take_is_lost()
    {
        _rig.Start(All);
        Send(new byte[12], new byte[65520 + 14 + 4 + 1]);
        Send(new byte[12], new byte[13]);
        Assert.Empty(Sent());
        Assert.Equal(2, _rig.TakeUsed(1).Count);
        Send(new byte[12], new byte[14]);
        Assert.Equal(14, Assert.Single(Sent()).Length);
    }

    [Fact]
    public void When_the_ring_is_full_the_driver_waits_and_nothing_is_lost()
    {
        _rig.Start();
        byte[] frame = Packets.Payload(60_000);
        for (int i = 0; i < 20; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(frame, i);
            new byte[12].CopyTo(_rig.Ram.Window(Buffers + (uint)i * 0x10000, 12));
            frame.CopyTo(_rig.Ram.Window(Buffers + (uint)i * 0x10000 + 12, (uint)frame.Length));
            _rig.Offer(1, (Buffers + (uint)i * 0x10000, 12 + (uint)frame.Length, false));
        }

        _rig.Notify(1);
        Assert.InRange(_rig.TakeUsed(1).Count, 10, 16);
        Assert.False(_net.HasWork);
        var numbers = Sent().Select(static f => BinaryPrimitives.ReadInt32LittleEndian(f)).ToList();
        Assert.True(_net.HasWork);
        _net.RunOnGuestThread();
        numbers.AddRange(Sent().Select(static f => BinaryPrimitives.ReadInt32LittleEndian(f)));
        Assert.Equal(Enumerable.Range(0, 20), numbers);
    }

    [Fact]
    public void A_frame_comes_in_behind_a_header_and_interrupts_once()
    {
        _rig.Start();
        byte[] frame = Packets.Payload(99);
        _rig.Offer(0, (Buffers, 12 + 1514, true));
        _rig.Offer(0, (Buffers + 0x1000, 5, true), (Buffers + 0x1005, 6, true), (Buffers + 0x100B, 2000, true));
        Arrive(frame, frame);
        Assert.Equal([(0u, 111u), (1u, 111u)], _rig.TakeUsed(0));
        foreach (uint at in new[] { Buffers, Buffers + 0x1000 })
        {
            Assert.Equal([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, .. frame], _rig.Bytes(at, 111));
        }

        Assert.Equal([2], _rig.Interrupts.Raised);
    }

    [Fact]
    public void Without_buffers_frames_wait_for_them()
    {
        _rig.Start();
        byte[] first = Packets.Payload(500, 1);
        byte[] second = Packets.Payload(600, 2);
        Arrive(first, second);
        Assert.Empty(_rig.TakeUsed(0));
        Assert.False(_net.HasWork);
        _rig.Offer(0, (Buffers, 2000, true));
        _rig.Notify(0);
        _rig.Offer(0, (Buffers + 0x1000, 2000, true));
        _rig.Notify(0);
        Assert.Equal(first, _rig.Bytes(Buffers + 12, 500));
        Assert.Equal(second, _rig.Bytes(Buffers + 0x1000 + 12, 600));
    }

    [Fact]
    public void A_frame_too_large_for_its_buffer_is_lost_and_the_buffer_is_not()
    {
        _rig.Start();
        _rig.Offer(0, (Buffers, 12 + 100, true));
        Arrive(Packets.Payload(101));
        Assert.Empty(_rig.TakeUsed(0));
        Arrive(Packets.Payload(100));
        Assert.Equal([(0u, 112u)], _rig.TakeUsed(0));
    }

    [Fact]
    public void Merged_buffers_take_a_frame_together_or_not_at_all()
    {
        _rig.Start(VirtioNet.FeatureMergeBuffers);
        byte[] frame = Packets.Payload(60_000);
        for (uint i = 0; i < 40; i++)
        {
            // One less than it takes: 40 × 1500 < 60012.
            _rig.Offer(0, (Buffers + i * 0x1000, 1500, true));
        }

        Arrive(frame);
        Assert.Empty(_rig.TakeUsed(0));
        Assert.Empty(_rig.Interrupts.Raised);
        _rig.Offer(0, (Buffers + 40 * 0x1000, 1500, true));
        _rig.Notify(0);
        List<(uint Id, uint Length)> used = _rig.TakeUsed(0);
        Assert.Equal([.. Enumerable.Repeat(1500u, 40), 12u], used.Select(static element => element.Length));
        Assert.Equal(41, _rig.Word(Buffers + 10));
        byte[] whole = [.. used.SelectMany((element, i) => _rig.Bytes(Buffers + (uint)i * 0x1000, (int)element.Length))];
        Assert.Equal(frame, whole[12..]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Only_a_right_checksum_is_vouched_for(bool right)
    {
        _rig.Start(VirtioNet.FeatureGuestChecksum);
        for (uint i = 0; i < 2; i++)
        {
            byte[] frame = i == 0 ? Packets.Tcp4(Packets.Payload(77)) : Packets.Tcp6(Packets.Payload(78));
            frame[^1] ^= (byte)(right ? 0 : 1);
            _rig.Offer(0, (Buffers + i * 0x1000, 2000, true));
            Arrive(frame);
            Assert.Equal(right ? 2 : 0, _rig.Bytes(Buffers + i * 0x1000, 1)[0]);
        }
    }

    [Fact]
    public void A_checksum_is_vouched_for_wherever_in_the_ring_the_frame_lies()
    {
        _rig.Start(VirtioNet.FeatureGuestChecksum);
        for (int i = 0; i < 60; i++)
        {
            byte[] frame = Packets.Tcp4(Packets.Payload(40_001 + i));
            _rig.Offer(0, (Buffers, 65536, true));
            Arrive(frame);
            Assert.Equal(2, _rig.Bytes(Buffers, 1)[0]);
            Assert.Equal(frame, _rig.Bytes(Buffers + 12, frame.Length));
        }
    }

    [Fact]
    public void What_comes_while_there_is_no_driver_is_lost()
    {
        Arrive(Packets.Payload(100));
        _rig.Start();
        _rig.Offer(0, (Buffers, 2000, true));
        _rig.Notify(0);
        Assert.Empty(_rig.TakeUsed(0));
    }

    [Fact]
    public void A_link_that_goes_down_is_a_carrier_lost_and_nothing_worse()
    {
        _rig.Start(All);
        string? reason = null;
        _port.Down = said => reason = said;
        uint generation = _rig.Device.Read(VirtioRegister.ConfigGeneration, 1);
        _port.GoDown("unplugged");
        _port.GoDown("again");
        Assert.Equal("unplugged", reason);
        Assert.True(_net.HasWork);
        _net.RunOnGuestThread();
        Assert.Equal(0u, Config(6, 2));
        Assert.Equal(2u, _rig.Device.Read(VirtioRegister.Isr, 1));
        Assert.NotEqual(generation, _rig.Device.Read(VirtioRegister.ConfigGeneration, 1));
        Send(new byte[12], Packets.Tcp4([]));
        Assert.Single(_rig.TakeUsed(1));
        Assert.Empty(Sent());
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(70_000u)]
    [InlineData(0xFFFFFFFFu)]
    public void A_length_that_cannot_be_ends_the_link(uint length)
    {
        _rig.Start();
        byte[] prefix = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(prefix, length);
        prefix.CopyTo(_port.Received.Room);
        _port.Received.Put(4);
        _net.RunOnGuestThread();
        Assert.False(_port.IsUp);
        Assert.Equal(0xFu, (uint)_rig.Status);
    }

    [Fact]
    public void A_port_with_headers_passes_them_on_as_far_as_was_agreed()
    {
        var port = new NetPort(hasHeader: true, 1500);
        using var rig = new DeviceRig((ram, log) => new VirtioNet(ram, log, port, MacAddress.Default), queues: 2);
        ulong told = 0;
        port.Negotiated = features => told = features;
        rig.Start(VirtioNet.FeatureChecksum | VirtioNet.FeatureGuestTso);
        Assert.Equal(VirtioNet.FeatureChecksum | VirtioNet.FeatureGuestTso, told & 0xFFFFFFFF);
        byte[] frame = Packets.Payload(100);
        byte[] header = Header(flags: 1, gso: 1, size: 1460, start: 34, offset: 16);
        rig.Ram.TryWrite(Buffers, header);
        rig.Ram.TryWrite(Buffers + 12, frame);
        rig.Offer(1, (Buffers, 112, false));
        rig.Notify(1);
        header[1] = 0;
        Assert.True(port.ToSend.TryPeekLength(out uint length));
        byte[] sent = new byte[length];
        port.ToSend.Copy(4, sent);
        Assert.Equal([.. header, .. frame], sent);
    }

    [Fact]
    public void A_buffer_of_the_wrong_kind_breaks_the_card_until_it_is_reset()
    {
        _rig.Start();
        _rig.Offer(1, (Buffers, 100, true));
        _rig.Notify(1);
        Assert.NotEqual(0u, (uint)(_rig.Status & VirtioStatus.NeedsReset));
        _rig.Start();
        _rig.Offer(0, (Buffers, 100, false));
        Arrive(Packets.Payload(20));
        Assert.NotEqual(0u, (uint)(_rig.Status & VirtioStatus.NeedsReset));
        _rig.Start();
        Assert.Contains("needs a reset", _rig.Log, StringComparison.Ordinal);
    }

    private static byte[] Header(byte flags = 0, byte gso = 0, ushort size = 0, int start = 0, int offset = 0)
    {
        byte[] header = new byte[12];
        header[0] = flags;
        header[1] = gso;
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(4), size);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(6), (ushort)start);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)offset);
        return header;
    }

    private uint Config(uint offset, int size) => _rig.Device.Read(VirtioRegister.Config + offset, size);

    private void Send(byte[] header, byte[] frame)
    {
        _rig.Ram.TryWrite(Buffers, header);
        _rig.Ram.TryWrite(Buffers + 12, frame);
        _rig.Offer(1, (Buffers, 12, false), (Buffers + 12, (uint)frame.Length, false));
        _rig.Notify(1);
    }

    /// <summary>As the link's thread does.</summary>
    private void Arrive(params byte[][] frames)
    {
        foreach (byte[] frame in frames)
        {
            byte[] record = Packets.Record(frame);
            _port.Received.Store(0, record);
            _port.Received.Put(record.Length);
        }

        _port.RaiseNews();
        _net.RunOnGuestThread();
    }

    private List<byte[]> Sent()
    {
        var frames = new List<byte[]>();
        while (_port.ToSend.TryPeekLength(out uint length))
        {
            byte[] frame = new byte[length];
            _port.ToSend.Copy(4, frame);
            _port.Sent(4 + frame.Length);
            frames.Add(frame);
        }

        return frames;
    }
}
