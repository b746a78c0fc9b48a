using System.Runtime.CompilerServices;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>The shape of single (<c>float</c>) and double numbers, as bits in the low part of a word (SDM vol. 1 §4.2.2).</summary>
internal static class FloatFormat<T>
    where T : unmanaged
{
    public static int Bits => Unsafe.SizeOf<T>() * 8;

    /// <summary>Without the hidden bit.</summary>
    public static int FractionBits => typeof(T) == typeof(float) ? 23 : 52;

    public static int Bias => typeof(T) == typeof(float) ? 127 : 1023;

    /// <summary>The exponent field of infinities and NaNs.</summary>
    public static int MaximumExponent => 2 * Bias + 1;

    public static ulong SignBit => 1UL << (Bits - 1);

    public static ulong Magnitude => SignBit - 1;

    public static ulong Infinity => (ulong)MaximumExponent << FractionBits;

    public static ulong QuietBit => 1UL << (FractionBits - 1);

    /// <summary>The smallest normal number.</summary>
    public static ulong SmallestNormal => 1UL << FractionBits;

    /// <summary>The "real indefinite" that masked invalid operations answer.</summary>
    public static ulong DefaultNaN => SignBit | Infinity | QuietBit;

    public static bool IsNegative(ulong value) => (value & SignBit) != 0;

    public static bool IsNaN(ulong value) => (value & Magnitude) > Infinity;

    public static bool IsSignalling(ulong value) => IsNaN(value) && (value & QuietBit) == 0;

    public static bool IsInfinite(ulong value) => (value & Magnitude) == Infinity;

    public static bool IsZero(ulong value) => (value & Magnitude) == 0;

    public static bool IsDenormal(ulong value) => (value & Magnitude) - 1 < SmallestNormal - 1;

    public static ulong Zero(bool sign) => sign ? SignBit : 0;
}
