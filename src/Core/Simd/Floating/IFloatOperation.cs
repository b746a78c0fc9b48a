using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>What a floating-point instruction does with the bits of two registers and MXCSR.</summary>
internal interface IFloatOperation
{
    /// <summary>Computes, and sets sticky flags. False: #XM, and there is no result.</summary>
    static abstract bool Apply(ref uint mxcsr, Vector destination, Vector source, byte immediate, out Vector result);
}

/// <summary>
/// One of the arithmetic operations, for <c>float</c> and <c>double</c> lanes: how the Host computes it, how to tell that this was
/// all there is to it, and how to do it by hand.
/// </summary>
internal interface IFloatArithmetic
{
    /// <summary>Can raise PE, so the Host will do only while that is set.</summary>
    static abstract bool RaisesPrecision { get; }

    /// <summary>All lanes by the Host's arithmetic.</summary>
    static abstract Vector Packed<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged;

    /// <summary>The lowest lane; the others from <paramref name="left"/>.</summary>
    static abstract Vector Scalar<T>(Vector left, Vector right, byte immediate)
        where T : unmanaged;

    /// <summary>Was that all, for every lane?</summary>
    static abstract bool IsPackedPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged;

    /// <summary>For the lowest lane?</summary>
    static abstract bool IsScalarPlain<T>(Vector left, Vector right, Vector result)
        where T : unmanaged;

    /// <summary>One lane, exactly.</summary>
    static abstract ulong Exact<T>(ulong left, ulong right, byte immediate, ref FloatContext context)
        where T : unmanaged;
}

/// <summary>How many lanes an instruction works on.</summary>
internal interface IFloatShape
{
    static abstract bool IsScalar { get; }
}

/// <summary>…SS and …SD.</summary>
internal readonly struct ScalarShape : IFloatShape
{
    public static bool IsScalar => true;
}

/// <summary>…PS and …PD.</summary>
internal readonly struct PackedShape : IFloatShape
{
    public static bool IsScalar => false;
}
