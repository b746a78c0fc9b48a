namespace Lguest.Jit.Core.Fpu;

/// <summary>FADD, FSUB and their kin.</summary>
internal static class F80AddSubtract
{
    public static F80 Add(F80 left, F80 right, ref F80Context context) => Sum(left, right, false, ref context);

    /// <summary>left - right. A NaN keeps its sign: subtraction is not addition of the negated NaN.</summary>
    public static F80 Subtract(F80 left, F80 right, ref F80Context context) => Sum(left, right, true, ref context);

    private static F80 Sum(F80 left, F80 right, bool negateRight, ref F80Context context)
    {
        if (!(left.IsNormal && right.IsNormal))
        {
            if (F80NaN.Settles(left, right, ref context, out F80 nan))
                return nan;
            if (left.Exponent == F80.MaxExponent || right.Exponent == F80.MaxExponent)
                return SumOfInfinities(left, negateRight ? right.Negate() : right, ref context);
        }
        if (context.DenormalSource)
            context.Raise(FpuExceptions.Denormal);
        F80Number a = F80Number.Unpack(left, ref context);
        F80Number b = F80Number.Unpack(right, ref context);
        bool signB = b.Sign ^ negateRight;
        if (b.IsZero)
        {
            return a.IsZero
                ? F80.Zero(a.Sign == signB ? a.Sign : context.Rounding == F80RoundingMode.Down)
                : F80Rounding.Pack(a.Sign, a.Exponent, a.Significand, 0, ref context);
        }
        if (a.IsZero)
            return F80Rounding.Pack(signB, b.Exponent, b.Significand, 0, ref context);
        return a.Exponent > b.Exponent || (a.Exponent == b.Exponent && a.Significand >= b.Significand)
            ? Combine(a, a.Sign, b, signB, ref context)
            : Combine(b, signB, a, a.Sign, ref context);
    }

    /// <summary>Two non-zero numbers, the first at least as large as the second.</summary>
    private static F80 Combine(F80Number large, bool sign, F80Number small, bool smallSign, ref F80Context context)
    {
        ulong high = small.Significand;
        ulong low = 0;
        Wide128.ShiftRightSticky(ref high, ref low, large.Exponent - small.Exponent);
        int exponent = large.Exponent;
        if (sign == smallSign)
        {
            ulong sum = unchecked(large.Significand + high);
            if (sum < high)
            {
                low = sum << 63 | low >> 1 | (low & 1);
                sum = sum >> 1 | F80.IntegerBit;
                exponent++;
            }
            return F80Rounding.Pack(sign, exponent, sum, low, ref context);
        }
        high = unchecked(large.Significand - high - (low != 0 ? 1UL : 0));
        low = 0 - low;
        if ((high | low) == 0)
            return F80.Zero(context.Rounding == F80RoundingMode.Down);
        exponent -= Wide128.Normalize(ref high, ref low);
        return F80Rounding.Pack(sign, exponent, high, low, ref context);
    }

    private static F80 SumOfInfinities(F80 left, F80 right, ref F80Context context)
    {
        bool both = left.Exponent == F80.MaxExponent && right.Exponent == F80.MaxExponent;
        if (both && left.IsNegative != right.IsNegative)
            return context.Invalid();
        F80Number.NoteDenormals(left, right, ref context);
        return left.Exponent == F80.MaxExponent ? left : right;
    }
}
