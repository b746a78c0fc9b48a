using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>
/// Looks at operands and results, cheap enough for each operation, that tell whether the Host's arithmetic says all there is
/// to say. Under <see cref="Mxcsr.Everyday"/> an operation whose operands are no denormals, and whose result lies strictly above the
/// smallest normal number and below infinity, can have raised nothing but the PE that is set already: NaNs and infinities
/// among the operands would show in the result, and so would overflow and underflow. (Strictly: what is rounded up to the smallest normal
/// number may have been tiny.)
/// </summary>
internal static class PlainNumbers
{
    private const uint SingleMagnitude = 0x7FFF_FFFF;
    private const uint SingleLowest = 0x0080_0001;
    private const uint SingleSpan = 0x7F80_0000 - SingleLowest;
    private const ulong DoubleMagnitude = 0x7FFF_FFFF_FFFF_FFFF;
    private const ulong DoubleLowest = 0x0010_0000_0000_0001;
    private const ulong DoubleSpan = 0x7FF0_0000_0000_0000 - DoubleLowest;

    /// <summary>The lowest lane is a normal number, and not the smallest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsNormal<T>(Vector value) => typeof(T) == typeof(float)
        ? (value.AsUInt32().ToScalar() & SingleMagnitude) - SingleLowest < SingleSpan
        : (value.AsUInt64().ToScalar() & DoubleMagnitude) - DoubleLowest < DoubleSpan;

    /// <summary>All lanes are.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AreNormal<T>(Vector value) => NormalLanes<T>(value) == Vector.AllBitsSet;

    /// <summary>Ones in the lanes that are.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector NormalLanes<T>(Vector value) => typeof(T) == typeof(float)
        ? Vector128.LessThan((value.AsUInt32() & Vector128.Create(SingleMagnitude)) - Vector128.Create(SingleLowest), Vector128.Create(SingleSpan)).AsByte()
        : Vector128.LessThan((value.AsUInt64() & Vector128.Create(DoubleMagnitude)) - Vector128.Create(DoubleLowest), Vector128.Create(DoubleSpan)).AsByte();

    /// <summary>The lowest lane is no denormal.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsNoDenormal<T>(Vector value) => typeof(T) == typeof(float)
        ? (value.AsUInt32().ToScalar() & SingleMagnitude) - 1 >= SingleLowest - 2
        : (value.AsUInt64().ToScalar() & DoubleMagnitude) - 1 >= DoubleLowest - 2;

    /// <summary>No lane is a denormal.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AreNoDenormals<T>(Vector value) => typeof(T) == typeof(float)
        ? Vector128.GreaterThanOrEqualAll((value.AsUInt32() & Vector128.Create(SingleMagnitude)) - Vector128<uint>.One, Vector128.Create(SingleLowest - 2))
        : Vector128.GreaterThanOrEqualAll((value.AsUInt64() & Vector128.Create(DoubleMagnitude)) - Vector128<ulong>.One, Vector128.Create(DoubleLowest - 2));

    /// <summary>The lowest lane is neither a denormal nor a NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsNumber<T>(Vector value) => typeof(T) == typeof(float)
        ? IsNoDenormal<T>(value) && (value.AsUInt32().ToScalar() & SingleMagnitude) <= 0x7F80_0000
        : IsNoDenormal<T>(value) && (value.AsUInt64().ToScalar() & DoubleMagnitude) <= 0x7FF0_0000_0000_0000;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsZero<T>(Vector value) => typeof(T) == typeof(float)
        ? (value.AsUInt32().ToScalar() & SingleMagnitude) == 0
        : (value.AsUInt64().ToScalar() & DoubleMagnitude) == 0;

    /// <summary>Ones in the lanes that are zeros of either sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector ZeroLanes<T>(Vector value) => typeof(T) == typeof(float)
        ? Vector128.Equals(value.AsUInt32() & Vector128.Create(SingleMagnitude), Vector128<uint>.Zero).AsByte()
        : Vector128.Equals(value.AsUInt64() & Vector128.Create(DoubleMagnitude), Vector128<ulong>.Zero).AsByte();
}
