using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>ADDSS, ADDSD, ADDPS, ADDPD. A sum that is 0 is exact.</summary>
internal readonly struct Add : IFloatArithmetic, IHostScalar, IRoundedArithmetic
{
    public static bool RaisesPrecision => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Packed<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged => (left.As<byte, T>() + right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Scalar<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged => HostArithmetic.Scalar<Add, T>(left, right);

    public static Vector128<float> Scalar(Vector128<float> left, Vector128<float> right) => Sse.AddScalar(left, right);

    public static Vector128<double> Scalar(Vector128<double> left, Vector128<double> right) => Sse2.AddScalar(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPackedPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged => HostArithmetic.IsPackedPlain<Add, T>(left, right, result);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsScalarPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged => HostArithmetic.IsScalarPlain<Add, T>(left, right, result);

    public static Vector ExactZeroLanes<T>(Vector left, Vector right) => Vector.AllBitsSet;

    public static bool IsZeroExact<T>(Vector left, Vector right) => true;

    public static ulong Exact<T>(ulong left, ulong right, byte immediate, ref FloatContext context)
        where T : unmanaged => ExactArithmetic<T>.Add(left, right, ref context);
}

/// <summary>SUBSS and its kin. So is a difference.</summary>
internal readonly struct Subtract : IFloatArithmetic, IHostScalar, IRoundedArithmetic
{
    public static bool RaisesPrecision => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Packed<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged => (left.As<byte, T>() - right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Scalar<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged => HostArithmetic.Scalar<Subtract, T>(left, right);

    public static Vector128<float> Scalar(Vector128<float> left, Vector128<float> right) => Sse.SubtractScalar(left, right);

    public static Vector128<double> Scalar(Vector128<double> left, Vector128<double> right) => Sse2.SubtractScalar(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPackedPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged => HostArithmetic.IsPackedPlain<Subtract, T>(left, right, result);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsScalarPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged => HostArithmetic.IsScalarPlain<Subtract, T>(left, right, result);

    public static Vector ExactZeroLanes<T>(Vector left, Vector right) => Vector.AllBitsSet;

    public static bool IsZeroExact<T>(Vector left, Vector right) => true;

    public static ulong Exact<T>(ulong left, ulong right, byte immediate, ref FloatContext context)
        where T : unmanaged => ExactArithmetic<T>.Subtract(left, right, ref context);
}

/// <summary>MULSS and its kin. A product that is 0 had better have a factor that is.</summary>
internal readonly struct Multiply : IFloatArithmetic, IHostScalar, IRoundedArithmetic
{
    public static bool RaisesPrecision => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Packed<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged => (left.As<byte, T>() * right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Scalar<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged => HostArithmetic.Scalar<Multiply, T>(left, right);

    public static Vector128<float> Scalar(Vector128<float> left, Vector128<float> right) => Sse.MultiplyScalar(left, right);

    public static Vector128<double> Scalar(Vector128<double> left, Vector128<double> right) => Sse2.MultiplyScalar(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPackedPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged => HostArithmetic.IsPackedPlain<Multiply, T>(left, right, result);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsScalarPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged => HostArithmetic.IsScalarPlain<Multiply, T>(left, right, result);

    public static Vector ExactZeroLanes<T>(Vector left, Vector right) => PlainNumbers.ZeroLanes<T>(left) | PlainNumbers.ZeroLanes<T>(right);

    public static bool IsZeroExact<T>(Vector left, Vector right) => PlainNumbers.IsZero<T>(left) || PlainNumbers.IsZero<T>(right);

    public static ulong Exact<T>(ulong left, ulong right, byte immediate, ref FloatContext context)
        where T : unmanaged => ExactArithmetic<T>.Multiply(left, right, ref context);
}

/// <summary>DIVSS and its kin. A quotient that is 0 had better be of 0.</summary>
internal readonly struct Divide : IFloatArithmetic, IHostScalar, IRoundedArithmetic
{
    public static bool RaisesPrecision => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Packed<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged => (left.As<byte, T>() / right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Scalar<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged => HostArithmetic.Scalar<Divide, T>(left, right);

    public static Vector128<float> Scalar(Vector128<float> left, Vector128<float> right) => Sse.DivideScalar(left, right);

    public static Vector128<double> Scalar(Vector128<double> left, Vector128<double> right) => Sse2.DivideScalar(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPackedPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged => HostArithmetic.IsPackedPlain<Divide, T>(left, right, result);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsScalarPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged => HostArithmetic.IsScalarPlain<Divide, T>(left, right, result);

    public static Vector ExactZeroLanes<T>(Vector left, Vector right) => PlainNumbers.ZeroLanes<T>(left);

    public static bool IsZeroExact<T>(Vector left, Vector right) => PlainNumbers.IsZero<T>(left);

    public static ulong Exact<T>(ulong left, ulong right, byte immediate, ref FloatContext context)
        where T : unmanaged => ExactArithmetic<T>.Divide(left, right, ref context);
}

/// <summary>SQRTSS and its kin: of the source, the only operand.</summary>
internal readonly struct SquareRoot : IFloatArithmetic, IHostScalar, IRoundedArithmetic
{
    public static bool RaisesPrecision => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Packed<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged => Vector128.Sqrt(right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Scalar<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged => HostArithmetic.Scalar<SquareRoot, T>(left, right);

    public static Vector128<float> Scalar(Vector128<float> left, Vector128<float> right) => Sse.SqrtScalar(left, right);

    public static Vector128<double> Scalar(Vector128<double> left, Vector128<double> right) => Sse2.SqrtScalar(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPackedPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged => HostArithmetic.IsPackedPlain<SquareRoot, T>(right, right, result);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsScalarPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged => HostArithmetic.IsScalarPlain<SquareRoot, T>(right, right, result);

    public static Vector ExactZeroLanes<T>(Vector left, Vector right) => Vector.AllBitsSet;

    public static bool IsZeroExact<T>(Vector left, Vector right) => true;

    public static ulong Exact<T>(ulong left, ulong right, byte immediate, ref FloatContext context)
        where T : unmanaged => ExactArithmetic<T>.SquareRoot(right, ref context);
}
