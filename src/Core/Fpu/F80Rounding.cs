namespace Lguest.Jit.Core.Fpu;

/// <summary>
/// The last step of every operation: an exact value, or one with a sticky bit, becomes 64 bits or fewer, and the
/// three exceptions that a result can cause (overflow, underflow, inexact) are found (SDM vol. 1 §4.8.4, §8.5.4-6).
/// </summary>
internal static class F80Rounding
{
    /// <summary>2^24576 brings unmasked over- and underflows back into range, for the handler to see (SDM vol. 1 §8.5.4).</summary>
    private const int ExponentAdjust = 24576;

    /// <summary>Half a unit, seen as the 64 bits behind the point.</summary>
    private const ulong Half = 1UL << 63;

    /// <summary>Rounds to the precision that the control word asks for.</summary>
    public static F80 Pack(bool sign, int exponent, ulong high, ulong low, ref F80Context context) =>
        Pack(sign, exponent, high, low, context.PrecisionBits, ref context);

    /// <summary>
    /// Rounds ±(<paramref name="high"/>.<paramref name="low"/>) × 2^(<paramref name="exponent"/> - bias) to
    /// <paramref name="bits"/> bits. <paramref name="high"/> is normalized (top bit set), the exponent is free to be out of range.
    /// </summary>
    public static F80 Pack(bool sign, int exponent, ulong high, ulong low, int bits, ref F80Context context)
    {
        if (exponent <= 0)
            return PackTiny(sign, exponent, high, low, bits, ref context);
        ulong rounded = Round(sign, high, low, bits, context.Rounding, out bool inexact, out bool up);
        if (rounded == 0)
        {
            rounded = F80.IntegerBit;
            exponent++;
        }
        if (exponent >= F80.MaxExponent)
            return Overflow(sign, exponent, rounded, inexact, up, bits, ref context);
        if (inexact)
        {
            context.Raise(FpuExceptions.Precision);
            context.RoundedUp = up;
        }
        return new F80(sign, exponent, rounded);
    }

    /// <summary>
    /// Rounds a 64-bit significand with a 64-bit tail to its upper <paramref name="bits"/> bits.
    /// </summary>
    /// <returns>The significand; 0 when rounding carried out of the top, which then stands for 2^64.</returns>
    public static ulong Round(bool sign, ulong high, ulong low, int bits, F80RoundingMode mode, out bool inexact, out bool up)
    {
        ulong unit = 1;
        ulong rest = low;
        if (bits != 64)
        {
            unit = 1UL << (64 - bits);
            rest = high << bits | (low != 0 ? 1UL : 0);
            high &= 0 - unit;
        }
        inexact = rest != 0;
        up = mode switch
        {
            F80RoundingMode.NearestEven => rest > Half || (rest == Half && (high & unit) != 0),
            F80RoundingMode.Down => sign && inexact,
            F80RoundingMode.Up => !sign && inexact,
            _ => false,
        };
        return up ? unchecked(high + unit) : high;
    }

    /// <summary>
    /// Results below the normal range. x87 detects tininess after rounding: what a rounding with unbounded exponent
    /// would lift to the smallest normal number does not count. Masked, underflow is only reported when inexact too;
    /// unmasked, tiny is enough.
    /// </summary>
    private static F80 PackTiny(bool sign, int exponent, ulong high, ulong low, int bits, ref F80Context context)
    {
        bool tiny = exponent < 0 || Round(sign, high, low, bits, context.Rounding, out _, out _) != 0;
        if (tiny && (context.Unmasked & FpuExceptions.Underflow) != 0)
        {
            context.Raise(FpuExceptions.Underflow);
            exponent += ExponentAdjust;
            return exponent > 0
                ? Pack(sign, exponent, high, low, bits, ref context)
                : MassivelyTiny(sign, ref context);
        }
        Wide128.ShiftRightSticky(ref high, ref low, 1 - exponent);
        ulong rounded = Round(sign, high, low, bits, context.Rounding, out bool inexact, out bool up);
        if (inexact)
        {
            context.Raise(tiny ? FpuExceptions.Underflow | FpuExceptions.Precision : FpuExceptions.Precision);
            context.RoundedUp = up;
        }
        return new F80(sign, (int)(rounded >> 63), rounded);
    }

    /// <summary>Only FSCALE gets here: even 2^24576 does not bring the number back. A zero of its sign is left.</summary>
    private static F80 MassivelyTiny(bool sign, ref F80Context context)
    {
        context.Raise(FpuExceptions.Precision);
        return F80.Zero(sign);
    }

    private static F80 Overflow(bool sign, int exponent, ulong rounded, bool inexact, bool up, int bits, ref F80Context context)
    {
        context.Raise(FpuExceptions.Overflow);
        if ((context.Unmasked & FpuExceptions.Overflow) != 0)
        {
            exponent -= ExponentAdjust;
            if (inexact)
            {
                context.Raise(FpuExceptions.Precision);
                context.RoundedUp = up;
            }
            if (exponent < F80.MaxExponent)
                return new F80(sign, exponent, rounded);
            context.Raise(FpuExceptions.Precision);
            context.RoundedUp = true;
            return F80.Infinity(sign);
        }
        context.Raise(FpuExceptions.Precision);
        context.RoundedUp = OverflowsToInfinity(sign, context.Rounding);
        return context.RoundedUp ? F80.Infinity(sign) : new F80(sign, F80.MaxExponent - 1, 0 - (1UL << (64 - bits)));
    }

    /// <summary>Rounding towards zero never reaches infinity (SDM vol. 1 table 4-10).</summary>
    public static bool OverflowsToInfinity(bool sign, F80RoundingMode mode) => mode switch
    {
        F80RoundingMode.NearestEven => true,
        F80RoundingMode.Down => sign,
        F80RoundingMode.Up => !sign,
        _ => false,
    };
}
