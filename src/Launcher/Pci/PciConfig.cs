namespace Lguest.Jit.Launcher.Pci;

/// <summary>
/// Offsets in the configuration space of lguest's devices (ABI sheet §10.2; PCI Local Bus 3.0, §6.1; virtio 1.0, §4.1.4).
/// </summary>
internal static class PciConfig
{
    /// <summary>All that lguest's Launcher gives a device: anything above reads as all ones.</summary>
    public const int Size = 0x98;

    public const int VendorId = 0x00;
    public const int DeviceId = 0x02;
    public const int Command = 0x04;
    public const int Status = 0x06;
    public const int Revision = 0x08;
    public const int Class = 0x0A;
    public const int CacheLine = 0x0C;
    public const int Bar0 = 0x10;
    public const int Bar1 = 0x14;
    public const int CardBus = 0x28;
    public const int SubsystemId = 0x2E;
    public const int ExpansionRom = 0x30;
    public const int CapabilityPointer = 0x34;
    public const int InterruptLine = 0x3C;

    public const int CommonCapability = 0x40;
    public const int NotifyCapability = 0x50;
    public const int IsrCapability = 0x64;
    public const int DeviceCapability = 0x74;
    public const int WindowCapability = 0x84;

    /// <summary>The window's BAR number, offset and length: the writable part of its capability.</summary>
    public const int WindowBar = 0x88;
    public const int WindowOffset = 0x8C;
    public const int WindowLength = 0x90;

    /// <summary>pci_cfg_data: reading or writing it reads or writes BAR0.</summary>
    public const int WindowData = 0x94;

    public const ushort RedHatVendor = 0x1AF4;

    /// <summary>Modern virtio devices: 0x1040 + virtio device id.</summary>
    public const ushort VirtioDeviceBase = 0x1040;
}
