using System.Numerics;

namespace Lguest.Jit.Core.Fpu;

/// <summary>
/// A finite number taken apart, denormals normalized, so that arithmetic sees one shape only: the top bit of the
/// significand is set (unless the number is zero) and the exponent may go below 1.
/// </summary>
internal readonly struct F80Number(bool sign, int exponent, ulong significand)
{
    public readonly bool Sign = sign;

    /// <summary>Biased, -62..0x7FFE.</summary>
    public readonly int Exponent = exponent;

    public readonly ulong Significand = significand;

    public bool IsZero => Significand == 0;

    /// <summary>Takes <paramref name="value"/> apart, raising DE for denormals. Infinities and NaNs must be dealt with before.</summary>
    public static F80Number Unpack(F80 value, ref F80Context context)
    {
        int exponent = value.Exponent;
        ulong significand = value.Significand;
        if (exponent == 0 && significand != 0)
        {
            context.Raise(FpuExceptions.Denormal);
            int shift = BitOperations.LeadingZeroCount(significand);
            exponent = 1 - shift;
            significand <<= shift;
        }
        return new F80Number(value.IsNegative, exponent, significand);
    }

    /// <summary>
    /// DE for operands that are denormal here or were in memory. Only for results that do not look at the value otherwise
    /// (infinities, zeros): <see cref="Unpack"/> raises it by itself.
    /// </summary>
    public static void NoteDenormals(F80 left, F80 right, ref F80Context context)
    {
        if (left.Class == F80Class.Denormal || right.Class == F80Class.Denormal || context.DenormalSource)
            context.Raise(FpuExceptions.Denormal);
    }
}
