using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd;

// Bitwise operations, which are the same under their floating-point names, and comparisons of integers.

internal readonly struct Pand : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => destination & source;
}

internal readonly struct Pandn : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.AndNot(source, destination);
}

internal readonly struct Por : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => destination | source;
}

internal readonly struct Pxor : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => destination ^ source;
}

internal readonly struct Pcmpeqb : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.Equals(destination, source);
}

internal readonly struct Pcmpeqw : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.Equals(destination.AsInt16(), source.AsInt16()).AsByte();
}

internal readonly struct Pcmpeqd : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.Equals(destination.AsInt32(), source.AsInt32()).AsByte();
}

internal readonly struct Pcmpgtb : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.GreaterThan(destination.AsSByte(), source.AsSByte()).AsByte();
}

internal readonly struct Pcmpgtw : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.GreaterThan(destination.AsInt16(), source.AsInt16()).AsByte();
}

internal readonly struct Pcmpgtd : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.GreaterThan(destination.AsInt32(), source.AsInt32()).AsByte();
}
