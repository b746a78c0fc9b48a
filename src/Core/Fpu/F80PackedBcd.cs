namespace Lguest.Jit.Core.Fpu;

/// <summary>Eighteen decimal digits and a sign in ten bytes (FBLD, FBSTP; SDM vol. 1 §4.7).</summary>
internal static class F80PackedBcd
{
    /// <summary>10^18 - 1.</summary>
    public const ulong Largest = 999_999_999_999_999_999;

    /// <summary>The sixteen low digits of the BCD indefinite.</summary>
    public const ulong IndefiniteLow = 0xC000_0000_0000_0000;

    /// <summary>Its sign byte and two high digits.</summary>
    public const ushort IndefiniteHigh = 0xFFFF;

    /// <summary>Digits above 9 are "undefined"; like the silicon we weigh them as what they are.</summary>
    /// <param name="low">Digits 15..0.</param>
    /// <param name="high">Bit 15 the sign, bits 14..8 ignored, bits 7..0 digits 17 and 16.</param>
    public static F80 FromPacked(ulong low, ushort high)
    {
        ulong value = (ulong)(high >> 4 & 15) * 10 + (high & 15u);
        for (int shift = 60; shift >= 0; shift -= 4)
            value = value * 10 + (low >> shift & 15);
        return F80Integer.FromMagnitude((high & 0x8000) != 0, value);
    }

    /// <param name="magnitude">Up to <see cref="Largest"/>.</param>
    public static void ToPacked(bool sign, ulong magnitude, out ulong low, out ushort high)
    {
        low = 0;
        for (int shift = 0; shift < 64; shift += 4)
        {
            low |= magnitude % 10 << shift;
            magnitude /= 10;
        }
        high = (ushort)((sign ? 0x8000u : 0) | (uint)(magnitude / 10 << 4) | (uint)(magnitude % 10));
    }
}
