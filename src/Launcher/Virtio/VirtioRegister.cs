namespace Lguest.Jit.Launcher.Virtio;

/// <summary>Offsets in BAR0 (ABI sheet §10.6; <c>struct virtio_pci_common_cfg</c> of include/uapi/linux/virtio_pci.h, then lguest's own).</summary>
internal static class VirtioRegister
{
    public const uint DeviceFeatureSelect = 0x00;
    public const uint DeviceFeature = 0x04;
    public const uint DriverFeatureSelect = 0x08;
    public const uint DriverFeature = 0x0C;
    public const uint MsixConfig = 0x10;
    public const uint NumQueues = 0x12;
    public const uint DeviceStatus = 0x14;
    public const uint ConfigGeneration = 0x15;
    public const uint QueueSelect = 0x16;
    public const uint QueueSize = 0x18;
    public const uint QueueMsixVector = 0x1A;
    public const uint QueueEnable = 0x1C;
    public const uint QueueNotifyOff = 0x1E;
    public const uint QueueDescriptors = 0x20;
    public const uint QueueAvailable = 0x28;
    public const uint QueueUsed = 0x30;
    public const uint Notify = 0x38;
    public const uint Isr = 0x3A;

    /// <summary>Device configuration starts here.</summary>
    public const uint Config = 0x3C;

    /// <summary>Where the register that holds byte <paramref name="offset"/> (&lt; 0x3C) starts, and its natural width.</summary>
    public static (uint Start, int Width) Containing(uint offset) => offset switch
    {
        < MsixConfig => (offset & ~3u, 4),
        < DeviceStatus => (offset & ~1u, 2),
        < QueueSelect => (offset, 1),
        < QueueDescriptors => (offset & ~1u, 2),
        < Notify => (offset & ~3u, 4),
        < Isr => (Notify, 2),
        _ => (offset, 1),
    };
}
