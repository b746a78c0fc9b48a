namespace Lguest.Jit.Core.Fpu;

/// <summary>FSCALE and FXTRACT: putting an exponent on, and taking it off (SDM vol. 2A).</summary>
internal static class F80Scale
{
    /// <summary>Beyond this power the result is surely out of range, unmasked adjustment included.</summary>
    private const int Limit = 0x10000;

    /// <summary><paramref name="value"/> · 2^trunc(<paramref name="power"/>). Precision control does not apply.</summary>
    public static F80 Scale(F80 value, F80 power, ref F80Context context)
    {
        if (F80NaN.Settles(value, power, ref context, out F80 nan))
            return nan;
        if (power.Exponent == F80.MaxExponent)
        {
            // 0·∞ and ∞·0 in disguise.
            if (power.IsNegative ? value.Class == F80Class.Infinity : value.IsZero)
                return context.Invalid();
            F80Number.NoteDenormals(value, power, ref context);
            return power.IsNegative ? F80.Zero(value.IsNegative) : F80.Infinity(value.IsNegative);
        }
        F80Number.NoteDenormals(value, power, ref context);
        if (value.IsZero || value.Exponent == F80.MaxExponent)
            return value;
        F80Number a = F80Number.Unpack(value, ref context);
        return F80Rounding.Pack(a.Sign, a.Exponent + Truncate(power), a.Significand, 0, 64, ref context);
    }

    /// <summary>The whole part of a finite number, cut off at ±<see cref="Limit"/>.</summary>
    private static int Truncate(F80 power)
    {
        int exponent = power.Exponent - F80.Bias;
        if (exponent < 0)
            return 0;
        int magnitude = exponent >= 16 ? Limit : (int)(power.Significand >> (63 - exponent));
        return power.IsNegative ? -magnitude : magnitude;
    }

    /// <summary>Splits into significand (returned, 1 ≤ |s| &lt; 2) and unbiased exponent.</summary>
    public static F80 Extract(F80 value, out F80 exponent, ref F80Context context)
    {
        if (F80NaN.Settles(value, ref context, out F80 nan))
        {
            exponent = nan;
            return nan;
        }
        if (value.Exponent == F80.MaxExponent)
        {
            exponent = F80.Infinity(false);
            return value;
        }
        if (value.IsZero)
        {
            context.Raise(FpuExceptions.ZeroDivide);
            exponent = F80.Infinity(true);
            return value;
        }
        F80Number a = F80Number.Unpack(value, ref context);
        exponent = F80Integer.FromInt64(a.Exponent - F80.Bias);
        return new F80(a.Sign, F80.Bias, a.Significand);
    }
}
