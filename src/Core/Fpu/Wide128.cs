using System.Runtime.CompilerServices;

namespace Lguest.Jit.Core.Fpu;

/// <summary>
/// Integer arithmetic on pairs of 64-bit words. <see cref="UInt128"/> would do, but its division is general and
/// slow; x87 needs 128 by 64 bits, and shifts that remember what fell off.
/// </summary>
internal static class Wide128
{
    /// <summary>
    /// Shifts right, any bit lost turning into a one at the bottom ("sticky"), so that a later rounding still sees
    /// that the value was not exact.
    /// </summary>
    /// <param name="count">0 or more; 128 and above leave only the sticky bit.</param>
    public static void ShiftRightSticky(ref ulong high, ref ulong low, int count)
    {
        if (count == 0)
            return;
        if (count < 64)
        {
            ulong lost = low << (64 - count);
            low = high << (64 - count) | low >> count | (lost != 0 ? 1UL : 0);
            high >>= count;
        }
        else if (count < 128)
        {
            ulong lost = low | (count == 64 ? 0 : high << (128 - count));
            low = (count == 64 ? high : high >> (count - 64)) | (lost != 0 ? 1UL : 0);
            high = 0;
        }
        else
        {
            low = (high | low) != 0 ? 1UL : 0;
            high = 0;
        }
    }

    /// <summary>Shifts left so that the top bit of <paramref name="high"/> is set; the value must not be 0.</summary>
    /// <returns>By how many bits.</returns>
    public static int Normalize(ref ulong high, ref ulong low)
    {
        int count;
        if (high != 0)
        {
            count = System.Numerics.BitOperations.LeadingZeroCount(high);
            if (count != 0)
            {
                high = high << count | low >> (64 - count);
                low <<= count;
            }
            return count;
        }
        count = System.Numerics.BitOperations.LeadingZeroCount(low);
        high = low << count;
        low = 0;
        return count + 64;
    }

    /// <summary>
    /// (<paramref name="high"/>·2^64 + <paramref name="low"/>) / <paramref name="divisor"/>, schoolbook in base 2^32
    /// (Knuth's algorithm D for two digits), since .NET has no portable name for the one instruction that does it.
    /// </summary>
    /// <param name="divisor">Top bit set, and above <paramref name="high"/>, so that the quotient fits.</param>
    public static ulong Divide(ulong high, ulong low, ulong divisor, out ulong remainder)
    {
        ulong upper = QuotientDigit(high, (uint)(low >> 32), divisor, out ulong rest);
        ulong lower = QuotientDigit(rest, (uint)low, divisor, out remainder);
        return upper << 32 | lower;
    }

    /// <summary>
    /// <paramref name="dividend"/>·2^128 / <paramref name="divisor"/>, rounded down: algorithm D again, with 64-bit digits.
    /// </summary>
    /// <param name="dividend">Below <paramref name="divisor"/>.</param>
    /// <param name="divisor">Top bit set.</param>
    public static UInt128 Divide(UInt128 dividend, UInt128 divisor)
    {
        ulong upper = WideQuotientDigit(ref dividend, divisor);
        ulong lower = WideQuotientDigit(ref dividend, divisor);
        return new UInt128(upper, lower);
    }

    /// <summary>One 64-bit digit of the quotient; <paramref name="partial"/> becomes the remainder.</summary>
    private static ulong WideQuotientDigit(ref UInt128 partial, UInt128 divisor)
    {
        ulong high = (ulong)(partial >> 64);
        ulong divisorHigh = (ulong)(divisor >> 64);
        ulong digit = high < divisorHigh ? Divide(high, (ulong)partial, divisorHigh, out _) : ulong.MaxValue;

        // digit · divisor has 192 bits; the guess is too large while it exceeds partial · 2^64.
        UInt128 lowProduct = (UInt128)digit * (ulong)divisor;
        UInt128 highProduct = (UInt128)digit * divisorHigh + (lowProduct >> 64);
        ulong tail = (ulong)lowProduct;
        while (highProduct > partial || (highProduct == partial && tail != 0))
        {
            digit--;
            ulong before = tail;
            tail = unchecked(tail - (ulong)divisor);
            highProduct -= divisorHigh + (before < tail ? UInt128.One : UInt128.Zero);
        }
        UInt128 rest = partial - highProduct;
        partial = unchecked((rest << 64) - tail);
        return digit;
    }

    /// <summary>One 32-bit digit: guess by the divisor's upper half, which is at most two too many, then correct.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong QuotientDigit(ulong partial, uint nextDigit, ulong divisor, out ulong remainder)
    {
        ulong divisorHigh = divisor >> 32;
        ulong divisorLow = (uint)divisor;
        ulong digit = partial / divisorHigh;
        ulong rest = partial - digit * divisorHigh;
        while (digit > uint.MaxValue || digit * divisorLow > (rest << 32 | nextDigit))
        {
            digit--;
            rest += divisorHigh;
            if (rest > uint.MaxValue)
                break;
        }
        remainder = unchecked((partial << 32 | nextDigit) - digit * divisor);
        return digit;
    }
}
