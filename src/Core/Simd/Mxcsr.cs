namespace Lguest.Jit.Core.Simd;

/// <summary>
/// The SSE control and status word (SDM vol. 1 §10.2.3). Bits 0..5 are the sticky exception flags, in the order of
/// <see cref="Fpu.FpuExceptions"/>; bits 7..12 their masks.
/// </summary>
internal static class Mxcsr
{
    /// <summary>All exceptions masked, nearest, no flag set.</summary>
    public const uint Initial = 0x1F80;

    /// <summary>MXCSR_MASK of FXSAVE: the bits that exist. Setting any other is #GP(0).</summary>
    public const uint Writable = 0xFFFF;

    /// <summary>The six flags.</summary>
    public const uint Flags = 0x3F;

    /// <summary>PE, the one flag that nearly every operation raises.</summary>
    public const uint PrecisionFlag = 0x20;

    /// <summary>DAZ: denormal operands count as zeros.</summary>
    public const uint DenormalsAreZero = 0x40;

    /// <summary>The lowest mask bit.</summary>
    public const int MaskShift = 7;

    /// <summary>The lower bit of RC.</summary>
    public const int RoundingShift = 13;

    /// <summary>FZ: tiny results become zeros, while underflow is masked.</summary>
    public const uint FlushToZero = 0x8000;

    /// <summary>
    /// Everything but the flags that ordinary operations leave alone: if these bits of MXCSR are
    /// <see cref="Everyday"/>, the Host's arithmetic and a look at its result do.
    /// </summary>
    public const uint EverydayBits = Writable & ~Flags | PrecisionFlag;

    /// <summary>As after reset, and something has been inexact already: nothing is left to notice about a normal result.</summary>
    public const uint Everyday = Initial | PrecisionFlag;
}
