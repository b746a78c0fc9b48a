using System.Numerics;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>A finite number other than zero, taken apart: ±significand/2^63 × 2^exponent, the top bit of the significand set.</summary>
internal readonly struct FloatNumber(bool sign, int exponent, ulong significand)
{
    public readonly bool Sign = sign;

    public readonly int Exponent = exponent;

    public readonly ulong Significand = significand;

    public static FloatNumber Unpack<T>(ulong bits)
        where T : unmanaged
    {
        int exponent = (int)((bits & FloatFormat<T>.Magnitude) >> FloatFormat<T>.FractionBits);
        ulong significand = bits << (63 - FloatFormat<T>.FractionBits);
        if (exponent != 0)
        {
            return new FloatNumber(FloatFormat<T>.IsNegative(bits), exponent - FloatFormat<T>.Bias, significand | 1UL << 63);
        }

        significand &= ~(1UL << 63);
        int shift = BitOperations.LeadingZeroCount(significand);
        return new FloatNumber(FloatFormat<T>.IsNegative(bits), 1 - FloatFormat<T>.Bias - shift, significand << shift);
    }

    /// <summary>±<paramref name="magnitude"/>, which is not 0.</summary>
    public static FloatNumber FromMagnitude(bool sign, ulong magnitude)
    {
        int shift = BitOperations.LeadingZeroCount(magnitude);
        return new FloatNumber(sign, 63 - shift, magnitude << shift);
    }

    /// <summary>Rounds to the format.</summary>
    public ulong Pack<T>(ref FloatContext context)
        where T : unmanaged => FloatRounding<T>.Pack(Sign, Exponent, Significand, 0, ref context);
}
