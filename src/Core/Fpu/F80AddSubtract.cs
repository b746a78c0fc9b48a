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
            return SumOfOthers(left, right, negateRight, ref context);
        if (context.DenormalSource)
            context.Raise(FpuExceptions.Denormal);
        int difference = left.Exponent - right.Exponent;
        bool signRight = right.IsNegative ^ negateRight;
        return difference > 0 || (difference == 0 && left.Significand >= right.Significand)
            ? Combine(left.IsNegative, left.Exponent, left.Significand, signRight, right.Significand, difference, ref context)
            : Combine(signRight, right.Exponent, right.Significand, left.IsNegative, left.Significand, -difference, ref context);
    }

    /// <summary>At least one operand is zero, denormal, infinite or no number at all.</summary>
    private static F80 SumOfOthers(F80 left, F80 right, bool negateRight, ref F80Context context)
    {
        if (F80NaN.Settles(left, right, ref context, out F80 nan))
            return nan;
        if (left.Exponent == F80.MaxExponent || right.Exponent == F80.MaxExponent)
            return SumOfInfinities(left, negateRight ? right.Negate() : right, ref context);
        if (context.DenormalSource)
            context.Raise(FpuExceptions.Denormal);
        F80Number a = F80Number.Unpack(left, ref context);
        F80Number b = F80Number.Unpack(right, ref context);
        bool signB = b.Sign ^ negateRight;
        if (a.IsZero && b.IsZero)
            return F80.Zero(a.Sign == signB ? a.Sign : context.Rounding == F80RoundingMode.Down);
        if (b.IsZero)
            return F80Rounding.Pack(a.Sign, a.Exponent, a.Significand, 0, ref context);
        if (a.IsZero)
            return F80Rounding.Pack(signB, b.Exponent, b.Significand, 0, ref context);
        int difference = a.Exponent - b.Exponent;
        return difference > 0 || (difference == 0 && a.Significand >= b.Significand)
            ? Combine(a.Sign, a.Exponent, a.Significand, signB, b.Significand, difference, ref context)
            : Combine(signB, b.Exponent, b.Significand, a.Sign, a.Significand, -difference, ref context);
    }

    /// <summary>
    /// Two normalized significands, the first number at least as large as the second, whose exponent is smaller by
    /// <paramref name="difference"/>.
    /// </summary>
    private static F80 Combine(
        bool sign, int exponent, ulong large, bool smallSign, ulong small, int difference, ref F80Context context)
    {
        ulong high = small;
        ulong low = 0;
        Wide128.ShiftRightSticky(ref high, ref low, difference);
        if (sign == smallSign)
        {
            ulong sum = unchecked(large + high);
            if (sum < high)
            {
                low = sum << 63 | low >> 1 | (low & 1);
                sum = sum >> 1 | F80.IntegerBit;
                exponent++;
            }
            return F80Rounding.Pack(sign, exponent, sum, low, ref context);
        }
        high = unchecked(large - high - (low != 0 ? 1UL : 0));
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
