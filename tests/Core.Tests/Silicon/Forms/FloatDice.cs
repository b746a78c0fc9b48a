using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>Floating-point numbers and control words of every interesting kind, from one source of chance.</summary>
internal static class FloatDice
{
    private const uint Masked = 0x1F80;

    public static ulong Single(SiliconRandom random) => Draw(random, 23, 8);

    public static ulong Double(SiliconRandom random) => Draw(random, 52, 11);

    /// <summary>Mostly all masked and nearest; else any rounding, DAZ, FZ, flags set already, and a mask lifted.</summary>
    public static uint Control(SiliconRandom random)
    {
        uint control = Masked;
        if (random.OneIn(2))
        {
            control |= (uint)random.Below(4) << 13;
        }

        if (random.OneIn(4))
        {
            control |= 0x8000;
        }

        if (random.OneIn(4))
        {
            control |= 0x40;
        }

        if (random.OneIn(2))
        {
            control |= random.OneIn(2) ? 0x20u : (uint)random.Below(64);
        }

        if (random.OneIn(6))
        {
            control &= random.OneIn(4) ? ~((uint)random.Below(64) << 7) : ~(0x80u << random.Below(6));
        }

        return control;
    }

    /// <summary>Two operands, related at times: equal, of opposite sign, neighbours, or of a product at an end of the range.</summary>
    public static (ulong A, ulong B) Pair(SiliconRandom random, Func<SiliconRandom, ulong> draw, int bytes)
    {
        ulong a = draw(random);
        ulong b = draw(random);
        int fraction = bytes == 4 ? 23 : 52;
        ulong sign = 1UL << (8 * bytes - 1);
        ulong mask = sign | (sign - 1);
        ulong exponents = (mask >> 1) & ~((1UL << fraction) - 1);
        switch (random.Below(8))
        {
            case 0:
                b = a ^ (random.OneIn(2) ? sign : 0);
                break;
            case 1:
                b = (a + (ulong)random.Below(3) - 1) ^ (random.OneIn(2) ? sign : 0);
                break;
            case 2:
                // Exponents that nearly cancel: a sum's bits overlap.
                b = (b & ~exponents) | ((a + ((ulong)random.Below(60) << fraction)) & exponents);
                break;
            case 3:
                // Exponents that add up to the smallest or the largest of a product.
                ulong one = exponents >> 1 & exponents;
                ulong goal = random.OneIn(2) ? one : exponents + one;
                b = (b & ~exponents) | ((goal - (a & exponents) + ((ulong)random.Below(5) << fraction) - (2UL << fraction)) & exponents);
                break;
        }

        return (a & mask, b & mask);
    }

    private static ulong Draw(SiliconRandom random, int fractionBits, int exponentBits)
    {
        ulong fraction = Fraction(random, fractionBits);
        ulong all = (1UL << exponentBits) - 1;
        ulong bias = all >> 1;
        ulong exponent = random.Below(10) switch
        {
            0 => 0,
            1 => all,
            2 => (ulong)random.Below(3),
            3 => all - (ulong)random.Below(3),
            4 or 5 => bias + (ulong)random.Below(66) - 2,
            6 => random.Next64() & all,
            _ => bias + (ulong)random.Below(9) - 4,
        };
        ulong sign = random.Next64() & 1;
        return sign << (fractionBits + exponentBits) | exponent << fractionBits | fraction;
    }

    private static ulong Fraction(SiliconRandom random, int bits)
    {
        ulong all = (1UL << bits) - 1;
        return random.Below(6) switch
        {
            0 => 0,
            1 => all,
            2 => 1UL << random.Below(bits),
            3 => (all >> random.Below(bits)) << random.Below(bits) & all,
            4 => (ulong)random.Below(8),
            _ => random.Next64() & all,
        };
    }
}
