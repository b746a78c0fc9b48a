using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>ADDSS, ADDSD, ADDPS, ADDPD. A sum that is 0 is exact.</summary>
internal readonly struct Add : IFloatArithmetic
{
    public static bool RaisesPrecision => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Packed<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged => (left.As<byte, T>() + right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Scalar<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float) && Sse.IsSupported)
        {
            return Sse.AddScalar(left.AsSingle(), right.AsSingle()).AsByte();
        }

        return typeof(T) == typeof(double) && Sse2.IsSupported
            ? Sse2.AddScalar(left.AsDouble(), right.AsDouble()).AsByte()
            : FloatLanes.Merge<T>(left, Packed<T>(left, right, immediate));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPackedPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged
    {
        Vector normal = PlainNumbers.NormalLanes<T>(result);
        if (normal != Vector.AllBitsSet)
        {
            normal |= PlainNumbers.ZeroLanes<T>(result);
        }

        return normal == Vector.AllBitsSet && PlainNumbers.AreNoDenormals<T>(left) && PlainNumbers.AreNoDenormals<T>(right);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsScalarPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged =>
        (PlainNumbers.IsNormal<T>(result) || PlainNumbers.IsZero<T>(result))
        && PlainNumbers.IsNoDenormal<T>(left) && PlainNumbers.IsNoDenormal<T>(right);

    public static ulong Exact<T>(ulong left, ulong right, byte immediate, ref FloatContext context)
        where T : unmanaged => ExactArithmetic<T>.Add(left, right, ref context);
}

/// <summary>SUBSS and its kin.</summary>
internal readonly struct Subtract : IFloatArithmetic
{
    public static bool RaisesPrecision => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Packed<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged => (left.As<byte, T>() - right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Scalar<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float) && Sse.IsSupported)
        {
            return Sse.SubtractScalar(left.AsSingle(), right.AsSingle()).AsByte();
        }

        return typeof(T) == typeof(double) && Sse2.IsSupported
            ? Sse2.SubtractScalar(left.AsDouble(), right.AsDouble()).AsByte()
            : FloatLanes.Merge<T>(left, Packed<T>(left, right, immediate));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPackedPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged
    {
        return Add.IsPackedPlain<T>(left, right, result);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsScalarPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged =>
        Add.IsScalarPlain<T>(left, right, result);

    public static ulong Exact<T>(ulong left, ulong right, byte immediate, ref FloatContext context)
        where T : unmanaged => ExactArithmetic<T>.Subtract(left, right, ref context);
}

/// <summary>MULSS and its kin. A product that is 0 had better have a factor that is.</summary>
internal readonly struct Multiply : IFloatArithmetic
{
    public static bool RaisesPrecision => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Packed<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged => (left.As<byte, T>() * right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Scalar<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float) && Sse.IsSupported)
        {
            return Sse.MultiplyScalar(left.AsSingle(), right.AsSingle()).AsByte();
        }

        return typeof(T) == typeof(double) && Sse2.IsSupported
            ? Sse2.MultiplyScalar(left.AsDouble(), right.AsDouble()).AsByte()
            : FloatLanes.Merge<T>(left, Packed<T>(left, right, immediate));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPackedPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged
    {
        Vector normal = PlainNumbers.NormalLanes<T>(result);
        if (normal != Vector.AllBitsSet)
        {
            normal |= PlainNumbers.ZeroLanes<T>(result) & (PlainNumbers.ZeroLanes<T>(left) | PlainNumbers.ZeroLanes<T>(right));
        }

        return normal == Vector.AllBitsSet && PlainNumbers.AreNoDenormals<T>(left) && PlainNumbers.AreNoDenormals<T>(right);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsScalarPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged =>
        (PlainNumbers.IsNormal<T>(result) || (PlainNumbers.IsZero<T>(result) && (PlainNumbers.IsZero<T>(left) || PlainNumbers.IsZero<T>(right))))
        && PlainNumbers.IsNoDenormal<T>(left) && PlainNumbers.IsNoDenormal<T>(right);

    public static ulong Exact<T>(ulong left, ulong right, byte immediate, ref FloatContext context)
        where T : unmanaged => ExactArithmetic<T>.Multiply(left, right, ref context);
}

/// <summary>DIVSS and its kin.</summary>
internal readonly struct Divide : IFloatArithmetic
{
    public static bool RaisesPrecision => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Packed<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged => (left.As<byte, T>() / right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Scalar<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float) && Sse.IsSupported)
        {
            return Sse.DivideScalar(left.AsSingle(), right.AsSingle()).AsByte();
        }

        return typeof(T) == typeof(double) && Sse2.IsSupported
            ? Sse2.DivideScalar(left.AsDouble(), right.AsDouble()).AsByte()
            : FloatLanes.Merge<T>(left, Packed<T>(left, right, immediate));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPackedPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged
    {
        Vector normal = PlainNumbers.NormalLanes<T>(result);
        if (normal != Vector.AllBitsSet)
        {
            normal |= PlainNumbers.ZeroLanes<T>(result) & PlainNumbers.ZeroLanes<T>(left);
        }

        return normal == Vector.AllBitsSet && PlainNumbers.AreNoDenormals<T>(left) && PlainNumbers.AreNoDenormals<T>(right);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsScalarPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged =>
        (PlainNumbers.IsNormal<T>(result) || (PlainNumbers.IsZero<T>(result) && PlainNumbers.IsZero<T>(left)))
        && PlainNumbers.IsNoDenormal<T>(left) && PlainNumbers.IsNoDenormal<T>(right);

    public static ulong Exact<T>(ulong left, ulong right, byte immediate, ref FloatContext context)
        where T : unmanaged => ExactArithmetic<T>.Divide(left, right, ref context);
}

/// <summary>SQRTSS and its kin: of the source.</summary>
internal readonly struct SquareRoot : IFloatArithmetic
{
    public static bool RaisesPrecision => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Packed<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged => Vector128.Sqrt(right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Scalar<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float) && Sse.IsSupported)
        {
            return Sse.SqrtScalar(left.AsSingle(), right.AsSingle()).AsByte();
        }

        return typeof(T) == typeof(double) && Sse2.IsSupported
            ? Sse2.SqrtScalar(left.AsDouble(), right.AsDouble()).AsByte()
            : FloatLanes.Merge<T>(left, Packed<T>(left, right, immediate));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPackedPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged
    {
        Vector normal = PlainNumbers.NormalLanes<T>(result);
        if (normal != Vector.AllBitsSet)
        {
            normal |= PlainNumbers.ZeroLanes<T>(result);
        }

        return normal == Vector.AllBitsSet && PlainNumbers.AreNoDenormals<T>(right);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsScalarPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged =>
        (PlainNumbers.IsNormal<T>(result) || PlainNumbers.IsZero<T>(result)) && PlainNumbers.IsNoDenormal<T>(right);

    public static ulong Exact<T>(ulong left, ulong right, byte immediate, ref FloatContext context)
        where T : unmanaged => ExactArithmetic<T>.SquareRoot(right, ref context);
}
