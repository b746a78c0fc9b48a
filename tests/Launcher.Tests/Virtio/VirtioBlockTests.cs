using System.Buffers.Binary;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Storage;
using Lguest.Jit.Launcher.Tests.Support;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Tests.Virtio;

/// <summary>A disk and its driver (virtio 1.1, §5.2).</summary>
public class VirtioBlockTests
{
    private const ulong Version1 = 1UL << 32;

    [Fact]
    public void It_says_how_large_it_is_and_what_it_can_do()
    {
        using var machine = new BlockMachine(new MemoryDisk(2048));
        Assert.Equal(2048u, machine.Block.Read(VirtioRegister.Config, 4));
        Assert.Equal(0u, machine.Block.Read(VirtioRegister.Config + 4, 4));
        Assert.Equal(254u, machine.Block.Read(VirtioRegister.Config + 12, 4));
        Assert.Equal(512u, machine.Block.Read(VirtioRegister.Config + 20, 4));
        Assert.Equal(3u, machine.Block.Read(VirtioRegister.Config + 24, 1));
        Assert.Equal(128u, machine.Block.Size);
        ulong wanted = Version1 | (1 << 28) | BlockFeatures.Flush | BlockFeatures.SegMax | BlockFeatures.Discard | BlockFeatures.WriteZeroes;
        Assert.Equal(wanted, machine.Features & wanted);
        Assert.Equal(0ul, machine.Features & BlockFeatures.ReadOnly);
    }

    [Fact]
    public void A_read_only_disk_says_so_and_refuses()
    {
        var store = new MemoryDisk(64, readOnly: true);
        using BlockMachine machine = new BlockMachine(store).Start();
        Assert.Equal(BlockFeatures.ReadOnly, machine.Features & (BlockFeatures.ReadOnly | BlockFeatures.Discard | BlockFeatures.WriteZeroes));
        machine.Ram.Window(BlockMachine.Data, 512).Fill(7);
        Assert.Equal((byte)BlockStatus.IoError, machine.Do(BlockRequestType.Out, 0).Status);
        Assert.Equal((byte)BlockStatus.Unsupported, machine.Do(BlockRequestType.Discard, 0, length: 16).Status);
        Assert.All(store.Bytes, static b => Assert.Equal(0, b));
        Assert.Equal((byte)BlockStatus.Ok, machine.Do(BlockRequestType.In, 0).Status);
        Assert.Equal((byte)BlockStatus.Ok, machine.Do(BlockRequestType.Flush, 0, length: 0).Status);
    }

    [Fact]
    public void What_is_written_is_read_again()
    {
        var store = new MemoryDisk(64);
        using BlockMachine machine = new BlockMachine(store).Start();
        new Random(1).NextBytes(machine.Ram.Window(BlockMachine.Data, 4096));
        Assert.Equal(((byte)0, 1u), machine.Do(BlockRequestType.Out, 3, length: 4096));
        Assert.True(machine.Ram.View(BlockMachine.Data, 4096).SequenceEqual(store.Bytes.AsSpan(3 * 512, 4096)));
        Assert.Equal(((byte)0, 1025u), machine.Do(BlockRequestType.In, 5, BlockMachine.Data + 0x10000, 1024));
        Assert.True(machine.Ram.View(BlockMachine.Data + 0x10000, 1024).SequenceEqual(store.Bytes.AsSpan(5 * 512, 1024)));
        Assert.Equal([2, 2], machine.Interrupts.Raised);
    }

    [Theory]
    [InlineData(64, 512)]
    [InlineData(63, 1024)]
    [InlineData(0, 511)]
    [InlineData(0, 0)]
    [InlineData(0x7FFFFFFFFFFFFF, 512)]
    [InlineData(long.MaxValue, 512)]
    [InlineData(-1, 1024)]
    public void Requests_past_the_end_or_of_part_of_a_sector_are_errors(long sector, uint length)
    {
        using BlockMachine machine = new BlockMachine(new MemoryDisk(64)).Start();
        Assert.Equal((byte)BlockStatus.IoError, machine.Do(BlockRequestType.In, (ulong)sector, length: length).Status);
        Assert.Equal((byte)BlockStatus.IoError, machine.Do(BlockRequestType.Out, (ulong)sector, length: length).Status);
        Assert.Equal((byte)BlockStatus.Ok, machine.Do(BlockRequestType.In, 63).Status);
        Assert.Equal("", machine.Errors);
    }

