namespace Lguest.Jit.Launcher.Tour;

/// <summary>
/// <c>struct lguest_data</c> (include/linux/lguest.h) as the tour kernel sees it: virtual addresses of its fields. Written
/// down here once more, apart from the Switcher's own, since the tour is there to find out whether that is right.
/// </summary>
internal static class GuestLguestData
{
    private const uint Base = TourLayout.LguestData + TourLayout.KernelOffset;

    public const uint IrqEnabled = Base;
    public const uint BlockedInterrupts = Base + 0x004;
    public const uint Cr2 = Base + 0x008;
    public const uint TimeSeconds = Base + 0x00C;
    public const uint IrqPending = Base + 0x014;
    public const uint HcallStatus = Base + 0x018;
    public const uint Hcalls = Base + 0x058;
    public const uint TscKhz = Base + 0x55C;
    public const uint NoirqIret = Base + 0x560;
    public const uint KernelAddress = Base + 0x564;
    public const uint SyscallVector = Base + 0x568;

    /// <summary>Slots of the ring of asynchronous hypercalls.</summary>
    public const int RingSize = 64;
}
