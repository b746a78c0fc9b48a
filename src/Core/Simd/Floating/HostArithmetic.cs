using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>An operation whose lowest lane alone the Host has an instruction for as well. x64 Hosts only.</summary>
internal interface IHostScalar
{
    static abstract Vector128<float> Scalar(Vector128<float> left, Vector128<float> right);

    static abstract Vector128<double> Scalar(Vector128<double> left, Vector128<double> right);
}

/// <summary>One of the operations whose result tells whether the Host's arithmetic said all, but for zeros: each has reasons of its own for an exact one.</summary>
internal interface IRoundedArithmetic
{
    /// <summary>Of the lanes whose result is zero, ones in those where that is exact.</summary>
    static abstract Vector ExactZeroLanes<T>(Vector left, Vector right);

    /// <summary>The lowest lane's result is zero: is that exact?</summary>
    static abstract bool IsZeroExact<T>(Vector left, Vector right);
}

/// <summary>What the arithmetic operations have in common.</summary>
internal static class HostArithmetic
{
    /// <summary>The lowest lane by the Host's instruction, or where there is none by all lanes; the others from <paramref name="left"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Scalar<TArithmetic, T>(Vector left, Vector right)
        where TArithmetic : struct, IFloatArithmetic, IHostScalar
        where T : unmanaged
    {
        if (typeof(T) == typeof(float) && Sse.IsSupported)
        {
            return TArithmetic.Scalar(left.AsSingle(), right.AsSingle()).AsByte();
        }

        return typeof(T) == typeof(double) && Sse2.IsSupported
            ? TArithmetic.Scalar(left.AsDouble(), right.AsDouble()).AsByte()
            : FloatLanes.Merge<T>(left, TArithmetic.Packed<T>(left, right, 0));
    }

    /// <summary>All lanes of the result are normal or exact zeros, and no operand is a denormal.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPackedPlain<TArithmetic, T>(Vector left, Vector right, Vector result)
        where TArithmetic : struct, IRoundedArithmetic
        where T : unmanaged
    {
        Vector plain = PlainNumbers.NormalLanes<T>(result);
        if (plain != Vector.AllBitsSet)
        {
            plain |= PlainNumbers.ZeroLanes<T>(result) & TArithmetic.ExactZeroLanes<T>(left, right);
        }

        return plain == Vector.AllBitsSet && PlainNumbers.AreNoDenormals<T>(left) && PlainNumbers.AreNoDenormals<T>(right);
    }

    /// <summary>The lowest lane is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsScalarPlain<TArithmetic, T>(Vector left, Vector right, Vector result)
        where TArithmetic : struct, IRoundedArithmetic
        where T : unmanaged =>
        (PlainNumbers.IsNormal<T>(result) || (PlainNumbers.IsZero<T>(result) && TArithmetic.IsZeroExact<T>(left, right)))
        && PlainNumbers.IsNoDenormal<T>(left) && PlainNumbers.IsNoDenormal<T>(right);
}
