using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd;

// Multiplications, and the sum of absolute differences.

internal readonly struct Pmullw : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (destination.AsInt16() * source.AsInt16()).AsByte();
}

internal readonly struct Pmulhw : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (Sse2.IsSupported
        ? Sse2.MultiplyHigh(destination.AsInt16(), source.AsInt16())
        : PortableVector.MultiplyHigh(destination.AsInt16(), source.AsInt16())).AsByte();
}

internal readonly struct Pmulhuw : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (Sse2.IsSupported
        ? Sse2.MultiplyHigh(destination.AsUInt16(), source.AsUInt16())
        : PortableVector.MultiplyHigh(destination.AsUInt16(), source.AsUInt16())).AsByte();
}

/// <summary>The even doublewords, to quadwords.</summary>
internal readonly struct Pmuludq : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Sse2.IsSupported
        ? Sse2.Multiply(destination.AsUInt32(), source.AsUInt32()).AsByte()
        : ((destination.AsUInt64() & Vector128.Create(0xFFFF_FFFFUL)) * (source.AsUInt64() & Vector128.Create(0xFFFF_FFFFUL))).AsByte();
}

internal readonly struct Pmaddwd : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (Sse2.IsSupported
        ? Sse2.MultiplyAddAdjacent(destination.AsInt16(), source.AsInt16())
        : PortableVector.MultiplyAddAdjacent(destination.AsInt16(), source.AsInt16())).AsByte();
}

internal readonly struct Psadbw : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Sse2.IsSupported
        ? Sse2.SumAbsoluteDifferences(destination, source).AsByte()
        : PortableVector.SumAbsoluteDifferences(destination, source).AsByte();
}
