using System.Numerics;

namespace Lguest.Jit.Core.Fpu;

/// <summary>Integers in and out (FILD, FIST, FISTTP), and FRNDINT.</summary>
internal static class F80Integer
{
    /// <summary>Exact: 64 bits of significand hold every 64-bit integer.</summary>
    public static F80 FromInt64(long value) => value < 0 ? FromMagnitude(true, 0 - (ulong)value) : FromMagnitude(false, (ulong)value);

    /// <summary>±<paramref name="magnitude"/>; a minus sign on 0 stays.</summary>
    public static F80 FromMagnitude(bool sign, ulong magnitude)
    {
        if (magnitude == 0)
            return F80.Zero(sign);
        int shift = BitOperations.LeadingZeroCount(magnitude);
        return new F80(sign, F80.Bias + 63 - shift, magnitude << shift);
    }

    /// <summary>
    /// Rounds to a whole number of at most <paramref name="limit"/> (one more when negative and
    /// <paramref name="twosComplement"/>). Anything else, infinities and NaNs too, is IE and answers false.
    /// </summary>
    public static bool TryRound(
        F80 value, F80RoundingMode mode, ulong limit, bool twosComplement, out ulong magnitude, ref F80Context context)
    {
        magnitude = 0;
        if (value.IsZero)
            return true;
        bool sign = value.IsNegative;
        if (!IsFinite(value) || !TryWhole(value, mode, out magnitude, out bool inexact, out bool up)
            || magnitude > limit + (sign && twosComplement ? 1UL : 0))
        {
            context.Raise(FpuExceptions.Invalid);
            return false;
        }
        if (inexact)
        {
            context.Raise(FpuExceptions.Precision);
            context.RoundedUp = up;
        }
        return true;
    }

    private static bool IsFinite(F80 value) => value.Class <= F80Class.Normal;

    /// <summary>The magnitude of a finite number as a whole one; false from 2^64 on.</summary>
    private static bool TryWhole(F80 value, F80RoundingMode mode, out ulong magnitude, out bool inexact, out bool up)
    {
        int shift = F80.Bias + 63 - value.Exponent;
        ulong whole = value.Significand;
        ulong fraction = 0;
        magnitude = 0;
        inexact = up = false;
        if (shift < 0)
            return false;
        Wide128.ShiftRightSticky(ref whole, ref fraction, shift);
        magnitude = F80Rounding.Round(value.IsNegative, whole, fraction, 64, mode, out inexact, out up);
        return magnitude != 0 || !up;
    }

    /// <summary>FRNDINT: a whole number in the same format, by the rounding control.</summary>
    public static F80 RoundToInteger(F80 value, ref F80Context context)
    {
        if (F80NaN.Settles(value, ref context, out F80 nan))
            return nan;
        if (value.IsZero || value.Exponent >= F80.Bias + 63)
            return value;
        if (value.Exponent == 0)
            context.Raise(FpuExceptions.Denormal);
        _ = TryWhole(value, context.Rounding, out ulong magnitude, out bool inexact, out bool up);
        if (inexact)
        {
            context.Raise(FpuExceptions.Precision);
            context.RoundedUp = up;
        }
        return FromMagnitude(value.IsNegative, magnitude);
    }
}
