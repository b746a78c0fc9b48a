using System.Buffers.Binary;
using Lguest.Jit.Launcher.Net;
using Lguest.Jit.Launcher.Tests.Net;
using Lguest.Jit.Launcher.Tests.Support;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Tests.Virtio;

/// <summary>Drivers of the network card and the entropy device that mean harm; and peers, too. The device may stop, the Host may not notice.</summary>
public class MalformedNetQueueTests
{
    private const int QueueSize = 8;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Random_rings_headers_and_frames_never_throw_and_never_hang(bool hasHeader)
    {
        var port = new NetPort(hasHeader, 9000);
        using var rig = new DeviceRig((ram, log) => new VirtioNet(ram, log, port, MacAddress.Default), queues: 2) { QueueSize = QueueSize };
        var net = (VirtioNet)rig.Device;
        var random = new Random(0x1041);
        int rounds = FuzzRounds.Count;
        (int broken, int served, long sent) = (0, 0, 0);
        rig.Start(rig.Offered & 0xFFFFFFFF);
        for (int i = 0; i < rounds; i++)
        {
            if ((rig.Status & VirtioStatus.NeedsReset) != 0)
            {
                broken++;
                rig.Start(rig.Offered & 0xFFFFFFFF & (ulong)random.NextInt64());
            }

            int queue = random.Next(2);
            ushort before = rig.UsedIndex(queue);
            Scribble(rig, random, queue, writable: queue == 0, longest: 20_000);
            Arrive(port, random, hasHeader);
            rig.Notify(queue);
            net.RunOnGuestThread();
            served += (ushort)(rig.UsedIndex(queue) - before);
            sent += port.ToSend.Count;
            port.Sent(port.ToSend.Count);
        }

        Assert.InRange(broken, 1000, rounds);
        Assert.InRange(served, 1000, int.MaxValue);
        Assert.InRange(sent, 100_000, long.MaxValue);
        Assert.True(port.IsUp);
    }

    [Fact]
    public void Random_requests_for_random_numbers()
    {
        using var rig = new DeviceRig((ram, log) => new VirtioRng(ram, log, new SeededEntropy(1)), queues: 1) { QueueSize = QueueSize };
        var random = new Random(0x1044);
        int rounds = FuzzRounds.Count;
        (int broken, int served) = (0, 0);
        rig.Start();
        for (int i = 0; i < rounds; i++)
        {
            if ((rig.Status & VirtioStatus.NeedsReset) != 0)
            {
                broken++;
                rig.Start();
            }

            ushort before = rig.UsedIndex(0);
            Scribble(rig, random, 0, writable: true, longest: 500);
            rig.Notify(0);
            served += (ushort)(rig.UsedIndex(0) - before);
        }

        Assert.InRange(broken, 1000, rounds);
        Assert.InRange(served, 1000, int.MaxValue);
    }

    private static void Scribble(DeviceRig rig, Random random, int queue, bool writable, int longest)
    {
        for (int i = 0; i < QueueSize; i++)
        {
            ulong address = random.Next(24) == 0 ? (ulong)random.NextInt64() : (ulong)random.Next(0x20000, (int)DeviceRig.RamSize);
            uint length = random.Next(24) == 0 ? (uint)random.NextInt64() : (uint)random.Next(random.Next(3) == 0 ? longest : 80);
            int flags = random.Next(64) == 0 ? random.Next(0x10000) : random.Next(3) == 0 ? 1 : 0;
            flags |= writable && random.Next(40) != 0 ? 2 : 0;
            rig.Descriptor(queue, i, address, length, (ushort)flags, (ushort)(random.Next(24) == 0 ? random.Next(0x10000) : random.Next(QueueSize)));

            // Headers that ask for something, here and there.
            if (!writable && address + 12 < DeviceRig.RamSize && length >= 12)
            {
                Span<byte> header = rig.Ram.Window((uint)address, 12);
                random.NextBytes(header);
                header[0] = (byte)random.Next(3);
                header[1] = (byte)random.Next(6);
                BinaryPrimitives.WriteUInt16LittleEndian(header[4..], (ushort)random.Next(random.Next(2) == 0 ? 4 : 3000));
                BinaryPrimitives.WriteUInt16LittleEndian(header[6..], (ushort)(random.Next(4) == 0 ? random.Next(0x10000) : 34));
                BinaryPrimitives.WriteUInt16LittleEndian(header[8..], (ushort)(random.Next(8) == 0 ? random.Next(0x10000) : 16));
            }

            rig.Put16(DeviceRig.Available(queue) + 4 + 2u * (uint)i, (ushort)(random.Next(40) == 0 ? random.Next(0x10000) : random.Next(QueueSize)));
        }

        uint index = DeviceRig.Available(queue) + 2;
        rig.Put16(index, (ushort)(rig.Word(index) + (random.Next(40) == 0 ? random.Next(0x10000) : random.Next(1, 4))));
    }

    /// <summary>A frame with a length that can be, and anything in it.</summary>
    private static void Arrive(NetPort port, Random random, bool hasHeader)
    {
        if (port.Received.Free > 100_000)
        {
            byte[] frame = Packets.Payload(random.Next(hasHeader ? 13 : 1, random.Next(10) == 0 ? 65_000 : 200), random.Next());
            if (frame.Length > 60)
            {
                byte[] like = Packets.Tcp4(new byte[frame.Length - 54]);
                like.AsSpan(0, random.Next(48)).CopyTo(frame.AsSpan(hasHeader ? 12 : 0));
            }

            byte[] record = Packets.Record(frame);
            port.Received.Store(0, record);
            port.Received.Put(record.Length);
        }
    }
}
