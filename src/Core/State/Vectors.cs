namespace Lguest.Jit.Core.State;

/// <summary>Exception vectors (SDM vol. 3, §6.3.1) and the two software interrupts that lguest knows.</summary>
internal static class Vectors
{
    public const int DivideError = 0;
    public const int Debug = 1;
    public const int Nmi = 2;
    public const int Breakpoint = 3;
    public const int Overflow = 4;
    public const int BoundRange = 5;
    public const int InvalidOpcode = 6;
    public const int DeviceNotAvailable = 7;
    public const int DoubleFault = 8;
    public const int InvalidTss = 10;
    public const int SegmentNotPresent = 11;
    public const int StackFault = 12;
    public const int GeneralProtection = 13;
    public const int PageFault = 14;
    public const int FloatingPoint = 16;
    public const int AlignmentCheck = 17;
    public const int SimdFloatingPoint = 19;

    /// <summary>LGUEST_TRAP_ENTRY: <c>int $31</c> is the hypercall.</summary>
    public const int Hypercall = 31;

    /// <summary>FIRST_EXTERNAL_VECTOR: IRQ n arrives at 32 + n.</summary>
    public const int FirstExternal = 32;

    /// <summary>Linux system calls.</summary>
    public const int Syscall = 0x80;
}
