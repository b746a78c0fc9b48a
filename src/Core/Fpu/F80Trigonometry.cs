namespace Lguest.Jit.Core.Fpu;

/// <summary>FSIN, FCOS, FPTAN (SDM vol. 2A; argument reduction in vol. 1 §8.3.8).</summary>
/// <remarks>
/// The silicon reduces by a π of 66 bits, and so do we: far from zero its answers are off the true sine, and a program
/// that compares notes with real hardware expects exactly those.
/// </remarks>
internal static class F80Trigonometry
{
    /// <summary>2^63 and beyond: no reduction, C2.</summary>
    private const int Limit = F80.Bias + 63;

    /// <summary>1/n! up to here is enough for |r| ≤ π/4.</summary>
    private const int LastSine = 33;
    private const int LastCosine = 34;

    /// <summary>Below 2^-40 two terms of the tangent's series are all there is in 128 bits.</summary>
    private const int TinyTangent = -40;

    /// <summary>The hardware's π, 0xC90FDAA22168C234C / 2^66, as an integer of 66 bits: π/2 is 2^-65 of it.</summary>
    private static UInt128 HardwarePi => new(0x3, 0x243F_6A88_85A3_08D3);

    /// <summary>True when the operand is too large to be reduced: nothing happens but C2.</summary>
    public static bool IsOutOfRange(F80 value) => value.Class == F80Class.Normal && value.Exponent >= Limit;

    public static F80 Sine(F80 value, ref F80Context context)
    {
        if (IsSpecial(value, ref context, out F80 result))
            return value.IsZero ? value : result;
        WideFloat rest = Reduce(F80Number.Unpack(value, ref context), out int quadrant);
        return OfQuadrant(rest, quadrant).RoundInexact(ref context);
    }

    public static F80 Cosine(F80 value, ref F80Context context)
    {
        if (IsSpecial(value, ref context, out F80 result))
            return value.IsZero ? F80.One : result;
        WideFloat rest = Reduce(F80Number.Unpack(value, ref context), out int quadrant);
        return OfQuadrant(rest, quadrant + 1).RoundInexact(ref context);
    }

    public static F80 Tangent(F80 value, ref F80Context context)
    {
        if (IsSpecial(value, ref context, out F80 result))
            return value.IsZero ? value : result;
        WideFloat rest = Reduce(F80Number.Unpack(value, ref context), out int quadrant);
        return TangentOf(rest, quadrant).RoundInexact(ref context);
    }

    private static bool IsSpecial(F80 value, ref F80Context context, out F80 result)
    {
        if (F80NaN.Settles(value, ref context, out result))
            return true;
        if (value.Exponent == F80.MaxExponent)
            result = context.Invalid();
        return value.IsZero || value.Exponent == F80.MaxExponent;
    }

    /// <summary>
    /// x = n·π/2 + rest with |rest| ≤ π/4. Exact: in units of 2^-65 an x from π/4 to 2^63 is an integer of up to 128 bits,
    /// and so is the hardware's π/2.
    /// </summary>
    private static WideFloat Reduce(F80Number x, out int quadrant)
    {
        quadrant = 0;
        int shift = x.Exponent - F80.Bias + 2;
        if (shift < 1)
            return WideFloat.From(x);
        (UInt128 n, UInt128 rest) = UInt128.DivRem((UInt128)x.Significand << shift, HardwarePi);
        bool up = rest << 1 > HardwarePi;
        if (up)
        {
            rest = HardwarePi - rest;
            n++;
        }
        quadrant = (int)(n & 3);
        if (x.Sign)
            quadrant = -quadrant;
        return n == UInt128.Zero ? WideFloat.From(x) : WideFloat.FromInteger(x.Sign ^ up, rest, -65);
    }

    /// <summary>sin(rest + quadrant·π/2).</summary>
    private static WideFloat OfQuadrant(WideFloat rest, int quadrant)
    {
        WideFloat value = (quadrant & 1) != 0 ? CosineOf(rest) : SineOf(rest);
        return (quadrant & 2) != 0 ? value.Negate() : value;
    }

    /// <summary>r·(1 - r²/3! + r⁴/5! - …). The square is rounded up: the sine of a tiny r is just below r.</summary>
    private static WideFloat SineOf(WideFloat rest) => rest * AlternatingSeries(rest, LastSine);

    /// <summary>1 - r²/2! + r⁴/4! - …</summary>
    private static WideFloat CosineOf(WideFloat rest) => AlternatingSeries(rest, LastCosine);

    /// <summary>1 - r²·(1/a! - r²·(1/(a+2)! - …)) where a is 2 or 3, as <paramref name="last"/> is even or odd.</summary>
    private static WideFloat AlternatingSeries(WideFloat rest, int last)
    {
        UInt128 square = (rest * rest).ToFraction() + UInt128.One;
        UInt128 sum = WideConstants.InverseFactorial(last);
        for (int n = last - 2; n >= 2; n -= 2)
            sum = WideConstants.InverseFactorial(n) - WideFloat.MultiplyHigh(sum, square);
        UInt128 less = WideFloat.MultiplyHigh(sum, square) + UInt128.One;
        return WideFloat.FromFraction(false, UInt128.MaxValue - less);
    }

    private static WideFloat TangentOf(WideFloat rest, int quadrant)
    {
        if (rest.Exponent < TinyTangent && (quadrant & 1) == 0)
        {
            UInt128 third = WideFloat.MultiplyHigh((rest * rest).ToFraction(), WideConstants.InverseOdd(3)) + UInt128.One;
            return rest * (WideFloat.One + WideFloat.FromInteger(false, third + UInt128.One, -128));
        }
        WideFloat sine = SineOf(rest);
        WideFloat cosine = CosineOf(rest);
        return (quadrant & 1) != 0 ? (cosine / sine).Negate() : sine / cosine;
    }
}
