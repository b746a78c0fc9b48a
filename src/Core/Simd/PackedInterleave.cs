using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd;

// Interleaving. The low form serves MMX as it is; the high one of MMX has a name of its own, since its upper half begins
// in the middle of ours.

internal readonly struct Punpcklbw : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (Sse2.IsSupported
        ? Sse2.UnpackLow(destination, source)
        : PortableVector.Interleave(destination, source, 0));
}

internal readonly struct Punpckhbw : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (Sse2.IsSupported
        ? Sse2.UnpackHigh(destination, source)
        : PortableVector.Interleave(destination, source, 8));
}

internal readonly struct Punpcklwd : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (Sse2.IsSupported
        ? Sse2.UnpackLow(destination.AsUInt16(), source.AsUInt16())
        : PortableVector.Interleave(destination.AsUInt16(), source.AsUInt16(), 0)).AsByte();
}

internal readonly struct Punpckhwd : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (Sse2.IsSupported
        ? Sse2.UnpackHigh(destination.AsUInt16(), source.AsUInt16())
        : PortableVector.Interleave(destination.AsUInt16(), source.AsUInt16(), 4)).AsByte();
}

internal readonly struct Punpckldq : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (Sse2.IsSupported
        ? Sse2.UnpackLow(destination.AsUInt32(), source.AsUInt32())
        : PortableVector.Interleave(destination.AsUInt32(), source.AsUInt32(), 0)).AsByte();
}

internal readonly struct Punpckhdq : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (Sse2.IsSupported
        ? Sse2.UnpackHigh(destination.AsUInt32(), source.AsUInt32())
        : PortableVector.Interleave(destination.AsUInt32(), source.AsUInt32(), 2)).AsByte();
}

internal readonly struct Punpcklqdq : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (Sse2.IsSupported
        ? Sse2.UnpackLow(destination.AsUInt64(), source.AsUInt64())
        : PortableVector.Interleave(destination.AsUInt64(), source.AsUInt64(), 0)).AsByte();
}

internal readonly struct Punpckhqdq : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (Sse2.IsSupported
        ? Sse2.UnpackHigh(destination.AsUInt64(), source.AsUInt64())
        : PortableVector.Interleave(destination.AsUInt64(), source.AsUInt64(), 1)).AsByte();
}

/// <summary>PUNPCKHBW of MMX registers.</summary>
internal readonly struct PunpckhbwMmx : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Punpckhqdq.Apply(Punpcklbw.Apply(destination, source), default);
}

/// <summary>PUNPCKHWD of MMX registers.</summary>
internal readonly struct PunpckhwdMmx : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Punpckhqdq.Apply(Punpcklwd.Apply(destination, source), default);
}

/// <summary>PUNPCKHDQ of MMX registers.</summary>
internal readonly struct PunpckhdqMmx : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Punpckhqdq.Apply(Punpckldq.Apply(destination, source), default);
}
