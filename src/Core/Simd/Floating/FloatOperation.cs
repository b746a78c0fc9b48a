using System.Runtime.CompilerServices;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>An arithmetic instruction: ADDSS, CMPPD …</summary>
internal readonly struct FloatOperation<TArithmetic, T, TShape> : IFloatOperation, IQuickOperation
    where TArithmetic : struct, IFloatArithmetic
    where T : unmanaged
    where TShape : struct, IFloatShape
{
    public static bool Apply(ref uint mxcsr, Vector destination, Vector source, byte immediate, out Vector result)
    {
        if (((mxcsr ^ Mxcsr.Everyday) & GuardBits) == 0)
        {
            result = Compute(destination, source, immediate);
            if (IsPlain(destination, source, result))
            {
                return true;
            }
        }

        return ApplyExactly(ref mxcsr, destination, source, immediate, out result);
    }

    /// <summary>If these bits of MXCSR are as in <see cref="Mxcsr.Everyday"/>, <see cref="Compute"/> may be tried.</summary>
    public static uint GuardBits => TArithmetic.RaisesPrecision ? Mxcsr.EverydayBits : Mxcsr.EverydayBits & ~Mxcsr.PrecisionFlag;

    /// <summary>By the Host's arithmetic.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Compute(Vector destination, Vector source, byte immediate) => TShape.IsScalar
        ? TArithmetic.Scalar<T>(destination, source, immediate)
        : TArithmetic.Packed<T>(destination, source, immediate);

    /// <summary>Is <see cref="Compute"/>'s result all there is to it?</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPlain(Vector destination, Vector source, Vector result) => TShape.IsScalar
        ? TArithmetic.IsScalarPlain<T>(destination, source, result)
        : TArithmetic.IsPackedPlain<T>(destination, source, result);

    /// <summary>By hand, with every flag.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool ApplyExactly(ref uint mxcsr, Vector destination, Vector source, byte immediate, out Vector result)
    {
        var context = new FloatContext(mxcsr);
        int bytes = Unsafe.SizeOf<T>();
        int lanes = TShape.IsScalar ? 1 : 16 / bytes;
        result = destination;
        for (int i = 0; i < lanes; i++)
        {
            ulong lane = TArithmetic.Exact<T>(FloatLanes.Get(destination, bytes, i), FloatLanes.Get(source, bytes, i), immediate, ref context);
            result = FloatLanes.Set(result, bytes, i, lane);
        }

        return context.Accept(ref mxcsr);
    }
}
