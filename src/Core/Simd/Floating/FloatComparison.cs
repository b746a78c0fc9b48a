using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>MINSS and its kin: the source when in doubt.</summary>
internal readonly struct Minimum : IFloatArithmetic, IHostScalar
{
    public static bool RaisesPrecision => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Packed<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged =>
        Vector128.ConditionalSelect(Vector128.LessThan(left.As<byte, T>(), right.As<byte, T>()), left.As<byte, T>(), right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Scalar<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged => HostArithmetic.Scalar<Minimum, T>(left, right);

    public static Vector128<float> Scalar(Vector128<float> left, Vector128<float> right) => Sse.MinScalar(left, right);

    public static Vector128<double> Scalar(Vector128<double> left, Vector128<double> right) => Sse2.MinScalar(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPackedPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged => Comparison.IsPackedPlain<T>(left, right, result);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsScalarPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged => Comparison.IsScalarPlain<T>(left, right, result);

    public static ulong Exact<T>(ulong left, ulong right, byte immediate, ref FloatContext context)
        where T : unmanaged => ExactArithmetic<T>.Extremum(left, right, maximum: false, ref context);
}

/// <summary>MAXSS and its kin: the source when in doubt.</summary>
internal readonly struct Maximum : IFloatArithmetic, IHostScalar
{
    public static bool RaisesPrecision => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Packed<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged =>
        Vector128.ConditionalSelect(Vector128.GreaterThan(left.As<byte, T>(), right.As<byte, T>()), left.As<byte, T>(), right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Scalar<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged => HostArithmetic.Scalar<Maximum, T>(left, right);

    public static Vector128<float> Scalar(Vector128<float> left, Vector128<float> right) => Sse.MaxScalar(left, right);

    public static Vector128<double> Scalar(Vector128<double> left, Vector128<double> right) => Sse2.MaxScalar(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPackedPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged => Comparison.IsPackedPlain<T>(left, right, result);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsScalarPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged => Comparison.IsScalarPlain<T>(left, right, result);

    public static ulong Exact<T>(ulong left, ulong right, byte immediate, ref FloatContext context)
        where T : unmanaged => ExactArithmetic<T>.Extremum(left, right, maximum: true, ref context);
}

/// <summary>CMPSS and its kin, the predicate in the immediate: all ones, or zeros.</summary>
internal readonly struct Comparison : IFloatArithmetic
{
    public static bool RaisesPrecision => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Packed<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged
    {
        Vector128<T> a = left.As<byte, T>();
        Vector128<T> b = right.As<byte, T>();
        Vector result = (immediate & 3) switch
        {
            0 => Vector128.Equals(a, b).AsByte(),
            1 => Vector128.LessThan(a, b).AsByte(),
            2 => Vector128.LessThanOrEqual(a, b).AsByte(),
            _ => ~(Vector128.Equals(a, a) & Vector128.Equals(b, b)).AsByte(),
        };
        return (immediate & 4) != 0 ? ~result : result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Scalar<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged => FloatLanes.Merge<T>(left, Packed<T>(left, right, immediate));

    /// <summary>Neither NaNs nor denormals.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPackedPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged =>
        Vector128.EqualsAll(left.As<byte, T>(), left.As<byte, T>()) && Vector128.EqualsAll(right.As<byte, T>(), right.As<byte, T>())
        && PlainNumbers.AreNoDenormals<T>(left) && PlainNumbers.AreNoDenormals<T>(right);

    /// <inheritdoc cref="IsPackedPlain"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsScalarPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged => PlainNumbers.IsNumber<T>(left) && PlainNumbers.IsNumber<T>(right);

    public static ulong Exact<T>(ulong left, ulong right, byte immediate, ref FloatContext context)
        where T : unmanaged
    {
        // LT, LE and their negations are the ones that mind quiet NaNs.
        bool quiet = (immediate & 3) is 0 or 3;
        FloatRelation relation = ExactArithmetic<T>.Compare(left, right, quiet, ref context);
        bool holds = (immediate & 3) switch
        {
            0 => relation == FloatRelation.Equal,
            1 => relation == FloatRelation.Less,
            2 => relation is FloatRelation.Less or FloatRelation.Equal,
            _ => relation == FloatRelation.Unordered,
        };
        return holds != ((immediate & 4) != 0) ? ulong.MaxValue : 0;
    }
}
