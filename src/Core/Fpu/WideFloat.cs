namespace Lguest.Jit.Core.Fpu;

/// <summary>
/// A number with 128 bits of significand, for the inside of the transcendentals: 64 bits more than the answer, so that a
/// few truncations on the way do not show in it.
/// </summary>
/// <remarks>Operations truncate; the error of each is below 2^-126 of the value. Zero has a significand of 0.</remarks>
internal readonly struct WideFloat(bool sign, int exponent, UInt128 significand)
{
    public readonly bool Sign = sign;

    /// <summary>Unbiased: the value is significand / 2^127 · 2^Exponent.</summary>
    public readonly int Exponent = exponent;

    /// <summary>Top bit set.</summary>
    public readonly UInt128 Significand = significand;

    public bool IsZero => Significand == UInt128.Zero;

    public static WideFloat One => new(false, 0, UInt128.One << 127);

    public static WideFloat From(F80Number number) => new(number.Sign, number.Exponent - F80.Bias, (UInt128)number.Significand << 64);

    /// <summary><paramref name="value"/> · 2^<paramref name="exponent"/>, exactly.</summary>
    public static WideFloat FromInteger(bool sign, UInt128 value, int exponent)
    {
        int shift = (int)UInt128.LeadingZeroCount(value);
        return value == UInt128.Zero ? default : new WideFloat(sign, exponent + 127 - shift, value << shift);
    }

    /// <summary>A fraction below 1, in units of 2^-128.</summary>
    public static WideFloat FromFraction(bool sign, UInt128 fraction) => FromInteger(sign, fraction, -128);

    /// <summary>The magnitude, which must be below 1, in units of 2^-128; rounded down.</summary>
    public UInt128 ToFraction() => Exponent < -128 ? UInt128.Zero : Significand >> (-1 - Exponent);

    public WideFloat Negate() => new(!Sign, Exponent, Significand);

    public WideFloat WithSign(bool sign) => new(sign, Exponent, Significand);

    /// <summary>Times 2^<paramref name="power"/>.</summary>
    public WideFloat Scale(int power) => new(Sign, Exponent + power, Significand);

    public static WideFloat operator *(WideFloat left, WideFloat right)
    {
        UInt128 product = MultiplyHigh(left.Significand, right.Significand);
        int exponent = left.Exponent + right.Exponent + 1;
        if (product >> 127 == UInt128.Zero)
        {
            product <<= 1;
            exponent--;
        }
        return new WideFloat(left.Sign ^ right.Sign, exponent, product);
    }

    public static WideFloat operator /(WideFloat left, WideFloat right)
    {
        bool larger = left.Significand >= right.Significand;
        UInt128 quotient = Wide128.Divide(larger ? left.Significand >> 1 : left.Significand, right.Significand);
        return new WideFloat(left.Sign ^ right.Sign, left.Exponent - right.Exponent - (larger ? 0 : 1), quotient);
    }

    public static WideFloat operator +(WideFloat left, WideFloat right)
    {
        if (left.IsZero)
            return right;
        if (right.IsZero)
            return left;
        if (left.Exponent < right.Exponent || (left.Exponent == right.Exponent && left.Significand < right.Significand))
            (left, right) = (right, left);
        int shift = left.Exponent - right.Exponent;
        UInt128 small = shift > 127 ? UInt128.Zero : right.Significand >> shift;
        if (left.Sign != right.Sign)
            return FromInteger(left.Sign, left.Significand - small, left.Exponent - 127);
        UInt128 sum = unchecked(left.Significand + small);
        return sum >= small
            ? new WideFloat(left.Sign, left.Exponent, sum)
            : new WideFloat(left.Sign, left.Exponent + 1, sum >> 1 | UInt128.One << 127);
    }

    public static WideFloat operator -(WideFloat left, WideFloat right) => left + right.Negate();

    /// <summary>The upper half of the 256-bit product, at most two units short.</summary>
    public static UInt128 MultiplyHigh(UInt128 left, UInt128 right)
    {
        ulong leftHigh = (ulong)(left >> 64);
        ulong rightHigh = (ulong)(right >> 64);
        ulong top = Math.BigMul(leftHigh, rightHigh, out ulong middle);
        ulong one = Math.BigMul(leftHigh, (ulong)right, out _);
        ulong two = Math.BigMul((ulong)left, rightHigh, out _);
        return new UInt128(top, middle) + one + two;
    }

    /// <summary>
    /// Rounds an irrational value to 64 bits: always inexact, whatever the lowest bits look like. Precision control does
    /// not reach the transcendentals.
    /// </summary>
    public F80 RoundInexact(ref F80Context context) =>
        F80Rounding.Pack(Sign, Exponent + F80.Bias, (ulong)(Significand >> 64), (ulong)Significand | 1, 64, ref context);

    /// <summary>
    /// Rounds a value that is exact, which the silicon does not notice: it reports PE, and UE when tiny, all the same.
    /// </summary>
    public F80 RoundUnnoticed(ref F80Context context)
    {
        F80 result = F80Rounding.Pack(Sign, Exponent + F80.Bias, (ulong)(Significand >> 64), (ulong)Significand, 64, ref context);
        context.Raise(result.Exponent == 0 ? FpuExceptions.Precision | FpuExceptions.Underflow : FpuExceptions.Precision);
        return result;
    }
}
