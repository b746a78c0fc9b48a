using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd;

// Narrowing with saturation: the destination's lanes first, then the source's. MMX joins its two halves before.

internal readonly struct Packsswb : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.NarrowWithSaturation(destination.AsInt16(), source.AsInt16()).AsByte();
}

internal readonly struct Packssdw : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.NarrowWithSaturation(destination.AsInt32(), source.AsInt32()).AsByte();
}

/// <summary>Signed words to unsigned bytes.</summary>
internal readonly struct Packuswb : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.Narrow(Clamp(destination), Clamp(source));

    private static Vector128<ushort> Clamp(Vector value) =>
        Vector128.Min(Vector128.Max(value.AsInt16(), Vector128<short>.Zero), Vector128.Create((short)255)).AsUInt16();
}

/// <summary>PACKSSWB of MMX registers.</summary>
internal readonly struct PacksswbMmx : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Packsswb.Apply(Punpcklqdq.Apply(destination, source), default);
}

/// <summary>PACKSSDW of MMX registers.</summary>
internal readonly struct PackssdwMmx : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Packssdw.Apply(Punpcklqdq.Apply(destination, source), default);
}

/// <summary>PACKUSWB of MMX registers.</summary>
internal readonly struct PackuswbMmx : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Packuswb.Apply(Punpcklqdq.Apply(destination, source), default);
}
