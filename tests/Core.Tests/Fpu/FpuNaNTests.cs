using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Core.Tests.Fpu;

/// <summary>Which NaN comes out, and what is no operand at all (SDM vol. 1 table 4-7, §8.2.2).</summary>
public class FpuNaNTests
{
    private static readonly F80 Quiet = new(0xC000_0000_0000_1000, 0x7FFF);
    private static readonly F80 LargerQuiet = new(0xC000_0000_0000_2000, 0xFFFF);
    private static readonly F80 Signalling = new(0xBFFF_0000_0000_0000, 0x7FFF);

    [Fact]
    public void The_larger_significand_wins_whatever_the_order()
    {
        Assert.Equal((LargerQuiet, FpuExceptions.None), Sum(Quiet, LargerQuiet));
        Assert.Equal((LargerQuiet, FpuExceptions.None), Sum(LargerQuiet, Quiet));
    }

    [Fact]
    public void A_quiet_nan_beats_a_signalling_one_but_the_signal_is_heard()
    {
        Assert.Equal((Quiet, FpuExceptions.Invalid), Sum(Signalling, Quiet));
        Assert.Equal((Quiet, FpuExceptions.Invalid), Sum(Quiet, Signalling));
    }

    [Fact]
    public void A_signalling_nan_alone_comes_out_quiet() =>
        Assert.Equal((Signalling.Quiet(), FpuExceptions.Invalid), Sum(Signalling, F80.One));

    [Fact]
    public void Of_two_equal_ones_the_positive_is_taken() => Assert.Equal((Quiet, FpuExceptions.None), Sum(Quiet.Negate(), Quiet));

    [Fact]
    public void A_nan_silences_the_denormal_exception() =>
        Assert.Equal((Quiet, FpuExceptions.None), Sum(Quiet, new F80(1, 0)));

    [Theory]
    [InlineData(0x4000, 0x7FFF_FFFF_FFFF_FFFF)] // unnormal
    [InlineData(0x7FFF, 0x0000_0000_0000_0000)] // pseudo-infinity
    [InlineData(0x7FFF, 0x4000_0000_0000_0000)] // pseudo-NaN
    public void Formats_of_the_8087_are_invalid_operands(ushort signExponent, ulong significand) =>
        Assert.Equal((F80.DefaultNaN, FpuExceptions.Invalid), Sum(new F80(significand, signExponent), F80.One));

    [Fact]
    public void A_pseudo_denormal_counts_as_exponent_one()
    {
        Assert.Equal((new F80(F80.IntegerBit, 2), FpuExceptions.Denormal), Sum(new F80(F80.IntegerBit, 0), new F80(F80.IntegerBit, 0)));
    }

    [Fact]
    public void Infinity_minus_infinity_is_the_indefinite() =>
        Assert.Equal((F80.DefaultNaN, FpuExceptions.Invalid), Sum(F80.Infinity(false), F80.Infinity(true)));

    [Fact]
    public void A_load_quiets_and_the_eighty_bit_load_does_not()
    {
        FpuState f = FpuUnderTest.With();
        X87.FldM80(ref f, Signalling);
        Assert.Equal(Signalling, X87.St(ref f, 0));
        Assert.Equal(FpuExceptions.None, FpuUnderTest.Flags(f));
        X87.FldM32(ref f, 0x7F80_0001);
        Assert.Equal(new F80(0xC000_0100_0000_0000, 0x7FFF), X87.St(ref f, 0));
        Assert.Equal(FpuExceptions.Invalid, FpuUnderTest.Flags(f));
    }

    private static (F80 Result, FpuExceptions Flags) Sum(F80 left, F80 right)
    {
        FpuState f = FpuUnderTest.With();
        X87.FldM80(ref f, right);
        X87.FldM80(ref f, left);
        X87.Arithmetic(ref f, X87Arithmetic.Add, 0, 1, reverse: false, pop: false);
        return (X87.St(ref f, 0), FpuUnderTest.Flags(f));
    }
}
