using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Core.Tests.Fpu;

/// <summary>The corners of the transcendentals; the broad comparison is with silicon's recorded answers.</summary>
public class FpuTranscendentalTests
{
    [Fact]
    public void Results_agree_with_double_where_a_double_can_tell()
    {
        Random random = new(387);
        for (int i = 0; i < 3000; i++)
        {
            double x = Math.ScaleB(random.NextDouble() + 0.5, random.Next(-30, 3));
            double y = Math.ScaleB(random.NextDouble() + 0.5, random.Next(-8, 8));
            AssertClose(Math.Sin(x), f => { X87.Fsin(ref f); return f; }, x);
            AssertClose(Math.Cos(x), f => { X87.Fcos(ref f); return f; }, x);
            AssertClose(Math.Atan2(y, x), f => { X87.Fpatan(ref f); return f; }, x, y);
            AssertClose(Math.Atan2(-y, -x), f => { X87.Fpatan(ref f); return f; }, -x, -y);
            AssertClose(y * Math.Log2(x), f => { X87.Fyl2x(ref f); return f; }, x, y);
        }
    }

    [Fact]
    public void Angles_from_2_to_the_63_only_set_c2()
    {
        FpuState f = FpuUnderTest.With(Math.ScaleB(1, 63));
        X87.Fsin(ref f);
        Assert.NotEqual(0, f.StatusWord & FpuStatus.C2);
        Assert.Equal(Math.ScaleB(1, 63), FpuUnderTest.Top(ref f));
        X87.Fptan(ref f);
        Assert.Equal(7, f.Top);
        f = FpuUnderTest.With(Math.ScaleB(1, 62));
        X87.Fsincos(ref f);
        Assert.Equal(0, f.StatusWord & FpuStatus.C2);
        Assert.Equal(6, f.Top);
    }

    /// <summary>sin of the 80-bit π is π₆₆ - π₈₀ = -2^-64 exactly, for a π of 66 bits; the true sine is 7% smaller.</summary>
    [Fact]
    public void Argument_reduction_uses_the_hardwares_pi()
    {
        FpuState f = FpuUnderTest.With();
        X87.FldConst(ref f, F80Constant.Pi);
        X87.Fsin(ref f);
        Assert.Equal(-Math.ScaleB(1, -64), FpuUnderTest.Top(ref f));
    }

    [Fact]
    public void The_tangent_comes_with_a_one_on_top()
    {
        FpuState f = FpuUnderTest.With(0.5);
        X87.Fptan(ref f);
        Assert.Equal(1.0, FpuUnderTest.Top(ref f));
        Assert.Equal(Math.Tan(0.5), FpuUnderTest.ToDouble(X87.St(ref f, 1)), 15);
    }

    [Theory]
    [InlineData(0.0, 1.0, -1, FpuExceptions.ZeroDivide)]
    [InlineData(0.0, 0.0, 0, FpuExceptions.Invalid)]
    [InlineData(-1.0, 1.0, 0, FpuExceptions.Invalid)]
    [InlineData(1.0, double.PositiveInfinity, 0, FpuExceptions.Invalid)]
    [InlineData(0.5, double.PositiveInfinity, -1, FpuExceptions.None)]
    [InlineData(double.PositiveInfinity, -2.0, -1, FpuExceptions.None)]
    internal void The_logarithm_of_nothing_and_everything(double x, double y, int infinitySign, FpuExceptions flags)
    {
        FpuState f = FpuUnderTest.With(x, y);
        X87.Fyl2x(ref f);
        F80 expected = infinitySign == 0 ? F80.DefaultNaN : F80.Infinity(infinitySign < 0);
        Assert.Equal(expected, X87.St(ref f, 0));
        Assert.Equal(flags, FpuUnderTest.Flags(f));
    }

    [Theory]
    [InlineData(0.0, -0.0, Math.PI)]
    [InlineData(0.0, 0.0, 0.0)]
    [InlineData(1.0, 0.0, Math.PI / 2)]
    [InlineData(double.PositiveInfinity, double.PositiveInfinity, Math.PI / 4)]
    [InlineData(double.NegativeInfinity, double.NegativeInfinity, -3 * Math.PI / 4)]
    public void The_arc_tangent_knows_all_corners_of_the_plane(double y, double x, double angle)
    {
        FpuState f = FpuUnderTest.With(x, y);
        X87.Fpatan(ref f);
        Assert.Equal(angle, FpuUnderTest.Top(ref f));
    }

    [Fact]
    public void Two_to_the_x_minus_one_is_accurate_near_zero()
    {
        FpuState f = FpuUnderTest.With(Math.ScaleB(1, -200));
        X87.F2xm1(ref f);
        Assert.Equal(Math.ScaleB(Math.Log(2), -200), FpuUnderTest.Top(ref f));
        f = FpuUnderTest.With(-1);
        X87.F2xm1(ref f);
        Assert.Equal(-0.5, FpuUnderTest.Top(ref f));
    }

    /// <summary>A double's last bit is 2^11 of ours, and the libraries behind Math are allowed to miss it by one or two.</summary>
    private static void AssertClose(double expected, Func<FpuState, FpuState> operation, params double[] stack)
    {
        FpuState f = operation(FpuUnderTest.With(stack));
        double actual = FpuUnderTest.Top(ref f);
        double ulp = Math.BitIncrement(Math.Abs(expected)) - Math.Abs(expected);
        Assert.True(Math.Abs(actual - expected) <= 2 * ulp, $"{actual} is not {expected}");
    }
}
