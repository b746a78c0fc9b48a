using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Core.Tests.Fpu;

/// <summary>Reading an empty register, pushing onto a full one (SDM vol. 1 §8.5.1.1).</summary>
public class FpuStackFaultTests
{
    private const FpuExceptions StackInvalid = FpuExceptions.Invalid | FpuExceptions.StackFault;

    [Fact]
    public void A_ninth_push_overflows_with_c1_set_and_leaves_the_indefinite()
    {
        FpuState f = FpuUnderTest.With(1, 2, 3, 4, 5, 6, 7, 8);
        X87.FldConst(ref f, F80Constant.One);
        Assert.Equal(StackInvalid, FpuUnderTest.Flags(f));
        Assert.NotEqual(0, f.StatusWord & FpuStatus.C1);
        Assert.Equal(F80.DefaultNaN, X87.St(ref f, 0));
        Assert.Equal(7, f.Top);
    }

    [Fact]
    public void Unmasked_overflow_pushes_nothing()
    {
        FpuState f = FpuUnderTest.Under(FpuUnderTest.Unmasking(FpuExceptions.Invalid), 1, 2, 3, 4, 5, 6, 7, 8);
        X87.FldConst(ref f, F80Constant.Pi);
        Assert.True(X87.PendingException(f));
        Assert.Equal(0, f.Top);
        Assert.Equal(1.0, FpuUnderTest.Top(ref f));
    }

    [Fact]
    public void Storing_from_an_empty_stack_stores_the_indefinite_and_pops()
    {
        FpuState f = FpuUnderTest.With();
        Assert.True(X87.FistM32(ref f, pop: true, out int value));
        Assert.Equal(int.MinValue, value);
        Assert.Equal(StackInvalid, FpuUnderTest.Flags(f));
        Assert.Equal(0, f.StatusWord & FpuStatus.C1);
        Assert.Equal(1, f.Top);
    }

    [Fact]
    public void Unmasked_underflow_stores_nothing_and_does_not_pop()
    {
        FpuState f = FpuUnderTest.Under(FpuUnderTest.Unmasking(FpuExceptions.Invalid));
        Assert.False(X87.FstM64(ref f, pop: true, out _));
        Assert.False(X87.FstpM80(ref f, out _));
        Assert.False(X87.Fbstp(ref f, out _, out _));
        Assert.Equal(0, f.Top);
        Assert.True(X87.PendingException(f));
    }

    [Fact]
    public void Examining_an_empty_register_is_no_fault()
    {
        FpuState f = FpuUnderTest.With();
        X87.Fxam(ref f);
        Assert.Equal(FpuStatus.C3 | FpuStatus.C0, f.StatusWord & (FpuStatus.C3 | FpuStatus.C2 | FpuStatus.C0));
        Assert.Equal(FpuExceptions.None, FpuUnderTest.Flags(f));
    }

    [Fact]
    public void Exchange_fills_both_empty_places()
    {
        FpuState f = FpuUnderTest.With(5);
        X87.Fxch(ref f, 3);
        Assert.Equal(F80.DefaultNaN, X87.St(ref f, 0));
        Assert.Equal(5.0, FpuUnderTest.ToDouble(X87.St(ref f, 3)));
        Assert.Equal(StackInvalid, FpuUnderTest.Flags(f));
    }
}
