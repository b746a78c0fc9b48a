namespace Lguest.Jit.Core.Fpu;

/// <summary>FSQRT.</summary>
internal static class F80SquareRoot
{
    public static F80 SquareRoot(F80 value, ref F80Context context)
    {
        if (!value.IsNormal)
        {
            if (F80NaN.Settles(value, ref context, out F80 nan))
                return nan;
            if (value.IsZero)
                return value;
        }
        if (value.IsNegative)
            return context.Invalid();
        if (value.Exponent == F80.MaxExponent)
            return value;
        F80Number a = F80Number.Unpack(value, ref context);

        // An odd power of two moves into the radicand; either way the root has its 64th bit set.
        int power = a.Exponent - F80.Bias;
        UInt128 radicand = (UInt128)a.Significand << ((power & 1) != 0 ? 64 : 63);
        ulong root = Root(radicand);
        UInt128 remainder = radicand - (UInt128)root * root;

        // No root lies exactly half-way: (r + 1/2)² is never an integer. Above half means remainder > r.
        ulong tail = remainder == 0 ? 0 : remainder > root ? 1UL << 63 | 1 : 1;
        return F80Rounding.Pack(false, (power >> 1) + F80.Bias, root, tail, ref context);
    }

    /// <summary>
    /// ⌊√n⌋ for n of 127 or 128 bits: the Host's double gives 52 good bits, one Newton step doubles them, and a
    /// look at the square settles the last unit. IEEE promises the same double on every Host, and the check would
    /// not care if it did not.
    /// </summary>
    public static ulong Root(UInt128 n)
    {
        ulong high = (ulong)(n >> 64);
        ulong guess = Math.Max((ulong)(Math.Sqrt(high) * 4294967296.0), F80.IntegerBit);
        ulong quotient = high < guess ? Wide128.Divide(high, (ulong)n, guess, out _) : ulong.MaxValue;
        ulong root = (guess >> 1) + (quotient >> 1) + (guess & quotient & 1);
        while ((UInt128)root * root > n)
            root--;
        while (n - (UInt128)root * root > (UInt128)root << 1)
            root++;
        return root;
    }
}
