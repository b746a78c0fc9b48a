namespace Lguest.Jit.Core.Fpu;

/// <summary>FYL2X and FYL2XP1: y·log2(x) and y·log2(x + 1) (SDM vol. 2A).</summary>
internal static class F80Logarithm
{
    /// <summary>√2 as a 64-bit significand: mantissas above it are halved, so that the series starts close to 1.</summary>
    private const ulong RootOfTwo = 0xB504_F333_F9DE_6484;

    /// <summary>The last odd denominator of atanh's series; |z| ≤ 0.1716 makes each term 5 bits smaller than the one before.</summary>
    private const int LastDenominator = 55;

    /// <summary><paramref name="y"/>·log2(<paramref name="x"/>).</summary>
    public static F80 YLog2X(F80 x, F80 y, ref F80Context context)
    {
        if (F80NaN.Settles(x, y, ref context, out F80 nan))
            return nan;
        if (x.IsZero)
            return OfZero(y, ref context);
        if (x.IsNegative)
            return context.Invalid();
        int side = Side(x);
        if (x.Exponent == F80.MaxExponent || y.Exponent == F80.MaxExponent || y.IsZero)
            return Extreme(x, y, side, ref context);
        F80Number factor = F80Number.Unpack(y, ref context);
        F80Number number = F80Number.Unpack(x, ref context);
        if (side == 0)
            return F80.Zero(y.IsNegative);
        WideFloat logarithm = Log2(WideFloat.From(number), out bool exact);
        WideFloat product = logarithm * WideFloat.From(factor);
        return exact ? product.RoundUnnoticed(ref context) : product.RoundInexact(ref context);
    }

    /// <summary><paramref name="y"/>·log2(<paramref name="x"/> + 1), accurate however small x is.</summary>
    public static F80 YLog2XPlusOne(F80 x, F80 y, ref F80Context context)
    {
        if (F80NaN.Settles(x, y, ref context, out F80 nan))
            return nan;
        int side = x.IsZero ? 0 : x.IsNegative ? -1 : 1;
        if (x.IsNegative && x.Exponent == F80.MaxExponent)
            return context.Invalid();
        if (x.Exponent == F80.MaxExponent || y.Exponent == F80.MaxExponent || y.IsZero)
            return Extreme(x, y, side, ref context);
        if (x.IsNegative && x.Exponent >= F80.Bias)
            return OutOfRange(x, y, ref context);
        F80Number factor = F80Number.Unpack(y, ref context);
        F80Number number = F80Number.Unpack(x, ref context);
        if (side == 0)
            return F80.Zero(x.IsNegative ^ y.IsNegative);
        bool exact = false;
        WideFloat shifted = WideFloat.From(number);
        WideFloat logarithm = number.Exponent < F80.Bias - 2
            ? Series(shifted, shifted + WideFloat.One.Scale(1))
            : Log2(shifted + WideFloat.One, out exact);
        WideFloat product = logarithm * WideFloat.From(factor);
        return exact ? product.RoundUnnoticed(ref context) : product.RoundInexact(ref context);
    }

    /// <summary>x ≤ -1: no logarithm at all, and yet no exception but PE. Silicon hands the operand back.</summary>
    private static F80 OutOfRange(F80 x, F80 y, ref F80Context context)
    {
        F80Number.NoteDenormals(x, y, ref context);
        context.Raise(FpuExceptions.Precision);
        return x;
    }

    /// <summary>log2 of a positive number: exact for powers of two, irrational for all others.</summary>
    private static WideFloat Log2(WideFloat x, out bool exact)
    {
        int exponent = x.Exponent;
        exact = x.Significand == UInt128.One << 127;
        if ((ulong)(x.Significand >> 64) > RootOfTwo)
            exponent++;
        WideFloat whole = WideFloat.FromInteger(exponent < 0, (UInt128)(uint)Math.Abs(exponent), 0);
        if (exact)
            return whole;
        WideFloat mantissa = x.Scale(-exponent);
        return whole + Series(mantissa - WideFloat.One, mantissa + WideFloat.One);
    }

    /// <summary>
    /// log2((1 + z) / (1 - z)) = 2/ln 2 · atanh z for z = <paramref name="difference"/> / <paramref name="sum"/>: for
    /// m - 1 over m + 1 this is log2(m), without cancellation near m = 1.
    /// </summary>
    private static WideFloat Series(WideFloat difference, WideFloat sum)
    {
        WideFloat z = difference / sum;
        UInt128 square = (z * z).ToFraction();
        UInt128 terms = WideConstants.InverseOdd(LastDenominator);
        for (int n = LastDenominator - 2; n >= 3; n -= 2)
            terms = WideConstants.InverseOdd(n) + WideFloat.MultiplyHigh(terms, square);
        WideFloat correction = WideFloat.FromFraction(false, WideFloat.MultiplyHigh(terms, square));
        return WideConstants.TwoLog2E * z * (WideFloat.One + correction);
    }

    /// <summary>The sign of log2(<paramref name="x"/>) for positive x, by comparison with 1.</summary>
    private static int Side(F80 x)
    {
        if (x.Exponent != F80.Bias)
            return x.Exponent < F80.Bias ? -1 : 1;
        return x.Significand == F80.IntegerBit ? 0 : 1;
    }

    /// <summary>log2(0) is -∞: an honest division by zero, unless y is infinite itself; 0·∞ is invalid.</summary>
    private static F80 OfZero(F80 y, ref F80Context context)
    {
        if (y.IsZero)
            return context.Invalid();
        if (y.Exponent != F80.MaxExponent)
            context.Raise(FpuExceptions.ZeroDivide);
        return F80.Infinity(!y.IsNegative);
    }

    /// <summary>y zero or infinite, or the logarithm infinite; <paramref name="side"/> is the logarithm's sign.</summary>
    private static F80 Extreme(F80 x, F80 y, int side, ref F80Context context)
    {
        bool infinite = x.Exponent == F80.MaxExponent;
        if (infinite ? y.IsZero : side == 0 && y.Exponent == F80.MaxExponent)
            return context.Invalid();
        F80Number.NoteDenormals(x, y, ref context);
        bool sign = y.IsNegative ^ (side < 0 || (side == 0 && x.IsNegative));
        return infinite || y.Exponent == F80.MaxExponent ? F80.Infinity(sign) : F80.Zero(sign);
    }
}
