using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Core.Tests.Fpu;

/// <summary>
/// An independent judge: with 53 bits of precision and exponents that a double has room for, x87 and IEEE double
/// arithmetic are the same thing.
/// </summary>
public class FpuDoubleAgreementTests
{
    private const int Cases = 20_000;

    /// <summary>PC = 53 bits, all masked.</summary>
    private const ushort DoublePrecision = 0x027F;

    [Fact]
    public void Add_subtract_multiply_divide_agree_with_double()
    {
        Random random = new(80387);
        for (int i = 0; i < Cases; i++)
        {
            double a = Moderate(random);
            double b = Moderate(random);
            AssertSame(a + b, X87Arithmetic.Add, a, b);
            AssertSame(a - b, X87Arithmetic.Subtract, a, b);
            AssertSame(a * b, X87Arithmetic.Multiply, a, b);
            AssertSame(a / b, X87Arithmetic.Divide, a, b);
        }
    }

    [Fact]
    public void Square_root_agrees_with_double()
    {
        Random random = new(80287);
        for (int i = 0; i < Cases; i++)
        {
            double a = Math.Abs(Moderate(random));
            FpuState f = FpuUnderTest.Under(DoublePrecision, a);
            X87.Fsqrt(ref f);
            Assert.Equal(Math.Sqrt(a), FpuUnderTest.Top(ref f));
        }
    }

    [Fact]
    public void Every_double_survives_the_way_there_and_back()
    {
        Random random = new(8087);
        for (int i = 0; i < Cases; i++)
        {
            ulong bits = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
            if (i % 4 == 0)
                bits &= 0x800F_FFFF_FFFF_FFFF;
            double value = BitConverter.UInt64BitsToDouble(bits);
            if (double.IsNaN(value))
                continue;
            Assert.Equal(bits, BitConverter.DoubleToUInt64Bits(FpuUnderTest.ToDouble(FpuUnderTest.FromDouble(value))));
        }
    }

    [Fact]
    public void Narrowing_to_single_agrees_with_the_double_to_single_cast()
    {
        Random random = new(487);
        for (int i = 0; i < Cases; i++)
        {
            double value = Math.ScaleB(random.NextDouble() - 0.5, random.Next(-160, 140));
            F80Context context = new(FpuUnderTest.AllMasked);
            uint single = F80Float.ToSingle(FpuUnderTest.FromDouble(value), ref context);
            Assert.Equal(BitConverter.SingleToUInt32Bits((float)value), single);
        }
    }

    private static void AssertSame(double expected, X87Arithmetic operation, double left, double right)
    {
        FpuState f = FpuUnderTest.Under(DoublePrecision, left, right);
        X87.Arithmetic(ref f, operation, 0, 1, reverse: false, pop: false);
        Assert.Equal(BitConverter.DoubleToUInt64Bits(expected), BitConverter.DoubleToUInt64Bits(FpuUnderTest.Top(ref f)));
    }

    private static double Moderate(Random random) =>
        Math.ScaleB(random.NextDouble() + 0.5, random.Next(-60, 60)) * (random.Next(2) * 2 - 1);
}
