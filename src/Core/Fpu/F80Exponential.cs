namespace Lguest.Jit.Core.Fpu;

/// <summary>F2XM1: 2^x - 1 for |x| ≤ 1 (SDM vol. 2A).</summary>
internal static class F80Exponential
{
    /// <summary>Enough terms of Σ y^(n-1)/n! for |y| ≤ ln 2.</summary>
    private const int Terms = 34;

    public static F80 TwoToXMinusOne(F80 value, ref F80Context context)
    {
        if (F80NaN.Settles(value, ref context, out F80 nan))
            return nan;
        if (value.IsZero)
            return value;
        if (value.Exponent == F80.MaxExponent)
            return value.IsNegative ? F80.One.Negate() : value;
        F80Number x = F80Number.Unpack(value, ref context);
        if (x.Exponent >= F80.Bias)
            return OutOfRange(value, ref context);

        // e^y - 1 = y·(1 + y/2! + y²/3! + …): every digit of the answer is relative to y, however small.
        WideFloat y = WideFloat.From(x) * WideConstants.Ln2;
        UInt128 magnitude = y.ToFraction();
        UInt128 sum = WideConstants.InverseFactorial(Terms);
        for (int n = Terms - 1; n >= 2; n--)
        {
            UInt128 term = WideFloat.MultiplyHigh(sum, magnitude);
            sum = WideConstants.InverseFactorial(n);
            sum = y.Sign ? sum - term : sum + term;
        }
        WideFloat correction = WideFloat.FromFraction(y.Sign, WideFloat.MultiplyHigh(sum, magnitude));
        return (y * (WideFloat.One + correction)).RoundInexact(ref context);
    }

    /// <summary>±1 are the exact ends of the range; beyond them the manual promises nothing and silicon hands the operand back.</summary>
    private static F80 OutOfRange(F80 value, ref F80Context context)
    {
        context.Raise(FpuExceptions.Precision);
        if (value == F80.One.Negate())
            return new F80(true, F80.Bias - 1, F80.IntegerBit);
        return value;
    }
}
