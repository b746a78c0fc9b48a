using System.Buffers.Binary;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Tests.Support;

/// <summary>Any virtio device with RAM around it, and a driver that brings it up and lays out its rings.</summary>
internal sealed class DeviceRig : IDisposable
{
    public const uint RamSize = 8 << 20;

    private const uint RingBase = 0x10000;
    private const uint RingBytes = 0x4000;

    private readonly StringWriter _log = new();
    private readonly int _queues;
    private readonly ushort[] _available;
    private readonly ushort[] _free;
    private readonly ushort[] _seen;

    /// <param name="create">Makes the device.</param>
    /// <param name="queues">How many it has.</param>
    public DeviceRig(Func<GuestRam, DeviceLog, VirtioDevice> create, int queues)
    {
        Ram = new GuestRam(RamSize);
        Device = create(Ram, new DeviceLog(_log));
        Device.Interrupts = Interrupts;
        Device.Irq = 2;
        _queues = queues;
        _available = new ushort[queues];
        _free = new ushort[queues];
        _seen = new ushort[queues];
    }

    public GuestRam Ram { get; }

    public VirtioDevice Device { get; }

    public RecordingInterrupts Interrupts { get; } = new();

    public ushort QueueSize { get; init; } = 256;

    public string Log => _log.ToString();

    public VirtioStatus Status => Device.Status;

    public static uint Descriptors(int queue) => RingBase + (uint)queue * RingBytes;

    public static uint Available(int queue) => Descriptors(queue) + 0x1000;

    public static uint Used(int queue) => Descriptors(queue) + 0x2000;

    public ulong Offered
    {
        get
        {
            Device.Write(VirtioRegister.DeviceFeatureSelect, 4, 0);
            ulong features = Device.Read(VirtioRegister.DeviceFeature, 4);
            Device.Write(VirtioRegister.DeviceFeatureSelect, 4, 1);
            return features | ((ulong)Device.Read(VirtioRegister.DeviceFeature, 4) << 32);
        }
    }

    /// <summary>From reset to DRIVER_OK.</summary>
    /// <param name="features">Accepted, beside VERSION_1.</param>
    public void Start(ulong features = 0)
    {
        foreach (uint status in new uint[] { 0, 1, 3 })
        {
            Device.Write(VirtioRegister.DeviceStatus, 1, status);
        }

        Array.Clear(_available);
        Array.Clear(_free);
        Array.Clear(_seen);
        Device.Write(VirtioRegister.DriverFeatureSelect, 4, 0);
        Device.Write(VirtioRegister.DriverFeature, 4, (uint)features);
        Device.Write(VirtioRegister.DriverFeatureSelect, 4, 1);
        Device.Write(VirtioRegister.DriverFeature, 4, 1);
        Device.Write(VirtioRegister.DeviceStatus, 1, 0xB);
        for (int queue = 0; queue < _queues; queue++)
        {
            Ram.Window(Descriptors(queue), RingBytes).Clear();
            Device.Write(VirtioRegister.QueueSelect, 2, (uint)queue);
            Device.Write(VirtioRegister.QueueSize, 2, QueueSize);
            Device.Write(VirtioRegister.QueueDescriptors, 4, Descriptors(queue));
            Device.Write(VirtioRegister.QueueAvailable, 4, Available(queue));
            Device.Write(VirtioRegister.QueueUsed, 4, Used(queue));
            Device.Write(VirtioRegister.QueueEnable, 2, 1);
        }

        Device.Write(VirtioRegister.DeviceStatus, 1, 0xF);
        Assert.Equal(0xFu, Device.Read(VirtioRegister.DeviceStatus, 1));
    }

    /// <summary>Offers one chain, without a word to the device. Descriptors are taken in turn.</summary>
    /// <returns>Its head.</returns>
    public ushort Offer(int queue, params (uint Address, uint Length, bool Writable)[] pieces)
    {
        ushort head = (ushort)(_free[queue] % QueueSize);
        for (int i = 0; i < pieces.Length; i++)
        {
            ushort number = (ushort)(_free[queue]++ % QueueSize);
            bool last = i == pieces.Length - 1;
            Descriptor(queue, number, pieces[i].Address, pieces[i].Length, (ushort)((pieces[i].Writable ? 2 : 0) | (last ? 0 : 1)), (ushort)(_free[queue] % QueueSize));
        }

        Put16(Available(queue) + 4 + 2u * (uint)(_available[queue] % QueueSize), head);
        _available[queue]++;
        Put16(Available(queue) + 2, _available[queue]);
        return head;
    }

    public void Descriptor(int queue, int number, ulong address, uint length, ushort flags, ushort next = 0)
    {
        Span<byte> raw = Ram.Window(Descriptors(queue) + 16u * (uint)number, 16);
        BinaryPrimitives.WriteUInt64LittleEndian(raw, address);
        BinaryPrimitives.WriteUInt32LittleEndian(raw[8..], length);
        BinaryPrimitives.WriteUInt16LittleEndian(raw[12..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(raw[14..], next);
    }

    public void Notify(int queue) => Device.Write(VirtioRegister.Notify, 2, (uint)queue);

    public ushort UsedIndex(int queue) => Word(Used(queue) + 2);

    /// <summary>Used elements since the last call.</summary>
    public List<(uint Id, uint Length)> TakeUsed(int queue)
    {
        var elements = new List<(uint, uint)>();
        for (; _seen[queue] != UsedIndex(queue); _seen[queue]++)
        {
            uint at = Used(queue) + 4 + 8u * (uint)(_seen[queue] % QueueSize);
            elements.Add((DWord(at), DWord(at + 4)));
        }

        return elements;
    }

    public byte[] Bytes(uint address, int length) => Ram.View(address, (uint)length).ToArray();

    public ushort Word(uint address) => BinaryPrimitives.ReadUInt16LittleEndian(Ram.View(address, 2));

    public uint DWord(uint address) => BinaryPrimitives.ReadUInt32LittleEndian(Ram.View(address, 4));

    public void Put16(uint address, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Ram.Window(address, 2), value);

    public void Dispose() => Ram.Dispose();
}
