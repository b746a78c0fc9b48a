namespace Lguest.Jit.Core.Fpu;

/// <summary>The control word (SDM vol. 1 figure 8-6).</summary>
internal static class FpuControl
{
    /// <summary>What FNINIT sets: everything masked, 64 bits, nearest.</summary>
    public const ushort Initial = 0x037F;

    /// <summary>Bits that FLDCW can change: six masks, PC, RC and the infinity control that means nothing since the 387.</summary>
    public const ushort Writable = 0x1F3F;

    /// <summary>Bit 6 reads as 1.</summary>
    public const ushort AlwaysSet = 0x0040;
}
