using System.Numerics;
using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Core.Tests.Fpu;

/// <summary>FPREM and FPREM1, looped until C2 is clear as programs do, against whole-number arithmetic.</summary>
public class FpuRemainderTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Looping_until_c2_clears_gives_the_exact_remainder_and_three_quotient_bits(bool toNearest)
    {
        Random random = new(80487);
        for (int i = 0; i < 2000; i++)
        {
            ulong a = (ulong)random.NextInt64() | F80.IntegerBit;
            ulong b = (ulong)random.NextInt64() | F80.IntegerBit;
            int apart = random.Next(0, 300);
            FpuState f = FpuUnderTest.With();
            X87.FldM80(ref f, new F80(b, F80.Bias));
            X87.FldM80(ref f, new F80(a, (ushort)(F80.Bias + apart)));
            int rounds = 0;
            do
            {
                X87.Fprem(ref f, toNearest);
                Assert.True(++rounds < 12);
            }
            while ((f.StatusWord & FpuStatus.C2) != 0);

            BigInteger quotient = BigInteger.DivRem((BigInteger)a << apart, b, out BigInteger rest);
            if (toNearest && (rest * 2 > b || (rest * 2 == b && !quotient.IsEven)))
            {
                quotient++;
                rest -= b;
            }
            F80 expected = F80Integer.FromMagnitude(rest < 0, (ulong)BigInteger.Abs(rest));
            F80 actual = X87.St(ref f, 0);
            Assert.Equal(expected.Significand, actual.Significand);
            Assert.Equal(expected.IsNegative, actual.IsNegative);
            if (!rest.IsZero)
                Assert.Equal(expected.Exponent - 63, actual.Exponent);

            // The last step knows the quotient modulo 8 of the whole, because the steps before took away multiples of 2^32.
            Assert.Equal((int)(quotient & 7), QuotientBits(f));
        }
    }

    [Fact]
    public void An_infinite_divisor_changes_nothing()
    {
        FpuState f = FpuUnderTest.With(5, double.PositiveInfinity);
        X87.Fprem(ref f, toNearest: false);
        Assert.Equal(5.0, FpuUnderTest.Top(ref f));
        Assert.Equal(0, QuotientBits(f));
    }

    [Fact]
    public void A_zero_divisor_is_invalid()
    {
        FpuState f = FpuUnderTest.With(5, 0);
        X87.Fprem(ref f, toNearest: false);
        Assert.Equal(F80.DefaultNaN, X87.St(ref f, 0));
        Assert.Equal(FpuExceptions.Invalid, FpuUnderTest.Flags(f));
    }

    private static int QuotientBits(in FpuState f) =>
        ((f.StatusWord & FpuStatus.C0) != 0 ? 4 : 0)
        | ((f.StatusWord & FpuStatus.C3) != 0 ? 2 : 0) | ((f.StatusWord & FpuStatus.C1) != 0 ? 1 : 0);
}
