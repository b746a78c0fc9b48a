using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Core.Tests.Fpu;

/// <summary>What waits for #MF, and what the handler finds (SDM vol. 1 §8.5, §8.7).</summary>
public class FpuUnmaskedExceptionTests
{
    [Fact]
    public void Division_by_zero_leaves_the_operand_and_waits()
    {
        FpuState f = FpuUnderTest.Under(FpuUnderTest.Unmasking(FpuExceptions.ZeroDivide), 3, 0);
        X87.Arithmetic(ref f, X87Arithmetic.Divide, 0, 1, reverse: false, pop: false);
        Assert.Equal(3.0, FpuUnderTest.Top(ref f));
        Assert.Equal(FpuStatus.ErrorSummary | FpuStatus.Busy | (int)FpuExceptions.ZeroDivide, f.StatusWord & 0x80FF);
        Assert.True(X87.PendingException(f));
        X87.Fnclex(ref f);
        Assert.False(X87.PendingException(f));
    }

    [Fact]
    public void Overflow_in_a_register_comes_with_its_exponent_adjusted()
    {
        FpuState f = FpuUnderTest.Under(FpuUnderTest.Unmasking(FpuExceptions.Overflow));
        F80 large = new(F80.IntegerBit, 0x7FFE);
        X87.FldM80(ref f, large);
        X87.Arithmetic(ref f, X87Arithmetic.Multiply, 0, 0, reverse: false, pop: false);
        Assert.Equal(new F80(F80.IntegerBit, 0x7FFE + 0x7FFE - F80.Bias - 24576), X87.St(ref f, 0));
        Assert.Equal(FpuExceptions.Overflow, FpuUnderTest.Flags(f));
        Assert.True(X87.PendingException(f));
    }

    [Fact]
    public void Underflow_in_a_register_comes_with_its_exponent_adjusted_even_when_exact()
    {
        FpuState f = FpuUnderTest.Under(FpuUnderTest.Unmasking(FpuExceptions.Underflow));
        X87.FldM80(ref f, new F80(F80.IntegerBit, 1));
        X87.ArithmeticM32(ref f, X87Arithmetic.Divide, reverse: false, BitConverter.SingleToUInt32Bits(4));
        Assert.Equal(new F80(F80.IntegerBit, 24575), X87.St(ref f, 0));
        Assert.Equal(FpuExceptions.Underflow, FpuUnderTest.Flags(f));
    }

    [Fact]
    public void Masked_underflow_of_an_exact_denormal_is_not_reported()
    {
        FpuState f = FpuUnderTest.With();
        X87.FldM80(ref f, new F80(F80.IntegerBit, 1));
        X87.ArithmeticM32(ref f, X87Arithmetic.Divide, reverse: false, BitConverter.SingleToUInt32Bits(4));
        Assert.Equal(new F80(F80.IntegerBit >> 2, 0), X87.St(ref f, 0));
        Assert.Equal(FpuExceptions.None, FpuUnderTest.Flags(f));
    }

    [Fact]
    public void An_overflowing_store_writes_nothing_and_does_not_pop()
    {
        FpuState f = FpuUnderTest.Under(FpuUnderTest.Unmasking(FpuExceptions.Overflow), 1e300);
        Assert.False(X87.FstM32(ref f, pop: true, out _));
        Assert.Equal(1e300, FpuUnderTest.Top(ref f));
        Assert.True(X87.PendingException(f));
    }

    [Fact]
    public void An_inexact_store_writes_and_pops_and_waits()
    {
        FpuState f = FpuUnderTest.Under(FpuUnderTest.Unmasking(FpuExceptions.Precision), 0.1);
        Assert.True(X87.FstM32(ref f, pop: true, out uint bits));
        Assert.Equal(BitConverter.SingleToUInt32Bits(0.1f), bits);
        Assert.Equal(0, f.Tags);
        Assert.True(X87.PendingException(f));
    }

    [Fact]
    public void An_integer_out_of_range_is_not_stored()
    {
        FpuState f = FpuUnderTest.Under(FpuUnderTest.Unmasking(FpuExceptions.Invalid), 40000);
        Assert.False(X87.FistM16(ref f, pop: true, out _));
        Assert.Equal(40000.0, FpuUnderTest.Top(ref f));
        Assert.True(X87.FistM32(ref f, pop: true, out int value));
        Assert.Equal(40000, value);
    }

    [Fact]
    public void Unmasking_a_sleeping_flag_wakes_it()
    {
        FpuState f = FpuUnderTest.With(1, 3);
        X87.Arithmetic(ref f, X87Arithmetic.Divide, 0, 1, reverse: false, pop: false);
        Assert.Equal(FpuExceptions.Precision, FpuUnderTest.Flags(f));
        Assert.False(X87.PendingException(f));
        X87.Fldcw(ref f, FpuUnderTest.Unmasking(FpuExceptions.Precision));
        Assert.True(X87.PendingException(f));
    }
}