    [Fact]
    public void A_store_of_larger_blocks_takes_whole_ones_only()
    {
        using BlockMachine machine = new BlockMachine(new MemoryDisk(64, blockSize: 4096)).Start();
        Assert.Equal(4096u, machine.Block.Read(VirtioRegister.Config + 20, 4));
        Assert.Equal(0u, machine.Block.Read(VirtioRegister.Config + 24, 1));
        Assert.Equal((byte)BlockStatus.IoError, machine.Do(BlockRequestType.In, 8).Status);
        Assert.Equal((byte)BlockStatus.IoError, machine.Do(BlockRequestType.In, 4, length: 4096).Status);
        Assert.Equal((byte)BlockStatus.Ok, machine.Do(BlockRequestType.In, 8, length: 4096).Status);
    }

    [Fact]
    public void Its_name_has_twenty_bytes_and_is_not_disk_data()
    {
        var store = new MemoryDisk(64);
        store.Bytes.AsSpan().Fill(0x55);
        using BlockMachine machine = new BlockMachine(store).Start();
        Assert.Equal(((byte)0, 21u), machine.Do(BlockRequestType.GetId, 0, length: 20));
        Assert.Equal("lguest-disk-0\0\0\0\0\0\0\0"u8, machine.Ram.View(BlockMachine.Data, 20));
        machine.Ram.Window(BlockMachine.Data, 32).Fill(9);
        Assert.Equal(((byte)0, 7u), machine.Do(BlockRequestType.GetId, 0, length: 6));
        Assert.Equal("lguest\t"u8, machine.Ram.View(BlockMachine.Data, 7));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(9)]
    [InlineData(unchecked((int)0x80000000))]
    public void What_it_does_not_know_it_does_not_support(int type)
    {
        using BlockMachine machine = new BlockMachine(new MemoryDisk(64)).Start();
        Assert.Equal(((byte)BlockStatus.Unsupported, 1u), machine.Do((BlockRequestType)type, 0));
    }

    [Fact]
    public void An_error_of_the_Hosts_is_one_of_the_Guests_and_is_told_a_few_times()
    {
        var store = new MemoryDisk(64) { Error = HostError.NoSpace };
        using BlockMachine machine = new BlockMachine(store).Start();
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(((byte)BlockStatus.IoError, 1u), machine.Do(i % 2 == 0 ? BlockRequestType.Out : BlockRequestType.In, 9));
        }

