using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd;

/// <summary>A load, and exchanges with general registers, as methods that translated code can name.</summary>
/// <remarks>Invariant: callers have translated the address, for two bytes, through the soft TLB.</remarks>
internal static unsafe class VectorMemory
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector LoadWord(nint address) => Vector128.CreateScalar((uint)Unsafe.ReadUnaligned<ushort>((void*)address)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector FromGeneral(uint value) => Vector128.CreateScalar(value).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint ToGeneral(Vector value) => value.AsUInt32().ToScalar();
}
