using System.Runtime.InteropServices;

namespace Lguest.Jit.Core.Fpu;

/// <summary>
/// One 80-bit double-extended number exactly as it lies in an x87 register: 64 bits of significand with an
/// <em>explicit</em> integer bit, 15 bits of exponent biased by 16383, and a sign (SDM vol. 1 §4.2.2, §8.2).
/// </summary>
/// <remarks>
/// The explicit integer bit is why this format has citizens that IEEE 754 never heard of: pseudo-denormals
/// (exponent 0, integer bit 1: legal, worth the same as exponent 1) and unnormals, pseudo-NaNs and
/// pseudo-infinities (integer bit 0 under a non-zero exponent: every operation refuses those).
/// Sixteen bytes, the first ten in memory order: <c>fld tbyte [p]</c> and <c>fstp tbyte [p]</c> work in place. Two whole
/// words rather than a word and a half, because such a struct travels in registers.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct F80(ulong significand, ushort signExponent) : IEquatable<F80>
{
    /// <summary>The exponent field that stands for 2^0.</summary>
    public const int Bias = 16383;

    /// <summary>The exponent field of infinities and NaNs.</summary>
    public const int MaxExponent = 0x7FFF;

    /// <summary>The sign's place in <see cref="SignExponent"/>.</summary>
    public const ushort SignBit = 0x8000;

    /// <summary>The explicit integer bit, "J" in the SDM's figures.</summary>
    public const ulong IntegerBit = 1UL << 63;

    /// <summary>The bit that tells a quiet NaN from a signalling one.</summary>
    public const ulong QuietBit = 1UL << 62;

    /// <summary>Integer bit and fraction, all 64 bits.</summary>
    public readonly ulong Significand = significand;

    /// <summary>Only the low 16 bits count: a thunk that stores ten bytes leaves old ones above.</summary>
    private readonly ulong _signExponent = signExponent;

    public F80(bool sign, int exponent, ulong significand)
        : this(significand, (ushort)(exponent | (sign ? SignBit : 0)))
    {
    }

    /// <summary>Bit 15 the sign, bits 14..0 the biased exponent.</summary>
    public ushort SignExponent => (ushort)_signExponent;

    public static F80 PositiveZero => default;

    public static F80 One => new(IntegerBit, Bias);

    /// <summary>The "real indefinite": the quiet NaN that every masked invalid operation answers (SDM vol. 1 §4.8.3.7).</summary>
    public static F80 DefaultNaN => new(IntegerBit | QuietBit, 0xFFFF);

    /// <summary>True for a minus sign, also on zeros and NaNs.</summary>
    public bool IsNegative => (SignExponent & SignBit) != 0;

    /// <summary>The biased exponent, 0..0x7FFF.</summary>
    public int Exponent => SignExponent & MaxExponent;

    /// <summary>What kind of number the bits spell.</summary>
    public F80Class Class
    {
        get
        {
            int exponent = Exponent;
            if (exponent == 0)
                return Significand == 0 ? F80Class.Zero : F80Class.Denormal;
            if ((Significand & IntegerBit) == 0)
                return F80Class.Unsupported;
            if (exponent != MaxExponent)
                return F80Class.Normal;
            if (Significand == IntegerBit)
                return F80Class.Infinity;
            return (Significand & QuietBit) != 0 ? F80Class.QuietNaN : F80Class.SignallingNaN;
        }
    }

    /// <summary>True for the everyday case, which all operations test first.</summary>
    public bool IsNormal => (Significand & IntegerBit) != 0 && (uint)(Exponent - 1) < MaxExponent - 1;

    public bool IsNaN => Exponent == MaxExponent && Significand > IntegerBit;

    public bool IsZero => Exponent == 0 && Significand == 0;

    public static F80 Zero(bool sign) => new(sign, 0, 0);

    public static F80 Infinity(bool sign) => new(sign, MaxExponent, IntegerBit);

    /// <summary>FABS: clears the sign, whatever the rest spells.</summary>
    public F80 Absolute() => new(Significand, (ushort)(SignExponent & MaxExponent));

    /// <summary>FCHS: flips the sign, NaNs included.</summary>
    public F80 Negate() => new(Significand, (ushort)(SignExponent ^ SignBit));

    /// <summary>The same NaN, quiet.</summary>
    public F80 Quiet() => new(Significand | QuietBit, SignExponent);

    public bool Equals(F80 other) => Significand == other.Significand && SignExponent == other.SignExponent;

    public override bool Equals(object? obj) => obj is F80 other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(Significand, SignExponent);

    public override string ToString() => $"{SignExponent:X4}:{Significand:X16}";

    public static bool operator ==(F80 left, F80 right) => left.Equals(right);

    public static bool operator !=(F80 left, F80 right) => !left.Equals(right);
}
