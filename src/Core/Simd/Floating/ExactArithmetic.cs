using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>
/// The arithmetic of one lane in integers: any rounding, every flag, on any Host. The Host's own arithmetic is used where
/// it and a look at the operands cannot differ from this (<see cref="PlainNumbers"/>).
/// </summary>
internal static class ExactArithmetic<T>
    where T : unmanaged
{
    public static ulong Add(ulong left, ulong right, ref FloatContext context) => Sum(left, right, false, ref context);

    public static ulong Subtract(ulong left, ulong right, ref FloatContext context) => Sum(left, right, true, ref context);

    public static ulong Multiply(ulong left, ulong right, ref FloatContext context)
    {
        if (FloatOperand<T>.Settles(left, right, ref context, out ulong nan))
        {
            return nan;
        }

        left = FloatOperand<T>.Flush(left, context);
        right = FloatOperand<T>.Flush(right, context);
        bool sign = FloatFormat<T>.IsNegative(left ^ right);
        bool infinite = FloatFormat<T>.IsInfinite(left) || FloatFormat<T>.IsInfinite(right);
        bool zero = FloatFormat<T>.IsZero(left) || FloatFormat<T>.IsZero(right);
        if (infinite && zero)
        {
            return context.Invalid<T>();
        }

        FloatOperand<T>.NoteDenormals(left, right, ref context);
        if (infinite || zero)
        {
            return FloatFormat<T>.Zero(sign) | (infinite ? FloatFormat<T>.Infinity : 0);
        }

        FloatNumber a = FloatNumber.Unpack<T>(left);
        FloatNumber b = FloatNumber.Unpack<T>(right);
        ulong high = Math.BigMul(a.Significand, b.Significand, out ulong low);
        int exponent = a.Exponent + b.Exponent + 1 - Wide128.Normalize(ref high, ref low);
        return FloatRounding<T>.Pack(sign, exponent, high, low, ref context);
    }

    public static ulong Divide(ulong left, ulong right, ref FloatContext context)
    {
        if (FloatOperand<T>.Settles(left, right, ref context, out ulong nan))
        {
            return nan;
        }

        left = FloatOperand<T>.Flush(left, context);
        right = FloatOperand<T>.Flush(right, context);
        ulong sign = FloatFormat<T>.Zero(FloatFormat<T>.IsNegative(left ^ right));
        if ((FloatFormat<T>.IsInfinite(left) && FloatFormat<T>.IsInfinite(right)) || (FloatFormat<T>.IsZero(left) && FloatFormat<T>.IsZero(right)))
        {
            return context.Invalid<T>();
        }

        if (FloatFormat<T>.IsZero(right) && !FloatFormat<T>.IsInfinite(left))
        {
            context.Raise(FpuExceptions.ZeroDivide);
            return sign | FloatFormat<T>.Infinity;
        }

        FloatOperand<T>.NoteDenormals(left, right, ref context);
        if (FloatFormat<T>.IsInfinite(left))
        {
            return sign | FloatFormat<T>.Infinity;
        }

        return FloatFormat<T>.IsZero(left) || FloatFormat<T>.IsInfinite(right)
            ? sign
            : Quotient(sign != 0, FloatNumber.Unpack<T>(left), FloatNumber.Unpack<T>(right), ref context);
    }

    public static ulong SquareRoot(ulong value, ref FloatContext context)
    {
        if (FloatOperand<T>.Settles(value, value, ref context, out ulong nan))
        {
            return nan;
        }

        value = FloatOperand<T>.Flush(value, context);
        if (FloatFormat<T>.IsZero(value))
        {
            return value;
        }

        if (FloatFormat<T>.IsNegative(value))
        {
            return context.Invalid<T>();
        }

        FloatOperand<T>.NoteDenormals(value, value, ref context);
        if (FloatFormat<T>.IsInfinite(value))
        {
            return value;
        }

        // An odd power of two moves into the radicand; either way the root has its 64th bit set.
        FloatNumber a = FloatNumber.Unpack<T>(value);
        UInt128 radicand = (UInt128)a.Significand << ((a.Exponent & 1) != 0 ? 64 : 63);
        ulong root = F80SquareRoot.Root(radicand);
        return FloatRounding<T>.Pack(false, a.Exponent >> 1, root, radicand == (UInt128)root * root ? 0UL : 1, ref context);
    }

    /// <summary>MIN and MAX are the C expression <c>a &lt; b ? a : b</c>: the second operand wins whenever in doubt (SDM vol. 2, MINPD).</summary>
    public static ulong Extremum(ulong left, ulong right, bool maximum, ref FloatContext context)
    {
        FloatRelation relation = Compare(left, right, quiet: false, ref context);
        left = FloatOperand<T>.Flush(left, context);
        right = FloatOperand<T>.Flush(right, context);
        return relation == (maximum ? FloatRelation.Greater : FloatRelation.Less) ? left : right;
    }

    /// <param name="left">First operand.</param>
    /// <param name="right">Second operand.</param>
    /// <param name="quiet">Quiet NaNs are unordered without a fuss.</param>
    /// <param name="context">Exceptions.</param>
    public static FloatRelation Compare(ulong left, ulong right, bool quiet, ref FloatContext context)
    {
        if (FloatFormat<T>.IsNaN(left) || FloatFormat<T>.IsNaN(right))
        {
            if (!quiet || FloatFormat<T>.IsSignalling(left) || FloatFormat<T>.IsSignalling(right))
            {
                context.Raise(FpuExceptions.Invalid);
            }

            return FloatRelation.Unordered;
        }

        left = FloatOperand<T>.Flush(left, context);
        right = FloatOperand<T>.Flush(right, context);
        FloatOperand<T>.NoteDenormals(left, right, ref context);
        if (left == right || (FloatFormat<T>.IsZero(left) && FloatFormat<T>.IsZero(right)))
        {
            return FloatRelation.Equal;
        }

        bool negative = FloatFormat<T>.IsNegative(left);
        bool less = negative != FloatFormat<T>.IsNegative(right) ? negative : left < right != negative;
        return less ? FloatRelation.Less : FloatRelation.Greater;
    }

    private static ulong Quotient(bool sign, FloatNumber a, FloatNumber b, ref FloatContext context)
    {
        // Halve the dividend when it is the larger, and exactly 64 quotient bits come out, the first of them set.
        bool larger = a.Significand >= b.Significand;
        ulong quotient = larger
            ? Wide128.Divide(a.Significand >> 1, a.Significand << 63, b.Significand, out ulong remainder)
            : Wide128.Divide(a.Significand, 0, b.Significand, out remainder);
        return FloatRounding<T>.Pack(sign, a.Exponent - b.Exponent - (larger ? 0 : 1), quotient, remainder != 0 ? 1UL : 0, ref context);
    }

    private static ulong Sum(ulong left, ulong right, bool negateRight, ref FloatContext context)
    {
        if (FloatOperand<T>.Settles(left, right, ref context, out ulong nan))
        {
            return nan;
        }

        left = FloatOperand<T>.Flush(left, context);
        right = FloatOperand<T>.Flush(right, context) ^ (negateRight ? FloatFormat<T>.SignBit : 0);
        if (FloatFormat<T>.IsInfinite(left) && FloatFormat<T>.IsInfinite(right) && left != right)
        {
            return context.Invalid<T>();
        }

        FloatOperand<T>.NoteDenormals(left, right, ref context);
        if (FloatFormat<T>.IsInfinite(left) || FloatFormat<T>.IsInfinite(right))
        {
            return FloatFormat<T>.IsInfinite(left) ? left : right;
        }

        if (FloatFormat<T>.IsZero(left) && FloatFormat<T>.IsZero(right))
        {
            return left == right ? left : FloatFormat<T>.Zero(context.Rounding == F80RoundingMode.Down);
        }

        if (FloatFormat<T>.IsZero(left) || FloatFormat<T>.IsZero(right))
        {
            return FloatNumber.Unpack<T>(FloatFormat<T>.IsZero(left) ? right : left).Pack<T>(ref context);
        }

        bool swap = (left & FloatFormat<T>.Magnitude) < (right & FloatFormat<T>.Magnitude);
        FloatNumber large = FloatNumber.Unpack<T>(swap ? right : left);
        FloatNumber small = FloatNumber.Unpack<T>(swap ? left : right);
        return Combine(large, small, ref context);
    }

    private static ulong Combine(FloatNumber large, FloatNumber small, ref FloatContext context)
    {
        ulong high = small.Significand;
        ulong low = 0;
        int exponent = large.Exponent;
        Wide128.ShiftRightSticky(ref high, ref low, exponent - small.Exponent);
        if (large.Sign == small.Sign)
        {
            ulong sum = unchecked(large.Significand + high);
            if (sum < high)
            {
                low = sum << 63 | low >> 1 | (low & 1);
                sum = sum >> 1 | 1UL << 63;
                exponent++;
            }

            return FloatRounding<T>.Pack(large.Sign, exponent, sum, low, ref context);
        }

        high = unchecked(large.Significand - high - (low != 0 ? 1UL : 0));
        low = 0 - low;
        if ((high | low) == 0)
        {
            return FloatFormat<T>.Zero(context.Rounding == F80RoundingMode.Down);
        }

        exponent -= Wide128.Normalize(ref high, ref low);
        return FloatRounding<T>.Pack(large.Sign, exponent, high, low, ref context);
    }
}
