namespace Lguest.Jit.Core.State;

/// <summary>Bits of EFLAGS (SDM vol. 1, §3.4.3).</summary>
internal static class Eflags
{
    public const uint Carry = 1u << 0;
    public const uint Fixed = 1u << 1;
    public const uint Parity = 1u << 2;
    public const uint Adjust = 1u << 4;
    public const uint Zero = 1u << 6;
    public const uint Sign = 1u << 7;
    public const uint Trap = 1u << 8;
    public const uint Interrupt = 1u << 9;
    public const uint Direction = 1u << 10;
    public const uint Overflow = 1u << 11;
    public const uint IoPrivilege = 3u << 12;
    public const uint NestedTask = 1u << 14;
    public const uint Resume = 1u << 16;
    public const uint Virtual8086 = 1u << 17;
    public const uint AlignmentCheck = 1u << 18;
    public const uint VirtualInterrupt = 1u << 19;
    public const uint VirtualInterruptPending = 1u << 20;
    public const uint Identification = 1u << 21;

    /// <summary>The six status flags that ALU instructions write; kept lazily, see <see cref="Flags.LazyFlags"/>.</summary>
    public const uint Arithmetic = Carry | Parity | Adjust | Zero | Sign | Overflow;
}
