using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd;

/// <summary>Loads, stores and exchanges with general registers, as methods that translated code can name.</summary>
/// <remarks>Invariant: callers have translated the address, for this many bytes, through the soft TLB.</remarks>
internal static unsafe class VectorMemory
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Load2(nint address) => Vector128.CreateScalar((uint)Unsafe.ReadUnaligned<ushort>((void*)address)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Load4(nint address) => Vector128.CreateScalar(Unsafe.ReadUnaligned<float>((void*)address)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Load8(nint address) => Vector128.CreateScalar(Unsafe.ReadUnaligned<double>((void*)address)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Load16(nint address) => Vector128.Load((byte*)address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store4(nint address, Vector value) => Unsafe.WriteUnaligned((void*)address, value.AsUInt32().ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store8(nint address, Vector value) => Unsafe.WriteUnaligned((void*)address, value.AsDouble().ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store16(nint address, Vector value) => value.Store((byte*)address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector FromGeneral(uint value) => Vector128.CreateScalar(value).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint ToGeneral(Vector value) => value.AsUInt32().ToScalar();
}
