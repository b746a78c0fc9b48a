using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Lguest.Jit.Launcher.Tests.Support;
using Lguest.Jit.Launcher.Virtio;
using Xunit.Abstractions;

namespace Lguest.Jit.Launcher.Tests.Virtio;

/// <summary>
/// A disk's driver that means harm: loops, lengths past RAM, tables of their own that lead to themselves, indexes
/// out of all proportion, each field random. The device stops or answers with an error, the Host lives, and no memory but Guest RAM
/// is touched.
/// </summary>
public sealed class MalformedBlockQueueTests(ITestOutputHelper output)
{
    private const int QueueSize = 8;
    private const uint Tables = 0x30000;

    [Fact]
    public void Random_rings_break_nothing_but_their_device()
    {
        var store = new MemoryDisk(64);
        using BlockMachine machine = new BlockMachine(store, QueueSize).Start();
        var random = new Random(0x1042);
        int rounds = FuzzRounds.Count;
        int broken = 0;
        int served = 0;
        int indirect = 0;
        TimeSpan longest = default;
        for (int i = 0; i < rounds; i++)
        {
            if ((machine.Status & VirtioStatus.NeedsReset) != 0)
            {
                broken++;
                machine.Start();
            }

            indirect += Scribble(machine, random);
            ushort before = machine.UsedIndex;
            long started = Stopwatch.GetTimestamp();
            machine.Notify();
            TimeSpan taken = Stopwatch.GetElapsedTime(started);
            longest = taken > longest ? taken : longest;
            if ((i & 31) == 0)
            {
                Settle(machine);
            }
            else if (machine.Block.HasWork)
            {
                machine.Block.RunOnGuestThread();
            }

            served += (ushort)(machine.UsedIndex - before);
        }

        Settle(machine);
        output.WriteLine($"{rounds} rounds, {broken} broken, {served} requests answered, {indirect} tables; longest notify {longest.TotalMilliseconds:F3} ms");
        Assert.InRange(broken, rounds / 100, rounds);
        Assert.InRange(served, rounds / 100, int.MaxValue);
        Assert.InRange(indirect, rounds / 100, int.MaxValue);
    }

    /// <summary>Waits until the device has nothing under way: it must always come to that.</summary>
    private static void Settle(BlockMachine machine)
    {
        if ((machine.Status & VirtioStatus.NeedsReset) == 0)
        {
            for (int i = 0; i < 3; i++)
            {
                if (machine.Block.HasWork)
                {
                    machine.Block.RunOnGuestThread();
                }

                Thread.Yield();
            }
        }
        else
        {
            machine.Start();
        }
    }

    private static int Scribble(BlockMachine machine, Random random)
    {
        int tables = 0;
        Span<uint> entries = MemoryMarshal.Cast<byte, uint>(machine.Ram.Window(BlockMachine.Descriptors, QueueSize * 16));
        for (int i = 0; i < QueueSize; i++)
        {
            tables += Entry(entries.Slice(4 * i, 4), random, i, QueueSize);
        }

        Span<uint> table = MemoryMarshal.Cast<byte, uint>(machine.Ram.Window(Tables, 8 * 16));
        int some = random.Next(8);
        Entry(table.Slice(4 * some, 4), random, some, 8);

        // Headers that mean something, so that the other side is reached as well.
        Span<byte> header = machine.Ram.Window(BlockMachine.Headers + 32u * (uint)random.Next(8), 16);
        BinaryPrimitives.WriteUInt32LittleEndian(header, random.Next(10) == 0 ? (uint)random.NextInt64() : (uint)random.Next(14));
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], random.Next(10) == 0 ? (ulong)random.NextInt64() : (ulong)random.Next(66));
        ushort index = BinaryPrimitives.ReadUInt16LittleEndian(machine.Ram.View(BlockMachine.Available + 2, 2));
        ushort next = (ushort)(index + (random.Next(32) == 0 ? random.Next(0x10000) : random.Next(1, 3)));
        BinaryPrimitives.WriteUInt16LittleEndian(machine.Ram.Window(BlockMachine.Available + 2, 2), next);
        Span<ushort> ring = MemoryMarshal.Cast<byte, ushort>(machine.Ram.Window(BlockMachine.Available + 4, 2 * QueueSize));
        for (int i = 0; i < QueueSize; i++)
        {
            ring[i] = (ushort)(random.Next(64) == 0 ? random.Next(0x10000) : random.Next(QueueSize));
        }

        return tables;
    }

    /// <summary>Mostly a chain as it should be, 16 bytes to read, some to write; with a mistake here and there.</summary>
    private static int Entry(Span<uint> entry, Random random, int number, int entries)
    {
        bool first = number % 2 == 0;
        entry[0] = random.Next(20) switch
        {
            0 => (uint)random.NextInt64(),
            1 => BlockMachine.RamSize - (uint)random.Next(64),
            _ => first ? BlockMachine.Headers + 32u * (uint)random.Next(8) : BlockMachine.Data + (uint)random.Next(0x10000),
        };
        entry[1] = random.Next(64) == 0 ? (uint)random.NextInt64() : 0;
        entry[2] = random.Next(20) == 0 ? (uint)random.NextInt64() : first ? 16u : 512u * (uint)random.Next(3) + 1;
        uint flags = first ? BlockMachine.Next : (uint)BlockMachine.Writable;
        flags ^= random.Next(16) == 0 ? 1u << random.Next(4) : 0;
        int table = 0;
        if (random.Next(8) == 0)
        {
            table = 1;
            flags = BlockMachine.Indirect | (random.Next(10) == 0 ? BlockMachine.Next : 0u);
            entry[0] = Tables + 16u * (uint)random.Next(4);
            entry[2] = random.Next(20) == 0 ? (uint)random.Next(100) : 16u * (uint)random.Next(1, 9);
        }

        int next = random.Next(16) == 0 ? random.Next(0x10000) : (number + 1) % entries;
        entry[3] = (random.Next(64) == 0 ? (uint)random.Next(0x10000) : flags) | ((uint)next << 16);
        return table;
    }
}
