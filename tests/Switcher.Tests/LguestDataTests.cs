using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Lguest.Jit.Switcher.Tests;

public sealed unsafe class LguestDataTests
{
    [Fact]
    public void The_offsets_are_those_of_the_c_structure()
    {
        CLayout layout = default;
        Assert.Equal(LguestData.Size, (uint)sizeof(CLayout));
        Assert.Equal(LguestData.IrqEnabled, Offset(&layout, &layout.IrqEnabled));
        Assert.Equal(LguestData.BlockedInterrupts, Offset(&layout, &layout.BlockedInterrupts));
        Assert.Equal(LguestData.Cr2, Offset(&layout, &layout.Cr2));
        Assert.Equal(LguestData.TimeSeconds, Offset(&layout, &layout.Seconds));
        Assert.Equal(LguestData.TimeNanoseconds, Offset(&layout, &layout.Nanoseconds));
        Assert.Equal(LguestData.IrqPending, Offset(&layout, &layout.IrqPending));
        Assert.Equal(LguestData.HcallStatus, Offset(&layout, layout.HcallStatus));
        Assert.Equal(LguestData.Hcalls, Offset(&layout, layout.Hcalls));
        Assert.Equal(LguestData.ReserveMem, Offset(&layout, &layout.ReserveMem));
        Assert.Equal(LguestData.TscKhz, Offset(&layout, &layout.TscKhz));
        Assert.Equal(LguestData.NoirqIret, Offset(&layout, &layout.NoirqIret));
        Assert.Equal(LguestData.KernelAddress, Offset(&layout, &layout.KernelAddress));
        Assert.Equal(LguestData.SyscallVec, Offset(&layout, &layout.SyscallVec));
    }

    private static uint Offset(void* layout, void* field) => (uint)Unsafe.ByteOffset(ref *(byte*)layout, ref *(byte*)field);

    /// <summary>struct lguest_data, field by field, in the order of include/linux/lguest.h.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private struct CLayout
    {
        public uint IrqEnabled;
        public uint BlockedInterrupts;
        public uint Cr2;
        public uint Seconds;
        public uint Nanoseconds;
        public uint IrqPending;
        public fixed byte HcallStatus[AsyncRing.Size];
        public fixed byte Hcalls[AsyncRing.Size * HcallArgs.Size];
        public uint ReserveMem;
        public uint TscKhz;
        public uint NoirqIret;
        public uint KernelAddress;
        public uint SyscallVec;
    }
}
