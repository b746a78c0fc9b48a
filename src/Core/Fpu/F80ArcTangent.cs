namespace Lguest.Jit.Core.Fpu;

/// <summary>FPATAN: the angle of the point (x, y), -π..π (SDM vol. 2A table 3-37).</summary>
internal static class F80ArcTangent
{
    /// <summary>The last odd denominator of arctan's series; |t| ≤ 1/31 makes each term ten bits smaller than the one before.</summary>
    private const int LastDenominator = 27;

    public static F80 ArcTangent(F80 x, F80 y, ref F80Context context)
    {
        if (F80NaN.Settles(x, y, ref context, out F80 nan))
            return nan;
        F80Number.NoteDenormals(x, y, ref context);
        bool infiniteX = x.Exponent == F80.MaxExponent;
        bool infiniteY = y.Exponent == F80.MaxExponent;
        if (y.IsZero || (infiniteX && !infiniteY))
            return x.IsNegative ? WideConstants.Pi.WithSign(y.IsNegative).RoundInexact(ref context) : F80.Zero(y.IsNegative);
        if (x.IsZero || (infiniteY && !infiniteX))
            return WideConstants.HalfPi.WithSign(y.IsNegative).RoundInexact(ref context);

        WideFloat angle = infiniteX
            ? WideConstants.HalfPi.Scale(-1)
            : FirstQuadrant(WideFloat.From(F80Number.Unpack(x, ref context)), WideFloat.From(F80Number.Unpack(y, ref context)));
        if (x.IsNegative)
            angle = WideConstants.Pi - angle;
        return angle.WithSign(y.IsNegative).RoundInexact(ref context);
    }

    /// <summary>arctan |y/x|: the smaller over the larger, and the complement if that was the other way round.</summary>
    private static WideFloat FirstQuadrant(WideFloat x, WideFloat y)
    {
        x = x.WithSign(false);
        y = y.WithSign(false);
        bool steep = y.Exponent > x.Exponent || (y.Exponent == x.Exponent && y.Significand > x.Significand);
        WideFloat angle = BelowOne(steep ? x / y : y / x);
        return steep ? WideConstants.HalfPi - angle : angle;
    }

    /// <summary>arctan q for 0 &lt; q ≤ 1: the nearest sixteenth c from a table, plus arctan((q - c) / (1 + qc)).</summary>
    private static WideFloat BelowOne(WideFloat q)
    {
        if (q.Exponent >= 0)
            return WideFloat.FromFraction(false, WideConstants.ArcTangent(16));
        int sixteenths = ((int)(q.ToFraction() >> 123) + 1) >> 1;
        if (sixteenths == 0)
            return Series(q);
        WideFloat c = WideFloat.FromInteger(false, (UInt128)(uint)sixteenths, -4);
        WideFloat t = (q - c) / (WideFloat.One + q * c);
        WideFloat known = WideFloat.FromFraction(false, WideConstants.ArcTangent(sixteenths));
        return t.IsZero ? known : known + Series(t);
    }

    /// <summary>t·(1 - t²/3 + t⁴/5 - …). The square is rounded up: a tiny t comes out just below itself, where arctan t is.</summary>
    private static WideFloat Series(WideFloat t)
    {
        UInt128 square = (t * t).ToFraction() + UInt128.One;
        UInt128 sum = WideConstants.InverseOdd(LastDenominator);
        for (int n = LastDenominator - 2; n >= 3; n -= 2)
            sum = WideConstants.InverseOdd(n) - WideFloat.MultiplyHigh(sum, square);
        UInt128 less = WideFloat.MultiplyHigh(sum, square) + UInt128.One;
        return t * WideFloat.FromFraction(false, UInt128.MaxValue - less);
    }
}
