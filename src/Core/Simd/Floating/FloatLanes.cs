using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>Single lanes of a register as words.</summary>
internal static class FloatLanes
{
    /// <summary>Lane <paramref name="index"/> of lanes of 4 or 8 bytes.</summary>
    public static ulong Get(Vector value, int bytes, int index) =>
        bytes == 4 ? value.AsUInt32().GetElement(index) : value.AsUInt64().GetElement(index);

    public static Vector Set(Vector value, int bytes, int index, ulong lane) =>
        bytes == 4 ? value.AsUInt32().WithElement(index, (uint)lane).AsByte() : value.AsUInt64().WithElement(index, lane).AsByte();

    /// <summary>The lowest lane of <paramref name="result"/>, the others of <paramref name="left"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Merge<T>(Vector left, Vector result)
        where T : unmanaged => typeof(T) == typeof(float) ? Movss.Apply(left, result) : Movsd.Apply(left, result);
}
