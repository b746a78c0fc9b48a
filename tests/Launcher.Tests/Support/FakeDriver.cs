using System.Buffers.Binary;
using System.Text;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Tests.Support;

/// <summary>
/// A virtio-console driver: the register sequence of Linux's virtio_pci_modern (ABI sheet §10.6), and rings of its own
/// making in RAM.
/// </summary>
internal sealed class FakeDriver(ConsoleMachine machine)
{
    public const ushort Next = 1;
    public const ushort Write = 2;
    public const ushort Indirect = 4;

    private const uint RingBytes = 0x4000;
    private const uint RingBase = 0x10000;

    private readonly ushort[] _available = new ushort[2];

    public ushort QueueSize { get; init; } = 256;

    public static uint Descriptors(int queue) => RingBase + (uint)queue * RingBytes;

    public static uint Available(int queue) => Descriptors(queue) + 0x1000;

    public static uint Used(int queue) => Descriptors(queue) + 0x2000;

    /// <summary>From reset to DRIVER_OK, asserting what Linux relies on.</summary>
    public void Start(ulong features = 1UL << 32)
    {
        ResetAndAcknowledge();
        machine.Write(VirtioRegister.DeviceFeatureSelect, 4, 0);
        Assert.Equal(4u, machine.Read(VirtioRegister.DeviceFeature, 4));
        machine.Write(VirtioRegister.DeviceFeatureSelect, 4, 1);
        Assert.Equal(1u, machine.Read(VirtioRegister.DeviceFeature, 4));
        Accept(features);
        machine.Write(VirtioRegister.DeviceStatus, 1, 0xB);
        Assert.Equal(0xBu, machine.Read(VirtioRegister.DeviceStatus, 1));
        for (int queue = 0; queue < 2; queue++)
        {
            Configure(queue);
        }

        for (int queue = 0; queue < 2; queue++)
        {
            machine.Write(VirtioRegister.QueueSelect, 2, (uint)queue);
            machine.Write(VirtioRegister.QueueEnable, 2, 1);
            Assert.Equal(1u, machine.Read(VirtioRegister.QueueEnable, 2));
        }

        machine.Write(VirtioRegister.DeviceStatus, 1, 0xF);
        Assert.Equal(0xFu, machine.Read(VirtioRegister.DeviceStatus, 1));
    }

    public void ResetAndAcknowledge()
    {
        machine.Write(VirtioRegister.DeviceStatus, 1, 0);
        Assert.Equal(0u, machine.Read(VirtioRegister.DeviceStatus, 1));
        machine.Write(VirtioRegister.DeviceStatus, 1, 1);
        machine.Write(VirtioRegister.DeviceStatus, 1, 3);
        Array.Clear(_available);
        for (int queue = 0; queue < 2; queue++)
        {
            machine.Ram.Window(Descriptors(queue), RingBytes).Clear();
        }
    }

    public void Accept(ulong features)
    {
        machine.Write(VirtioRegister.DriverFeatureSelect, 4, 0);
        machine.Write(VirtioRegister.DriverFeature, 4, (uint)features);
        machine.Write(VirtioRegister.DriverFeatureSelect, 4, 1);
        machine.Write(VirtioRegister.DriverFeature, 4, (uint)(features >> 32));
    }

    public void Configure(int queue)
    {
        machine.Write(VirtioRegister.QueueSelect, 2, (uint)queue);
        Assert.Equal(256u, machine.Read(VirtioRegister.QueueSize, 2));
        Assert.Equal(0u, machine.Read(VirtioRegister.QueueEnable, 2));
        Assert.Equal(0u, machine.Read(VirtioRegister.QueueNotifyOff, 2));
        machine.Write(VirtioRegister.QueueSize, 2, QueueSize);
        Address(VirtioRegister.QueueDescriptors, Descriptors(queue));
        Address(VirtioRegister.QueueAvailable, Available(queue));
        Address(VirtioRegister.QueueUsed, Used(queue));
    }

    public void Descriptor(int queue, int number, ulong address, uint length, ushort flags, ushort next = 0)
    {
        Span<byte> raw = machine.Ram.Window(Descriptors(queue) + 16u * (uint)number, 16);
        BinaryPrimitives.WriteUInt64LittleEndian(raw, address);
        BinaryPrimitives.WriteUInt32LittleEndian(raw[8..], length);
        BinaryPrimitives.WriteUInt16LittleEndian(raw[12..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(raw[14..], next);
    }

    /// <summary>Makes the chain that starts at <paramref name="head"/> available, without a word to the device.</summary>
    public void Offer(int queue, ushort head)
    {
        machine.Put(Available(queue) + 4 + 2u * (uint)(_available[queue] % QueueSize), head);
        _available[queue]++;
        machine.Put(Available(queue) + 2, _available[queue]);
    }

    public void Notify(int queue) => machine.Write(VirtioRegister.Notify, 2, (uint)queue);

    /// <summary>Prints through the transmit queue, as hvc does: one buffer, notify, wait for it to come back.</summary>
    public void Print(string text, uint at = 0x80000)
    {
        Encoding.Latin1.GetBytes(text, machine.Ram.Window(at, (uint)text.Length));
        Descriptor(1, 0, at, (uint)text.Length, 0);
        ushort before = UsedIndex(1);
        Offer(1, 0);
        Notify(1);
        Assert.Equal((ushort)(before + 1), UsedIndex(1));
    }

    public ushort UsedIndex(int queue) => machine.Word(Used(queue) + 2);

    public (uint Id, uint Length) UsedElement(int queue, int number)
    {
        uint at = Used(queue) + 4 + 8u * (uint)number;
        return (machine.DWord(at), machine.DWord(at + 4));
    }

    private void Address(uint register, uint address)
    {
        machine.Write(register, 4, address);
        machine.Write(register + 4, 4, 0);
    }
}
