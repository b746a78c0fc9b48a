using System.Numerics;

namespace Lguest.Jit.Core.Fpu;

/// <summary>IEEE single and double in memory, to and from 80 bits (FLD and FST m32fp, m64fp).</summary>
internal static class F80Float
{
    /// <summary>
    /// Widening is exact. A signalling NaN stays one (a load quiets it, arithmetic judges it itself), and a denormal is
    /// noted in <see cref="F80Context.DenormalSource"/>.
    /// </summary>
    public static F80 FromSingle(uint bits, ref F80Context context) =>
        Widen((bits & 0x8000_0000) != 0, (int)(bits >> 23) & 0xFF, (ulong)bits << 41, 0xFF, 127, ref context);

    /// <inheritdoc cref="FromSingle"/>
    public static F80 FromDouble(ulong bits, ref F80Context context) =>
        Widen((bits & 1UL << 63) != 0, (int)(bits >> 52) & 0x7FF, bits << 12, 0x7FF, 1023, ref context);

    /// <param name="fraction">Fraction bits, the first of them at bit 63.</param>
    private static F80 Widen(bool sign, int exponent, ulong fraction, int maxExponent, int bias, ref F80Context context)
    {
        if (exponent == maxExponent)
            return new F80(sign, F80.MaxExponent, fraction >> 1 | F80.IntegerBit);
        if (exponent != 0)
            return new F80(sign, exponent - bias + F80.Bias, fraction >> 1 | F80.IntegerBit);
        if (fraction == 0)
            return F80.Zero(sign);
        context.DenormalSource = true;
        int shift = BitOperations.LeadingZeroCount(fraction);
        return new F80(sign, F80.Bias - bias - shift, fraction << shift);
    }

    /// <summary>
    /// Narrows with rounding. Unmasked overflow and underflow mean that nothing may be stored: memory has no room for the
    /// adjusted exponent that a register would get (SDM vol. 1 §8.5.4). The caller sees it in <paramref name="context"/>.
    /// </summary>
    public static uint ToSingle(F80 value, ref F80Context context) => (uint)Narrow(value, 24, 127, ref context);

    /// <inheritdoc cref="ToSingle"/>
    public static ulong ToDouble(F80 value, ref F80Context context) => Narrow(value, 53, 1023, ref context);

    /// <param name="bits">Significand bits with the hidden one; the format has as many exponent bits as fill 32 or 64.</param>
    private static ulong Narrow(F80 value, int bits, int bias, ref F80Context context)
    {
        ulong maxExponent = (ulong)bias * 2 + 1;
        ulong sign = value.IsNegative ? maxExponent + 1 : 0;
        int fractionBits = bits - 1;
        if (F80NaN.Settles(value, ref context, out F80 nan))
            return ((nan.IsNegative ? maxExponent + 1 : 0) | maxExponent) << fractionBits | nan.Significand << 1 >> (64 - fractionBits);
        if (value.Exponent == F80.MaxExponent)
            return (sign | maxExponent) << fractionBits;
        if (value.IsZero)
            return sign << fractionBits;

        int shift = BitOperations.LeadingZeroCount(value.Significand);
        int exponent = Math.Max(value.Exponent, 1) - shift - F80.Bias + bias;
        ulong significand = value.Significand << shift;
        ulong rounded = F80Rounding.Round(value.IsNegative, significand, 0, bits, context.Rounding, out bool inexact, out bool up);
        if (exponent < 0 || (exponent == 0 && rounded != 0))
            return sign << fractionBits | NarrowTiny(value.IsNegative, exponent, significand, bits, ref context);
        if (rounded == 0)
        {
            rounded = F80.IntegerBit;
            exponent++;
        }
        if (exponent >= (int)maxExponent)
        {
            context.Raise(FpuExceptions.Overflow);
            if ((context.Unmasked & FpuExceptions.Overflow) != 0)
                return 0;
            context.Raise(FpuExceptions.Precision);
            context.RoundedUp = F80Rounding.OverflowsToInfinity(value.IsNegative, context.Rounding);
            return ((sign | maxExponent) << fractionBits) - (context.RoundedUp ? 0UL : 1);
        }
        if (inexact)
        {
            context.Raise(FpuExceptions.Precision);
            context.RoundedUp = up;
        }
        return (sign | (uint)exponent) << fractionBits | rounded << 1 >> (64 - fractionBits);
    }

    /// <summary>A result below the format's normal range: fixed point, and a carry into the exponent field is just right.</summary>
    private static ulong NarrowTiny(bool sign, int exponent, ulong significand, int bits, ref F80Context context)
    {
        if ((context.Unmasked & FpuExceptions.Underflow) != 0)
        {
            context.Raise(FpuExceptions.Underflow);
            return 0;
        }
        ulong tail = 0;
        Wide128.ShiftRightSticky(ref significand, ref tail, 1 - exponent);
        ulong rounded = F80Rounding.Round(sign, significand, tail, bits, context.Rounding, out bool inexact, out bool up);
        if (inexact)
        {
            context.Raise(FpuExceptions.Underflow | FpuExceptions.Precision);
            context.RoundedUp = up;
        }
        return rounded >> (64 - bits);
    }
}