        Assert.Equal((byte)BlockStatus.IoError, machine.Do(BlockRequestType.Flush, 0, length: 0).Status);
        Assert.Contains("disk vda: out at sector 9: no space left on device", machine.Errors, StringComparison.Ordinal);
        Assert.Equal(5, machine.Errors.Count(static c => c == '\n'));
        store.Error = HostError.None;
        Assert.Equal((byte)BlockStatus.Ok, machine.Do(BlockRequestType.In, 9).Status);
    }

    [Fact]
    public void A_driver_without_flush_writes_through_until_it_is_seen_to_flush()
    {
        var store = new MemoryDisk(64);
        using BlockMachine machine = new BlockMachine(store).Start(Version1);
        _ = machine.Do(BlockRequestType.Out, 0);
        Assert.Equal(1, store.Throughs);
        _ = machine.Do(BlockRequestType.Flush, 0, length: 0);
        _ = machine.Do(BlockRequestType.Out, 0);
        Assert.Equal((1, 1), (store.Throughs, store.Flushes));

        // The next driver is another one.
        machine.Start(Version1);
        _ = machine.Do(BlockRequestType.Out, 0);
        Assert.Equal(2, store.Throughs);
        machine.Start();
        _ = machine.Do(BlockRequestType.Out, 0);
        Assert.Equal(2, store.Throughs);
    }

    [Fact]
    public void Header_data_and_status_may_be_cut_anywhere()
    {
        var store = new MemoryDisk(64);
        new Random(2).NextBytes(store.Bytes);
        using BlockMachine machine = new BlockMachine(store).Start();

        // A header in three parts, an empty one among them; data and status in one piece and a bit.
        uint header = machine.Header(0, BlockRequestType.In, 7);
        machine.Descriptor(0, header, 5, BlockMachine.Next, 1);
        machine.Descriptor(1, header, 0, BlockMachine.Next, 2);
        machine.Descriptor(2, header + 5, 11, BlockMachine.Next, 3);
        machine.Descriptor(3, BlockMachine.Data, 100, BlockMachine.Next | BlockMachine.Writable, 4);
        machine.Descriptor(4, BlockMachine.Data + 1000, 413, BlockMachine.Next | BlockMachine.Writable, 5);
        machine.Descriptor(5, BlockMachine.Data, 0, BlockMachine.Writable);
        machine.Ram.Window(BlockMachine.Data + 1412, 1)[0] = 0xEE;
        machine.Offer(0);
        machine.Notify();
        machine.WaitForUsed(1);
        Assert.Equal(0, machine.Ram.View(BlockMachine.Data + 1412, 1)[0]);
        Assert.True(store.Bytes.AsSpan(7 * 512, 100).SequenceEqual(machine.Ram.View(BlockMachine.Data, 100)));
        Assert.True(store.Bytes.AsSpan(7 * 512 + 100, 412).SequenceEqual(machine.Ram.View(BlockMachine.Data + 1000, 412)));

        // A write with its header and data in one piece.
        header = machine.Header(0, BlockRequestType.Out, 9);
        machine.Descriptor(0, header, 16 + 512, BlockMachine.Next, 1);
        machine.Descriptor(1, header + 2000, 1, BlockMachine.Writable);
        machine.Ram.Window(header + 16, 512).Fill(0x42);
        machine.Offer(0);
        machine.Notify();
        machine.WaitForUsed(2);
        Assert.All(store.Bytes[(9 * 512)..(10 * 512)], static b => Assert.Equal(0x42, b));
    }

    [Fact]
    public void A_table_of_its_own_serves_as_well()
    {
        var store = new MemoryDisk(64);
        new Random(3).NextBytes(store.Bytes);
        using BlockMachine machine = new BlockMachine(store).Start();
        const uint Table = 0x40000;
        uint header = machine.Header(0, BlockRequestType.In, 1);
        machine.Descriptor(0, header, 16, BlockMachine.Next, 2, Table);
        machine.Descriptor(2, BlockMachine.Data, 1024, BlockMachine.Next | BlockMachine.Writable, 1, Table);
        machine.Descriptor(1, header + 16, 1, BlockMachine.Writable, 0, Table);
        machine.Descriptor(5, Table, 48, BlockMachine.Indirect);
        machine.Offer(5);
        machine.Notify();
        machine.WaitForUsed(1);
        Assert.Equal(0, machine.StatusOf(0));
        Assert.True(store.Bytes.AsSpan(512, 1024).SequenceEqual(machine.Ram.View(BlockMachine.Data, 1024)));
        Assert.Equal(5u, BinaryPrimitives.ReadUInt32LittleEndian(machine.Ram.View(BlockMachine.Used + 4, 4)));
    }

    [Theory]
    [InlineData(0x40000, 47, BlockMachine.Indirect, "an indirect table of 47 bytes")]
    [InlineData(0x40000, 0, BlockMachine.Indirect, "an indirect table of 0 bytes")]
    [InlineData(0x40000, 16, BlockMachine.Indirect | BlockMachine.Next, "an indirect descriptor that is not the last")]
    [InlineData(0x40000, 16, BlockMachine.Indirect, "an indirect descriptor in an indirect table")]
    [InlineData(BlockMachine.RamSize - 16, 32, BlockMachine.Indirect, "a buffer of 32 bytes")]
    [InlineData(0x50000, 16, BlockMachine.Indirect, "a chain that loops")]
    [InlineData(0x60000, 16, BlockMachine.Indirect, "descriptor 9 in a table of 1")]
    [InlineData(0x70000, 16, BlockMachine.Indirect, "without a header")]
    public void A_bad_table_of_its_own_breaks_the_device(uint address, uint length, ushort flags, string defect)
    {
        using BlockMachine machine = new BlockMachine(new MemoryDisk(64)).Start();
        machine.Descriptor(0, 0x40000, 16, BlockMachine.Indirect, 0, 0x40000);
        machine.Descriptor(0, BlockMachine.Data, 16, BlockMachine.Next, 0, 0x50000);
        machine.Descriptor(0, BlockMachine.Data, 16, BlockMachine.Next, 9, 0x60000);
        machine.Descriptor(0, BlockMachine.Data, 15, 0, 0, 0x70000);
        machine.Descriptor(0, address, length, flags);
        machine.Offer(0);
        machine.Notify();
        Assert.Contains(defect, machine.Log, StringComparison.Ordinal);
        Assert.True((machine.Status & VirtioStatus.NeedsReset) != 0);

        // And after a reset all is well.
        machine.Start();
        Assert.Equal((byte)BlockStatus.Ok, machine.Do(BlockRequestType.In, 0).Status);
    }

    [Fact]
    public void A_table_that_was_not_negotiated_breaks_the_device()
    {
        using BlockMachine machine = new BlockMachine(new MemoryDisk(64)).Start(Version1);
        machine.Descriptor(0, 0x40000, 48, BlockMachine.Indirect);
        machine.Offer(0);
        machine.Notify();
        Assert.Contains("an indirect descriptor that was not negotiated", machine.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void Discard_and_zeroes_follow_their_rules()
    {
        var store = new MemoryDisk(1024);
        store.Bytes.AsSpan().Fill(0x11);
        using BlockMachine machine = new BlockMachine(store).Start();

        byte Ask(BlockRequestType type, params (ulong Sector, uint Sectors, uint Flags)[] segments)
        {
            Span<byte> raw = machine.Ram.Window(BlockMachine.Data, 16 * (uint)segments.Length);
            for (int i = 0; i < segments.Length; i++)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(raw[(16 * i)..], segments[i].Sector);
                BinaryPrimitives.WriteUInt32LittleEndian(raw[(16 * i + 8)..], segments[i].Sectors);
                BinaryPrimitives.WriteUInt32LittleEndian(raw[(16 * i + 12)..], segments[i].Flags);
            }

            return machine.Do(type, 0, length: (uint)raw.Length).Status;
        }

        Assert.Equal((byte)BlockStatus.Ok, Ask(BlockRequestType.Discard, (8, 8, 0), (24, 8, 0)));
        Assert.Equal((byte)BlockStatus.Ok, Ask(BlockRequestType.WriteZeroes, (100, 3, 1)));
        Assert.Equal((byte)BlockStatus.Ok, Ask(BlockRequestType.WriteZeroes, (1023, 1, 0)));
        Assert.Equal((8 + 8 + 3 + 1) * 512, store.Bytes.Count(static b => b == 0));
        Assert.Equal((byte)BlockStatus.Unsupported, Ask(BlockRequestType.Discard, (200, 8, 1)));
        Assert.Equal((byte)BlockStatus.Unsupported, Ask(BlockRequestType.WriteZeroes, (200, 8, 2)));
        Assert.Equal((byte)BlockStatus.IoError, Ask(BlockRequestType.Discard, (0, 8, 0), (1020, 8, 0)));
        Assert.Equal((byte)BlockStatus.IoError, Ask(BlockRequestType.Discard, (ulong.MaxValue, 8, 0)));
        Assert.Equal((byte)BlockStatus.IoError, Ask(BlockRequestType.WriteZeroes, (0, 0, 0)));
        Assert.Equal((byte)BlockStatus.IoError, Ask(BlockRequestType.WriteZeroes, (0, 1, 0), (1, 1, 0)));
        Assert.Equal((byte)BlockStatus.IoError, machine.Do(BlockRequestType.Discard, 0, length: 17).Status);
        Assert.Equal((byte)BlockStatus.IoError, machine.Do(BlockRequestType.Discard, 0, length: 0).Status);
        Assert.Equal((8 + 8 + 3 + 1) * 512, store.Bytes.Count(static b => b == 0));
    }

    [Fact]
    public void Several_requests_are_under_way_at_once_and_come_back_with_one_interrupt() =>
        Assert.True(Patience.OneOf(20, static () => InterruptsForTen() <= 3));

    /// <summary>One for all that are finished when the Guest thread comes by. A Host that is slow to finish the last of them makes them more.</summary>
    private static int InterruptsForTen()
    {
        using var gate = new ManualResetEventSlim();
        var store = new MemoryDisk(64) { Gate = gate };
        using BlockMachine machine = new BlockMachine(store).Start();
        for (int i = 0; i < 10; i++)
        {
            machine.Offer(3 * i, BlockRequestType.In, (ulong)i, BlockMachine.Data + 512u * (uint)i, 512);
        }

        machine.Notify();
        Assert.Equal(0, machine.UsedIndex);
        gate.Set();

        // Only when all have come by, and a little later, does the Guest thread look.
        Assert.True(Patience.Until(() => store.Reads == 10));
        Thread.Sleep(50);
        Assert.True(Patience.Until(() => machine.Block.HasWork));
        machine.Block.RunOnGuestThread();
        Assert.InRange(machine.UsedIndex, 1, 10);
        machine.WaitForUsed(10);
        Assert.All(Enumerable.Range(0, 10), i => Assert.Equal(0, machine.StatusOf(3 * i)));
        Assert.InRange(machine.Interrupts.Raised.Count, 1, 10);
        return machine.Interrupts.Raised.Count;
    }

    [Fact]
    public void A_reset_waits_for_what_is_under_way_and_says_nothing_of_it()
    {
        using var gate = new ManualResetEventSlim();
        var store = new MemoryDisk(64) { Gate = gate };
        using BlockMachine machine = new BlockMachine(store).Start();
        machine.Offer(0, BlockRequestType.In, 0, BlockMachine.Data, 512);
        machine.Notify();
        using var opener = new Timer(_ => gate.Set(), null, 100, Timeout.Infinite);
        machine.Block.Write(VirtioRegister.DeviceStatus, 1, 0);
        Assert.True(gate.IsSet);
        machine.Ram.Window(BlockMachine.Data, 512).Fill(0x77);
        Thread.Sleep(20);
        Assert.All(machine.Ram.View(BlockMachine.Data, 512).ToArray(), static b => Assert.Equal(0x77, b));
        machine.Block.RunOnGuestThread();
        Assert.Equal(0, machine.UsedIndex);
        machine.Start();
        Assert.Equal((byte)BlockStatus.Ok, machine.Do(BlockRequestType.In, 0).Status);
    }

    [Fact]
    public void More_requests_than_the_ring_has_room_for_break_the_device()
    {
        using var gate = new ManualResetEventSlim();
        using BlockMachine machine = new BlockMachine(new MemoryDisk(64) { Gate = gate }, queueSize: 4).Start();
        for (int i = 0; i < 5; i++)
        {
            machine.Offer(0, BlockRequestType.In, 0, BlockMachine.Data, 512);
            machine.Notify();
        }

        Assert.Contains("more than 4 requests under way", machine.Log, StringComparison.Ordinal);
        gate.Set();
        machine.Start();
        Assert.Equal((byte)BlockStatus.Ok, machine.Do(BlockRequestType.In, 0).Status);
    }

    [Fact]
    public void Code_that_a_read_overwrites_is_announced_before_the_driver_hears()
    {
        var store = new MemoryDisk(64);
        using BlockMachine machine = new BlockMachine(store).Start();
        var observer = new Observer(machine);
        machine.Ram.WriteObserver = observer;
        _ = machine.Do(BlockRequestType.In, 0, BlockMachine.Data + 0x800, 4096);
        Assert.Contains((BlockMachine.Data + 0x800, 4096u, (ushort)0), observer.Seen);
    }

    [Fact]
    public void Data_goes_nowhere_but_where_it_was_sent()
    {
        var store = new MemoryDisk(64);
        store.Bytes.AsSpan().Fill(0xAB);
        using BlockMachine machine = new BlockMachine(store).Start();
        _ = machine.Do(BlockRequestType.In, 0, BlockMachine.RamSize - 512, 512);
        _ = machine.Do(BlockRequestType.In, 0, BlockMachine.Data + 1, 512);
        Assert.Equal(0, machine.Ram.View(BlockMachine.Data, 1)[0]);
        Assert.Equal(0, machine.Ram.View(BlockMachine.Data + 513, 1)[0]);
        Assert.Equal(1024, machine.Ram.View(0x80000, BlockMachine.RamSize - 0x80000).Count((byte)0xAB));
    }

    private sealed class Observer(BlockMachine machine) : ICodeWriteObserver
    {
        public List<(uint Physical, uint Length, ushort UsedThen)> Seen { get; } = [];

        public void NotifyWrite(uint physical, uint length) => Seen.Add((physical, length, machine.UsedIndex));
    }
}
