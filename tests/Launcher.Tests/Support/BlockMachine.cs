using System.Buffers.Binary;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Storage;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Tests.Support;

/// <summary>RAM, a disk in Host time, and the driver's side of its queue. Whoever waits here is the Guest thread.</summary>
internal sealed class BlockMachine : IDisposable
{
    public const uint RamSize = 8 << 20;
    public const ushort Next = 1;
    public const ushort Writable = 2;
    public const ushort Indirect = 4;

    public const uint Descriptors = 0x10000;
    public const uint Available = 0x12000;
    public const uint Used = 0x14000;

    /// <summary>Header of the request in descriptor n at +32 n, its status at +16.</summary>
    public const uint Headers = 0x20000;

    /// <summary>Free for data.</summary>
    public const uint Data = 0x100000;

    private readonly StringWriter _log = new();
    private readonly StringWriter _errors = new();
    private readonly AutoResetEvent _knocked = new(false);
    private ushort _available;

    public BlockMachine(DiskStore store, ushort queueSize = 128)
    {
        QueueSize = queueSize;
        Ram = new GuestRam(RamSize);
        Disk = new Disk(0, store, TextWriter.Synchronized(_errors));
        Block = new VirtioBlock(Disk, Ram, new DeviceLog(_log)) { Interrupts = Interrupts, Irq = 2, Knock = () => _knocked.Set() };
    }

    public GuestRam Ram { get; }

    public Disk Disk { get; }

    public VirtioBlock Block { get; }

    public RecordingInterrupts Interrupts { get; } = new();

    public ushort QueueSize { get; }

    /// <summary>Complaints about the driver.</summary>
    public string Log => _log.ToString();

    /// <summary>Complaints about the Host.</summary>
    public string Errors => _errors.ToString();

    public VirtioStatus Status => (VirtioStatus)Block.Read(VirtioRegister.DeviceStatus, 1);

    public ushort UsedIndex => BinaryPrimitives.ReadUInt16LittleEndian(Ram.View(Used + 2, 2));

    public ulong Features
    {
        get
        {
            Block.Write(VirtioRegister.DeviceFeatureSelect, 4, 0);
            ulong low = Block.Read(VirtioRegister.DeviceFeature, 4);
            Block.Write(VirtioRegister.DeviceFeatureSelect, 4, 1);
            return low | ((ulong)Block.Read(VirtioRegister.DeviceFeature, 4) << 32);
        }
    }

    /// <summary>From reset to DRIVER_OK.</summary>
    /// <param name="features">Accepted, of those that are offered.</param>
    public BlockMachine Start(ulong features = ulong.MaxValue)
    {
        Block.Write(VirtioRegister.DeviceStatus, 1, 0);
        Block.Write(VirtioRegister.DeviceStatus, 1, 1);
        Block.Write(VirtioRegister.DeviceStatus, 1, 3);
        features &= Features;
        for (uint half = 0; half < 2; half++)
        {
            Block.Write(VirtioRegister.DriverFeatureSelect, 4, half);
            Block.Write(VirtioRegister.DriverFeature, 4, (uint)(features >> (int)(32 * half)));
        }

        Block.Write(VirtioRegister.DeviceStatus, 1, 0xB);
        Assert.True(Ram.TryWrite(Available, new byte[0x4000]));
        _available = 0;
        Block.Write(VirtioRegister.QueueSelect, 2, 0);
        Block.Write(VirtioRegister.QueueSize, 2, QueueSize);
        Block.Write(VirtioRegister.QueueDescriptors, 4, Descriptors);
        Block.Write(VirtioRegister.QueueAvailable, 4, Available);
        Block.Write(VirtioRegister.QueueUsed, 4, Used);
        Block.Write(VirtioRegister.QueueEnable, 2, 1);
        Block.Write(VirtioRegister.DeviceStatus, 1, 0xF);
        return this;
    }

    public void Descriptor(int number, ulong address, uint length, ushort flags, int next = 0, uint table = Descriptors)
    {
        Span<byte> raw = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(raw, address);
        BinaryPrimitives.WriteUInt32LittleEndian(raw[8..], length);
        BinaryPrimitives.WriteUInt16LittleEndian(raw[12..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(raw[14..], (ushort)next);
        Assert.True(Ram.TryWrite(table + 16u * (uint)number, raw));
    }

    /// <summary>Header and status of the request that begins at a descriptor.</summary>
    public uint Header(int number, BlockRequestType type, ulong sector)
    {
        uint at = Headers + 32u * (uint)number;
        Span<byte> raw = stackalloc byte[17];
        BinaryPrimitives.WriteUInt32LittleEndian(raw, (uint)type);
        BinaryPrimitives.WriteUInt64LittleEndian(raw[8..], sector);
        raw[16] = 0xEE;
        Assert.True(Ram.TryWrite(at, raw));
        return at;
    }

    public byte StatusOf(int number) => Ram.View(Headers + 32u * (uint)number + 16, 1)[0];

    /// <summary>Offers a request of three descriptors from <paramref name="number"/> on, without a word.</summary>
    public void Offer(int number, BlockRequestType type, ulong sector, uint address, uint length)
    {
        uint header = Header(number, type, sector);
        ushort data = type is BlockRequestType.In or BlockRequestType.GetId ? (ushort)(Next | Writable) : Next;
        Descriptor(number, header, 16, Next, length == 0 ? number + 2 : number + 1);
        Descriptor(number + 1, address, length, data, number + 2);
        Descriptor(number + 2, header + 16, 1, Writable);
        Offer(number);
    }

    public void Offer(int head)
    {
        Span<byte> raw = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(raw, (ushort)head);
        Assert.True(Ram.TryWrite(Available + 4 + 2u * (uint)(_available % QueueSize), raw));
        BinaryPrimitives.WriteUInt16LittleEndian(raw, ++_available);
        Assert.True(Ram.TryWrite(Available + 2, raw));
    }

    public void Notify() => Block.Write(VirtioRegister.Notify, 2, 0);

    /// <summary>The Guest thread comes by until the used index says so.</summary>
    public void WaitForUsed(int index)
    {
        long until = Environment.TickCount64 + (long)Patience.Limit.TotalMilliseconds;
        while (UsedIndex != (ushort)index)
        {
            Assert.True(Environment.TickCount64 < until, "the disk does not answer");
            _knocked.WaitOne(100);
            if (Block.HasWork)
            {
                Block.RunOnGuestThread();
            }
        }
    }

    /// <summary>One request from beginning to end.</summary>
    /// <returns>Its status, and the length in the used ring.</returns>
    public (byte Status, uint Length) Do(BlockRequestType type, ulong sector, uint address = Data, uint length = 512)
    {
        ushort before = UsedIndex;
        Offer(0, type, sector, address, length);
        Notify();
        WaitForUsed(before + 1);
        return (StatusOf(0), BinaryPrimitives.ReadUInt32LittleEndian(Ram.View(Used + 8 + 8u * (uint)(before % QueueSize), 4)));
    }

    public void Dispose()
    {
        Block.Dispose();
        Ram.Dispose();
        _knocked.Dispose();
    }
}
