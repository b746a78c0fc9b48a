using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Memory;

namespace Lguest.Jit.Launcher.Pci;

/// <summary>
/// The device region above RAM (ABI sheet §2.1, §2.5): a hole of 1 MiB that belongs to nobody, then BAR after BAR, each
/// aligned to its size (lguest packed them and misaligned some). Any width at any address is survived, since whoever
/// routes by physical address need not know what instructions Linux happens to use.
/// </summary>
internal sealed class DeviceBus : IDeviceMemory
{
    private const uint Hole = 1 << 20;

    private readonly List<(uint Address, IBarRegion Region)> _regions = [];
    private uint _next;

    /// <param name="ramSize">End of RAM, bytes; at most <see cref="GuestRam.MaximumSize"/>.</param>
    public DeviceBus(uint ramSize) => _next = ramSize + Hole;

    /// <summary>What <c>SoftMmu.DeviceLimit</c> should be: the end of the region, whole pages.</summary>
    public uint Limit => (_next + GuestRam.PageSize - 1) & ~(uint)(GuestRam.PageSize - 1);

    /// <summary>Gives the region a place.</summary>
    /// <returns>Its guest-physical address.</returns>
    public uint Plug(IBarRegion region)
    {
        uint address = (_next + region.Size - 1) & ~(region.Size - 1);
        _regions.Add((address, region));
        _next = address + region.Size;
        return address;
    }

    public bool Owns(uint physical) => Find(physical, out _) is not null;

    public uint Read(uint physical, int size) => Find(physical, out uint offset)?.Read(offset, size) ?? uint.MaxValue;

    public void Write(uint physical, int size, uint value) => Find(physical, out uint offset)?.Write(offset, size, value);

    private IBarRegion? Find(uint physical, out uint offset)
    {
        foreach ((uint address, IBarRegion region) in _regions)
        {
            offset = physical - address;
            if (offset < region.Size)
            {
                return region;
            }
        }

        offset = 0;
        return null;
    }
}
