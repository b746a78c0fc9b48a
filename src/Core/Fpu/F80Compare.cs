namespace Lguest.Jit.Core.Fpu;

/// <summary>FCOM and FUCOM, all spellings.</summary>
internal static class F80Compare
{
    /// <param name="quiet">FUCOM: quiet NaNs are unordered without a fuss; FCOM raises IE for them.</param>
    public static F80Relation Compare(F80 left, F80 right, bool quiet, ref F80Context context)
    {
        F80Class a = left.Class;
        F80Class b = right.Class;
        if (a >= F80Class.QuietNaN || b >= F80Class.QuietNaN)
        {
            if (!quiet || a > F80Class.QuietNaN || b > F80Class.QuietNaN)
                context.Raise(FpuExceptions.Invalid);
            return F80Relation.Unordered;
        }
        F80Number.NoteDenormals(left, right, ref context);
        if (a == F80Class.Zero && b == F80Class.Zero)
            return F80Relation.Equal;
        if (left.IsNegative != right.IsNegative)
            return left.IsNegative ? F80Relation.Less : F80Relation.Greater;
        int magnitude = CompareMagnitudes(left, right);
        if (magnitude == 0)
            return F80Relation.Equal;
        return magnitude < 0 != left.IsNegative ? F80Relation.Less : F80Relation.Greater;
    }

    /// <summary>A pseudo-denormal is worth exponent 1, like every denormal.</summary>
    private static int CompareMagnitudes(F80 left, F80 right)
    {
        int exponents = Math.Max(left.Exponent, 1) - Math.Max(right.Exponent, 1);
        return exponents != 0 && !left.IsZero && !right.IsZero ? exponents : left.Significand.CompareTo(right.Significand);
    }
}
