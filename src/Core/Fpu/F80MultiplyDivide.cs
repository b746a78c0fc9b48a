namespace Lguest.Jit.Core.Fpu;

/// <summary>FMUL and FDIV.</summary>
internal static class F80MultiplyDivide
{
    public static F80 Multiply(F80 left, F80 right, ref F80Context context)
    {
        bool sign = left.IsNegative ^ right.IsNegative;
        if (!(left.IsNormal && right.IsNormal))
        {
            if (F80NaN.Settles(left, right, ref context, out F80 nan))
                return nan;
            if (left.Exponent == F80.MaxExponent || right.Exponent == F80.MaxExponent)
            {
                if (left.IsZero || right.IsZero)
                    return context.Invalid();
                F80Number.NoteDenormals(left, right, ref context);
                return F80.Infinity(sign);
            }
        }
        if (context.DenormalSource)
            context.Raise(FpuExceptions.Denormal);
        F80Number a = F80Number.Unpack(left, ref context);
        F80Number b = F80Number.Unpack(right, ref context);
        if (a.IsZero || b.IsZero)
            return F80.Zero(sign);
        ulong high = Math.BigMul(a.Significand, b.Significand, out ulong low);
        int exponent = a.Exponent + b.Exponent - F80.Bias + 1;
        if ((high & F80.IntegerBit) == 0)
        {
            high = high << 1 | low >> 63;
            low <<= 1;
            exponent--;
        }
        return F80Rounding.Pack(sign, exponent, high, low, ref context);
    }

    public static F80 Divide(F80 dividend, F80 divisor, ref F80Context context)
    {
        bool sign = dividend.IsNegative ^ divisor.IsNegative;
        if (!(dividend.IsNormal && divisor.IsNormal))
        {
            if (F80NaN.Settles(dividend, divisor, ref context, out F80 nan))
                return nan;
            if (dividend.Exponent == F80.MaxExponent || divisor.Exponent == F80.MaxExponent)
                return DivideInfinities(sign, dividend, divisor, ref context);
            if (divisor.IsZero)
                return DivideByZero(sign, dividend, ref context);
        }
        if (context.DenormalSource)
            context.Raise(FpuExceptions.Denormal);
        F80Number a = F80Number.Unpack(dividend, ref context);
        F80Number b = F80Number.Unpack(divisor, ref context);
        if (a.IsZero)
            return F80.Zero(sign);

        // The quotient of two significands lies between 1/2 and 2: halve the dividend when it is the larger, and
        // exactly 64 quotient bits come out, the first of them set.
        bool larger = a.Significand >= b.Significand;
        int exponent = a.Exponent - b.Exponent + F80.Bias - (larger ? 0 : 1);
        ulong quotient = larger
            ? Wide128.Divide(a.Significand >> 1, a.Significand << 63, b.Significand, out ulong remainder)
            : Wide128.Divide(a.Significand, 0, b.Significand, out remainder);
        return F80Rounding.Pack(sign, exponent, quotient, Tail(remainder, b.Significand), ref context);
    }

    /// <summary>All that rounding wants to know of a remainder: none, below, exactly or above half the divisor.</summary>
    private static ulong Tail(ulong remainder, ulong divisor)
    {
        if (remainder == 0)
            return 0;
        ulong other = divisor - remainder;
        return remainder < other ? 1 : remainder == other ? 1UL << 63 : 1UL << 63 | 1;
    }

    private static F80 DivideInfinities(bool sign, F80 dividend, F80 divisor, ref F80Context context)
    {
        if (dividend.Exponent == divisor.Exponent)
            return context.Invalid();
        F80Number.NoteDenormals(dividend, divisor, ref context);
        return dividend.Exponent == F80.MaxExponent ? F80.Infinity(sign) : F80.Zero(sign);
    }

    private static F80 DivideByZero(bool sign, F80 dividend, ref F80Context context)
    {
        if (dividend.IsZero)
            return context.Invalid();
        context.Raise(FpuExceptions.ZeroDivide);
        return F80.Infinity(sign);
    }
}
