using System.Globalization;
using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Core.Tests.Fpu;

/// <summary>Integers and packed decimals.</summary>
public class FpuConversionTests
{
    [Theory]
    [InlineData(0L)]
    [InlineData(1L)]
    [InlineData(-1L)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    [InlineData(0x0123_4567_89AB_CDEFL)]
    public void Every_64_bit_integer_survives(long value)
    {
        FpuState f = FpuUnderTest.With();
        X87.Fild(ref f, value);
        Assert.True(X87.FistM64(ref f, pop: true, out long back));
        Assert.Equal(value, back);
        Assert.Equal(FpuExceptions.None, FpuUnderTest.Flags(f));
    }

    [Theory]
    [InlineData(0x037F, 2.5, 2, false)]
    [InlineData(0x037F, 3.5, 4, true)]
    [InlineData(0x077F, -2.5, -3, true)]
    [InlineData(0x0B7F, 2.1, 3, true)]
    [InlineData(0x0F7F, -2.9, -2, false)]
    public void Rounding_control_decides_and_c1_tells_the_direction(int controlWord, double value, int expected, bool up)
    {
        FpuState f = FpuUnderTest.Under((ushort)controlWord, value);
        Assert.True(X87.FistM32(ref f, pop: false, out int actual));
        Assert.Equal(expected, actual);
        Assert.Equal(FpuExceptions.Precision, FpuUnderTest.Flags(f));
        Assert.Equal(up, (f.StatusWord & FpuStatus.C1) != 0);
        X87.Frndint(ref f);
        Assert.Equal(expected, FpuUnderTest.Top(ref f));
    }

    [Theory]
    [InlineData(32767.4, 32767)]
    [InlineData(32767.5, short.MinValue)]
    [InlineData(-32768.5, -32768)]
    [InlineData(-32769.0, short.MinValue)]
    [InlineData(double.NaN, short.MinValue)]
    [InlineData(double.PositiveInfinity, short.MinValue)]
    public void Out_of_range_is_decided_after_rounding(double value, short expected)
    {
        FpuState f = FpuUnderTest.With(value);
        Assert.True(X87.FistM16(ref f, pop: false, out short actual));
        Assert.Equal(expected, actual);
        bool invalid = expected == short.MinValue && value is not -32768.5;
        Assert.Equal(invalid, (FpuUnderTest.Flags(f) & FpuExceptions.Invalid) != 0);
    }

    [Fact]
    public void Packed_decimals_survive()
    {
        Random random = new(8087);
        for (int i = 0; i < 2000; i++)
        {
            long value = random.NextInt64(-(long)F80PackedBcd.Largest, (long)F80PackedBcd.Largest + 1) >> random.Next(0, 60);
            FpuState f = FpuUnderTest.With();
            X87.Fild(ref f, value);
            Assert.True(X87.Fbstp(ref f, out ulong low, out ushort high));
            string digits = (high & 0xFF).ToString("X2") + low.ToString("X16");
            Assert.Equal(Math.Abs(value), long.Parse(digits, CultureInfo.InvariantCulture));
            Assert.Equal(value < 0, (high & 0x8000) != 0);
            X87.Fbld(ref f, low, high);
            Assert.True(X87.FistM64(ref f, pop: true, out long back));
            Assert.Equal(value, back);
        }
    }

    [Fact]
    public void Nineteen_digits_are_the_decimal_indefinite()
    {
        FpuState f = FpuUnderTest.With(1e18);
        Assert.True(X87.Fbstp(ref f, out ulong low, out ushort high));
        Assert.Equal((0xC000_0000_0000_0000, 0xFFFF), (low, high));
        Assert.Equal(FpuExceptions.Invalid, FpuUnderTest.Flags(f));
    }

    [Fact]
    public void Constants_obey_rounding_control()
    {
        Assert.Equal(0xC90F_DAA2_2168_C235, F80Constants.Load(F80Constant.Pi, F80RoundingMode.NearestEven).Significand);
        Assert.Equal(0xC90F_DAA2_2168_C234, F80Constants.Load(F80Constant.Pi, F80RoundingMode.Chop).Significand);
        Assert.Equal(0xD49A_784B_CD1B_8AFF, F80Constants.Load(F80Constant.Log2Of10, F80RoundingMode.Up).Significand);
    }
}
