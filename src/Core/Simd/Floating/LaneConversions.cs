using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>A conversion of one lane; widths in bytes.</summary>
internal interface ILaneConversion
{
    static abstract int From { get; }

    static abstract int To { get; }

    static abstract ulong Convert(ulong value, ref FloatContext context);
}

/// <summary>Signed doublewords to a floating-point format; exact for double.</summary>
internal readonly struct FromInteger<T> : ILaneConversion
    where T : unmanaged
{
    public static int From => 4;

    public static int To => FloatFormat<T>.Bits / 8;

    public static ulong Convert(ulong value, ref FloatContext context)
    {
        long number = (int)(uint)value;
        return number == 0 ? 0 : FloatNumber.FromMagnitude(number < 0, (ulong)Math.Abs(number)).Pack<T>(ref context);
    }
}

/// <summary>To signed doublewords; what does not fit, and NaNs, become 0x80000000 and IE.</summary>
internal readonly struct ToInteger<T, TRounding> : ILaneConversion
    where T : unmanaged
    where TRounding : struct, IIntegerRounding
{
    private const ulong Indefinite = 0x8000_0000;

    public static int From => FloatFormat<T>.Bits / 8;

    public static int To => 4;

    public static ulong Convert(ulong value, ref FloatContext context)
    {
        // Denormals are inexact like all small numbers, without a DE.
        value = FloatOperand<T>.Flush(value, context);
        if (FloatFormat<T>.IsZero(value))
        {
            return 0;
        }

        FloatNumber number = FloatNumber.Unpack<T>(value);
        if (number.Exponent > 31)
        {
            // NaNs and infinities too.
            context.Raise(FpuExceptions.Invalid);
            return Indefinite;
        }

        ulong whole = number.Significand;
        ulong fraction = 0;
        Wide128.ShiftRightSticky(ref whole, ref fraction, 63 - number.Exponent);
        whole = F80Rounding.Round(number.Sign, whole, fraction, 64, TRounding.Mode(context), out bool inexact, out _);
        if (whole > (number.Sign ? Indefinite : Indefinite - 1))
        {
            context.Raise(FpuExceptions.Invalid);
            return Indefinite;
        }

        if (inexact)
        {
            context.Raise(FpuExceptions.Precision);
        }

        return (uint)(number.Sign ? 0 - whole : whole);
    }
}

/// <summary>How a conversion to integers rounds.</summary>
internal interface IIntegerRounding
{
    static abstract F80RoundingMode Mode(in FloatContext context);
}

/// <summary>CVT…: as MXCSR says.</summary>
internal readonly struct ByControl : IIntegerRounding
{
    public static F80RoundingMode Mode(in FloatContext context) => context.Rounding;
}

/// <summary>CVTT…: towards zero.</summary>
internal readonly struct Truncating : IIntegerRounding
{
    public static F80RoundingMode Mode(in FloatContext context) => F80RoundingMode.Chop;
}

/// <summary>Between single and double.</summary>
internal readonly struct Resize<TFrom, TTo> : ILaneConversion
    where TFrom : unmanaged
    where TTo : unmanaged
{
    public static int From => FloatFormat<TFrom>.Bits / 8;

    public static int To => FloatFormat<TTo>.Bits / 8;

    public static ulong Convert(ulong value, ref FloatContext context)
    {
        ulong sign = FloatFormat<TTo>.Zero(FloatFormat<TFrom>.IsNegative(value));
        if (FloatOperand<TFrom>.Settles(value, value, ref context, out ulong nan))
        {
            int shift = FloatFormat<TTo>.FractionBits - FloatFormat<TFrom>.FractionBits;
            ulong fraction = nan & (FloatFormat<TFrom>.SmallestNormal - 1);
            return sign | FloatFormat<TTo>.Infinity | (shift > 0 ? fraction << shift : fraction >> -shift);
        }

        value = FloatOperand<TFrom>.Flush(value, context);
        if (FloatFormat<TFrom>.IsInfinite(value))
        {
            return sign | FloatFormat<TTo>.Infinity;
        }

        FloatOperand<TFrom>.NoteDenormals(value, value, ref context);
        return FloatFormat<TFrom>.IsZero(value) ? sign : FloatNumber.Unpack<TFrom>(value).Pack<TTo>(ref context);
    }
}
