using System.Numerics;

namespace Lguest.Jit.Core.Fpu;

/// <summary>
/// FPREM and FPREM1: exact remainders, in steps when the exponents lie too far apart (SDM vol. 2A, FPREM and FPREM1).
/// </summary>
internal static class F80Remainder
{
    /// <summary>A whole reduction is done up to this difference of exponents, a partial one from it.</summary>
    private const int PartialFrom = 64;

    /// <param name="toNearest">FPREM1: the quotient rounds to the nearest even integer instead of towards zero.</param>
    /// <param name="quotient">The quotient; only its three lowest bits are promised.</param>
    /// <param name="partial">C2: the result is a step on the way, still congruent, and there is no quotient yet.</param>
    public static F80 Remainder(F80 dividend, F80 divisor, bool toNearest, out ulong quotient, out bool partial, ref F80Context context)
    {
        quotient = 0;
        partial = false;
        if (F80NaN.Settles(dividend, divisor, ref context, out F80 nan))
            return nan;
        if (dividend.Exponent == F80.MaxExponent || divisor.IsZero)
            return context.Invalid();
        F80Number.NoteDenormals(dividend, divisor, ref context);
        if (dividend.IsZero)
            return dividend;
        F80Number a = F80Number.Unpack(dividend, ref context);
        if (divisor.Exponent == F80.MaxExponent)
            return F80Rounding.Pack(a.Sign, a.Exponent, a.Significand, 0, 64, ref context);
        F80Number b = F80Number.Unpack(divisor, ref context);

        int difference = a.Exponent - b.Exponent;
        if (difference < -1 || (difference < 0 && !toNearest))
            return F80Rounding.Pack(a.Sign, a.Exponent, a.Significand, 0, 64, ref context);
        if (difference < 0)
            return HalfQuotient(a, b, ref quotient, ref context);

        int step = difference;
        if (difference >= PartialFrom)
        {
            partial = true;
            step = difference % 32 + 32;
        }
        ulong high = step == 0 ? 0 : a.Significand >> (64 - step);
        ulong whole = Wide128.Divide(high, a.Significand << step, b.Significand, out ulong rest);
        bool sign = a.Sign;
        if (!partial)
        {
            quotient = whole;
            if (toNearest && RoundsUp(whole, rest, b.Significand))
            {
                quotient = unchecked(whole + 1);
                rest = b.Significand - rest;
                sign = !sign;
            }
        }
        return Normalized(sign, b.Exponent + difference - step, rest, ref context);
    }

    private static bool RoundsUp(ulong quotient, ulong rest, ulong divisor)
    {
        ulong other = divisor - rest;
        return rest > other || (rest == other && (quotient & 1) != 0);
    }

    /// <summary>A dividend of just half the divisor's magnitude or more: the quotient is 0 or, rounded, 1.</summary>
    private static F80 HalfQuotient(F80Number a, F80Number b, ref ulong quotient, ref F80Context context)
    {
        if (a.Significand <= b.Significand)
            return F80Rounding.Pack(a.Sign, a.Exponent, a.Significand, 0, 64, ref context);
        quotient = 1;
        return Normalized(!a.Sign, a.Exponent, unchecked((b.Significand << 1) - a.Significand), ref context);
    }

    private static F80 Normalized(bool sign, int exponent, ulong significand, ref F80Context context)
    {
        if (significand == 0)
            return F80.Zero(sign);
        int shift = BitOperations.LeadingZeroCount(significand);
        return F80Rounding.Pack(sign, exponent - shift, significand << shift, 0, 64, ref context);
    }
}
