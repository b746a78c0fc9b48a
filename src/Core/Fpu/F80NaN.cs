namespace Lguest.Jit.Core.Fpu;

/// <summary>
/// Which NaN comes out (SDM vol. 1 table 4-7, x87 column), and the invalid operands that are no numbers at all.
/// </summary>
internal static class F80NaN
{
    /// <summary>
    /// The first question of every two-operand operation. Answers true when the operands alone settle the result:
    /// an unsupported format gives the default NaN, a NaN gives a NaN.
    /// </summary>
    public static bool Settles(F80 left, F80 right, ref F80Context context, out F80 result)
    {
        F80Class a = left.Class;
        F80Class b = right.Class;
        if (a < F80Class.QuietNaN && b < F80Class.QuietNaN)
        {
            result = default;
            return false;
        }
        if (a == F80Class.Unsupported || b == F80Class.Unsupported)
        {
            result = context.Invalid();
            return true;
        }
        if (a == F80Class.SignallingNaN || b == F80Class.SignallingNaN)
            context.Raise(FpuExceptions.Invalid);
        result = Choose(left, a, right, b).Quiet();
        return true;
    }

    /// <summary>The same for one operand.</summary>
    public static bool Settles(F80 operand, ref F80Context context, out F80 result)
    {
        F80Class kind = operand.Class;
        if (kind < F80Class.QuietNaN)
        {
            result = default;
            return false;
        }
        if (kind != F80Class.QuietNaN)
            context.Raise(FpuExceptions.Invalid);
        result = kind == F80Class.Unsupported ? F80.DefaultNaN : operand.Quiet();
        return true;
    }

    /// <summary>
    /// A quiet NaN beats a signalling one; of two alike the larger significand wins, and of two equal ones the positive.
    /// </summary>
    private static F80 Choose(F80 left, F80Class a, F80 right, F80Class b)
    {
        if (b < F80Class.QuietNaN)
            return left;
        if (a < F80Class.QuietNaN)
            return right;
        if (a != b)
            return a == F80Class.QuietNaN ? left : right;
        if (left.Significand != right.Significand)
            return left.Significand > right.Significand ? left : right;
        return left.SignExponent < right.SignExponent ? left : right;
    }
}
