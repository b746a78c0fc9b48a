using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd.Floating;

// The conversions that compilers emit, by the Host's arithmetic.

/// <summary>CVTSI2SD: every doubleword is a double.</summary>
internal readonly struct QuickIntegerToDouble : IQuickOperation
{
    public static uint GuardBits => Mxcsr.EverydayBits & ~Mxcsr.PrecisionFlag;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Compute(Vector destination, Vector source, byte immediate) =>
        Movsd.Apply(destination, Vector128.CreateScalar((double)source.AsInt32().ToScalar()).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPlain(Vector destination, Vector source, Vector result) =>
        true;
}

/// <summary>CVTSI2SS.</summary>
internal readonly struct QuickIntegerToSingle : IQuickOperation
{
    public static uint GuardBits => Mxcsr.EverydayBits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Compute(Vector destination, Vector source, byte immediate) =>
        Movss.Apply(destination, Vector128.CreateScalar((float)source.AsInt32().ToScalar()).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPlain(Vector destination, Vector source, Vector result) =>
        true;
}

/// <summary>CVTDQ2PD.</summary>
internal readonly struct QuickIntegersToDoubles : IQuickOperation
{
    public static uint GuardBits => Mxcsr.EverydayBits & ~Mxcsr.PrecisionFlag;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Compute(Vector destination, Vector source, byte immediate) =>
        Vector128.Create((double)source.AsInt32().ToScalar(), source.AsInt32().GetElement(1)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPlain(Vector destination, Vector source, Vector result) =>
        true;
}

/// <summary>CVTDQ2PS.</summary>
internal readonly struct QuickIntegersToSingles : IQuickOperation
{
    public static uint GuardBits => Mxcsr.EverydayBits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Compute(Vector destination, Vector source, byte immediate) =>
        Vector128.ConvertToSingle(source.AsInt32()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPlain(Vector destination, Vector source, Vector result) =>
        true;
}

/// <summary>CVTSS2SD: exact, but for NaNs and the flag that denormals raise.</summary>
internal readonly struct QuickSingleToDouble : IQuickOperation
{
    public static uint GuardBits => Mxcsr.EverydayBits & ~Mxcsr.PrecisionFlag;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Compute(Vector destination, Vector source, byte immediate) =>
        Movsd.Apply(destination, Vector128.CreateScalar((double)source.AsSingle().ToScalar()).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPlain(Vector destination, Vector source, Vector result) =>
        PlainNumbers.IsNumber<float>(source);
}

/// <summary>CVTSD2SS. What becomes a normal single was no denormal double.</summary>
internal readonly struct QuickDoubleToSingle : IQuickOperation
{
    public static uint GuardBits => Mxcsr.EverydayBits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Compute(Vector destination, Vector source, byte immediate) =>
        Movss.Apply(destination, Vector128.CreateScalar((float)source.AsDouble().ToScalar()).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPlain(Vector destination, Vector source, Vector result) =>
        PlainNumbers.IsNormal<float>(result) || PlainNumbers.IsZero<double>(source);
}

/// <summary>CVTTSS2SI and CVTTSD2SI. 0x80000000 is looked at again: it may be a number or none.</summary>
internal readonly struct QuickTruncation<T> : IQuickOperation
    where T : unmanaged
{
    public static uint GuardBits => Mxcsr.EverydayBits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Compute(Vector destination, Vector source, byte immediate) =>
        Vector128.CreateScalar(typeof(T) == typeof(float)
            ? Sse.IsSupported ? Sse.ConvertToInt32WithTruncation(source.AsSingle()) : QuickRounding.Truncate(source.AsSingle().ToScalar())
            : Sse2.IsSupported ? Sse2.ConvertToInt32WithTruncation(source.AsDouble()) : QuickRounding.Truncate(source.AsDouble().ToScalar())).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPlain(Vector destination, Vector source, Vector result) =>
        result.AsInt32().ToScalar() != int.MinValue;
}

/// <summary>CVTSS2SI and CVTSD2SI, to nearest.</summary>
internal readonly struct QuickRound<T> : IQuickOperation
    where T : unmanaged
{
    public static uint GuardBits => Mxcsr.EverydayBits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Compute(Vector destination, Vector source, byte immediate) =>
        Vector128.CreateScalar(typeof(T) == typeof(float)
            ? Sse.IsSupported ? Sse.ConvertToInt32(source.AsSingle()) : QuickRounding.Round(source.AsSingle().ToScalar())
            : Sse2.IsSupported ? Sse2.ConvertToInt32(source.AsDouble()) : QuickRounding.Round(source.AsDouble().ToScalar())).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPlain(Vector destination, Vector source, Vector result) =>
        result.AsInt32().ToScalar() != int.MinValue;
}

/// <summary>Conversions to integers where the Host has no such instruction: the indefinite for what does not fit.</summary>
internal static class QuickRounding
{
    public static int Truncate(double value) => Math.Abs(value) < 2147483648.0 ? (int)value : int.MinValue;

    public static int Round(double value) => Truncate(Math.Round(value, MidpointRounding.ToEven));
}
