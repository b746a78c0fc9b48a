using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Core.Tests.Fpu;

/// <summary>Short words for setting a unit up and looking at it.</summary>
internal static class FpuUnderTest
{
    public const ushort AllMasked = FpuControl.Initial;

    public static FpuState With(params double[] stack) => Under(AllMasked, stack);

    /// <summary>The same under a given control word. The first number becomes ST(0).</summary>
    public static FpuState Under(ushort controlWord, params double[] stack)
    {
        FpuState f = default;
        f.Initialise();
        foreach (double value in stack.Reverse())
            X87.FldM64(ref f, BitConverter.DoubleToUInt64Bits(value));
        X87.Fnclex(ref f);
        X87.Fldcw(ref f, controlWord);
        return f;
    }

    /// <summary>The initial control word with some exceptions let through.</summary>
    public static ushort Unmasking(FpuExceptions exceptions) => (ushort)(AllMasked & ~(int)exceptions);

    public static double Top(ref FpuState f) => ToDouble(X87.St(ref f, 0));

    public static double ToDouble(F80 value)
    {
        F80Context context = new(AllMasked);
        return BitConverter.UInt64BitsToDouble(F80Float.ToDouble(value, ref context));
    }

    public static F80 FromDouble(double value)
    {
        F80Context context = new(AllMasked);
        return F80Float.FromDouble(BitConverter.DoubleToUInt64Bits(value), ref context);
    }

    public static FpuExceptions Flags(in FpuState f) => (FpuExceptions)(f.StatusWord & 0x7F);
}
