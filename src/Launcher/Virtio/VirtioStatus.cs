namespace Lguest.Jit.Launcher.Virtio;

/// <summary>device_status (virtio 1.0, §2.1).</summary>
[Flags]
internal enum VirtioStatus : byte
{
    None = 0,
    Acknowledge = 1,
    Driver = 2,
    DriverOk = 4,
    FeaturesOk = 8,

    /// <summary>Set by us only: the driver broke the rules and has to start anew.</summary>
    NeedsReset = 0x40,

    /// <summary>The driver gave up.</summary>
    Failed = 0x80,
}
