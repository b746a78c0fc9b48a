using System.Buffers.Binary;
using System.Numerics;
using Lguest.Jit.Core.Snapshots;

namespace Lguest.Jit.Launcher.Pci;

/// <summary>
/// The configuration space of one virtio device (ABI sheet §10.2, §10.3; tools/lguest/lguest.c, init_pci_config and
/// friends): identity, BAR0, five capabilities that say where in BAR0 the registers are, and the access window through
/// which a Guest can reach BAR0 before it can map it.
/// </summary>
/// <remarks>
/// lguest's Launcher answers a refused write with a #GP, and one bad window read with its own end. We ignore the one
/// and read 0 for the other: a root shell in the Guest that dumps configuration space should not kill anybody.
/// </remarks>
internal sealed class PciDevice : IPciFunction
{
    private readonly byte[] _config = new byte[PciConfig.Size];
    private readonly IBarRegion _bar;

    /// <param name="virtioId">virtio device id: 3 is the console.</param>
    /// <param name="deviceClass">PCI base class and subclass, 0x0700 for the console.</param>
    /// <param name="irq">Interrupt line = Linux IRQ.</param>
    /// <param name="bar">What BAR0 leads to.</param>
    /// <param name="barAddress">Guest-physical; aligned to the size of the region. It stays there whatever the Guest writes.</param>
    /// <param name="deviceConfigSize">Bytes of device configuration at BAR0 offset 60; 0 = none.</param>
    public PciDevice(int virtioId, ushort deviceClass, byte irq, IBarRegion bar, uint barAddress, uint deviceConfigSize)
    {
        if (!BitOperations.IsPow2(bar.Size) || (barAddress & (bar.Size - 1)) != 0)
        {
            throw new ArgumentException("A BAR has a size that is a power of two and is aligned to it.", nameof(barAddress));
        }

        _bar = bar;
        Put16(PciConfig.VendorId, PciConfig.RedHatVendor);
        Put16(PciConfig.DeviceId, (ushort)(PciConfig.VirtioDeviceBase + virtioId));
        Put16(PciConfig.Status, 0x0010);
        _config[PciConfig.Revision] = 1;
        Put16(PciConfig.Class, deviceClass);
        Put32(PciConfig.Bar0, barAddress);
        Put16(PciConfig.SubsystemId, 0x40);
        _config[PciConfig.CapabilityPointer] = PciConfig.CommonCapability;
        _config[PciConfig.InterruptLine] = irq;

        bool hasConfig = deviceConfigSize != 0;
        Capability(PciConfig.CommonCapability, PciConfig.NotifyCapability, 16, type: 1, offset: 0, length: 56);
        Capability(PciConfig.NotifyCapability, PciConfig.IsrCapability, 20, type: 2, offset: 56, length: 2);
        Capability(PciConfig.IsrCapability, PciConfig.WindowCapability, 16, type: 3, offset: 58, length: 1);
        Capability(PciConfig.DeviceCapability, 0, 16, type: 4, offset: 60, deviceConfigSize);
        Capability(PciConfig.WindowCapability, hasConfig ? PciConfig.DeviceCapability : 0, 20, type: 5, offset: 0, length: 0);
    }

    public uint ReadConfig(int offset) => offset == PciConfig.WindowData ? ReadWindow() : Get32(offset);

    public void WriteConfig(int offset, int size, uint value)
    {
        switch (offset & ~3)
        {
            case PciConfig.CacheLine:
                // Cache line and latency are the driver's to set (Linux: latency 0x40), header type and BIST are not.
                Store(offset, size, value, writable: 0x0000FFFF);
                break;
            case PciConfig.Bar0:
                // Sizing works, moving does not: the region stays where it is.
                Store(offset, size, value, writable: ~(_bar.Size - 1));
                break;
            case >= PciConfig.Bar1 and <= PciConfig.CardBus:
                // Kept verbatim: all ones come back from sizing, and that means "no such BAR".
                Store(offset, size, value, writable: uint.MaxValue);
                break;
            case PciConfig.WindowBar:
                Store(offset, size, value, writable: 0xFF);
                break;
            case PciConfig.WindowOffset:
            case PciConfig.WindowLength:
                Store(offset, size, value, writable: uint.MaxValue);
                break;
            case PciConfig.WindowData:
                WriteWindow(offset, size, value);
                break;
            default:
                // Identity, command, expansion ROM, interrupt line, the fixed capabilities: refused.
                break;
        }
    }

    public void ExchangeState(StateArchive archive) => archive.Raw(_config);

    private uint ReadWindow()
    {
        if (!TryWindow(out uint offset, out int length))
        {
            return 0;
        }

        uint value = _bar.Read(offset, length);
        Put32(PciConfig.WindowData, value);
        return value;
    }

    private void WriteWindow(int at, int size, uint value)
    {
        if (TryWindow(out uint offset, out int length))
        {
            Store(at, size, value, writable: uint.MaxValue);
            _bar.Write(offset, length, Get32(PciConfig.WindowData));
        }
    }

    private bool TryWindow(out uint offset, out int length)
    {
        offset = Get32(PciConfig.WindowOffset);
        uint wanted = Get32(PciConfig.WindowLength);
        length = (int)wanted;
        return _config[PciConfig.WindowBar] == 0 && wanted is 1 or 2 or 4 && offset % wanted == 0 && (ulong)offset + wanted <= _bar.Size;
    }

    /// <summary>Merges the written bytes into their dword, where <paramref name="writable"/> has ones.</summary>
    private void Store(int offset, int size, uint value, uint writable)
    {
        int shift = 8 * (offset & 3);
        uint mask = (size == 4 ? uint.MaxValue : (1u << (8 * size)) - 1) << shift & writable;
        int dword = offset & ~3;
        Put32(dword, (Get32(dword) & ~mask) | ((value << shift) & mask));
    }

    private void Capability(int at, int next, byte size, byte type, uint offset, uint length)
    {
        _config[at] = 0x09;
        _config[at + 1] = (byte)next;
        _config[at + 2] = size;
        _config[at + 3] = type;
        Put32(at + 8, offset);
        Put32(at + 12, length);
    }

    private uint Get32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_config.AsSpan(offset));

    private void Put32(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(_config.AsSpan(offset), value);

    private void Put16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(_config.AsSpan(offset), value);
}
