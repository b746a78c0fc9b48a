using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>
/// The last step of every operation: an exact value, or one with a sticky bit, becomes bits of the format, and overflow,
/// underflow and inexact are found (SDM vol. 1 §4.9.1, §11.5.2).
/// </summary>
internal static class FloatRounding<T>
    where T : unmanaged
{
    /// <param name="sign">Of the result.</param>
    /// <param name="exponent">Without bias, of the top bit of <paramref name="high"/>; out of range is allowed.</param>
    /// <param name="high">Normalized.</param>
    /// <param name="low">What follows; only "less than, exactly, more than half" counts.</param>
    /// <param name="context">Rounding and exceptions.</param>
    public static ulong Pack(bool sign, int exponent, ulong high, ulong low, ref FloatContext context)
    {
        int bits = FloatFormat<T>.FractionBits + 1;
        int biased = exponent + FloatFormat<T>.Bias;
        ulong rounded = F80Rounding.Round(sign, high, low, bits, context.Rounding, out bool inexact, out _);

        // Tininess is detected after rounding as if exponents had no lower end.
        if (biased < 0 || (biased == 0 && rounded != 0))
        {
            return PackTiny(sign, biased, high, low, inexact, ref context);
        }

        if (biased == 0)
        {
            // Rounded up to the smallest normal number: not tiny, but inexact, and in steps of denormals' size.
            return PackDenormal(sign, biased, high, low, FpuExceptions.Precision, ref context);
        }

        if (rounded == 0)
        {
            rounded = 1UL << 63;
            biased++;
        }

        if (biased >= FloatFormat<T>.MaximumExponent)
        {
            return Overflow(sign, inexact, ref context);
        }

        if (inexact)
        {
            context.Raise(FpuExceptions.Precision);
        }

        ulong fraction = rounded << 1 >> (64 - FloatFormat<T>.FractionBits);
        return FloatFormat<T>.Zero(sign) | (ulong)biased << FloatFormat<T>.FractionBits | fraction;
    }

    private static ulong PackTiny(bool sign, int biased, ulong high, ulong low, bool inexact, ref FloatContext context)
    {
        if ((context.Unmasked & FpuExceptions.Underflow) != 0)
        {
            context.Raise(inexact ? FpuExceptions.Underflow | FpuExceptions.Precision : FpuExceptions.Underflow);
            return 0;
        }

        if (context.FlushToZero)
        {
            context.Raise(FpuExceptions.Underflow | FpuExceptions.Precision);
            return FloatFormat<T>.Zero(sign);
        }

        return PackDenormal(sign, biased, high, low, FpuExceptions.Underflow | FpuExceptions.Precision, ref context);
    }

    /// <summary>Fixed point; a carry into the exponent field is just right.</summary>
    private static ulong PackDenormal(bool sign, int biased, ulong high, ulong low, FpuExceptions ifInexact, ref FloatContext context)
    {
        int bits = FloatFormat<T>.FractionBits + 1;
        Wide128.ShiftRightSticky(ref high, ref low, 1 - biased);
        ulong rounded = F80Rounding.Round(sign, high, low, bits, context.Rounding, out bool inexact, out _);
        if (inexact)
        {
            context.Raise(ifInexact);
        }

        return FloatFormat<T>.Zero(sign) | rounded >> (64 - bits);
    }

    private static ulong Overflow(bool sign, bool inexact, ref FloatContext context)
    {
        context.Raise(FpuExceptions.Overflow);
        if ((context.Unmasked & FpuExceptions.Overflow) == 0 || inexact)
        {
            context.Raise(FpuExceptions.Precision);
        }

        bool infinite = F80Rounding.OverflowsToInfinity(sign, context.Rounding);
        return FloatFormat<T>.Zero(sign) | (infinite ? FloatFormat<T>.Infinity : FloatFormat<T>.Infinity - 1);
    }
}
