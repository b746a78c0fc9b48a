using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd;

// Shifts. The count is the low quadword of the source, or the immediate; unlike those of general registers it is not
// taken modulo anything: shifting out all bits leaves zeros, or copies of the sign.

internal readonly struct Psllw : IVectorOperation, IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Shift(destination, source.AsUInt64().ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) => Shift(destination, immediate);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector Shift(Vector value, ulong count) => count > 15 ? default : (value.AsUInt16() << (int)count).AsByte();
}

internal readonly struct Pslld : IVectorOperation, IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Shift(destination, source.AsUInt64().ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) => Shift(destination, immediate);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector Shift(Vector value, ulong count) => count > 31 ? default : (value.AsUInt32() << (int)count).AsByte();
}

internal readonly struct Psllq : IVectorOperation, IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Shift(destination, source.AsUInt64().ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) => Shift(destination, immediate);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector Shift(Vector value, ulong count) => count > 63 ? default : (value.AsUInt64() << (int)count).AsByte();
}

internal readonly struct Psrlw : IVectorOperation, IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Shift(destination, source.AsUInt64().ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) => Shift(destination, immediate);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector Shift(Vector value, ulong count) => count > 15 ? default : (value.AsUInt16() >> (int)count).AsByte();
}

internal readonly struct Psrld : IVectorOperation, IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Shift(destination, source.AsUInt64().ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) => Shift(destination, immediate);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector Shift(Vector value, ulong count) => count > 31 ? default : (value.AsUInt32() >> (int)count).AsByte();
}

internal readonly struct Psrlq : IVectorOperation, IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Shift(destination, source.AsUInt64().ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) => Shift(destination, immediate);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector Shift(Vector value, ulong count) => count > 63 ? default : (value.AsUInt64() >> (int)count).AsByte();
}

internal readonly struct Psraw : IVectorOperation, IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Shift(destination, source.AsUInt64().ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) => Shift(destination, immediate);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector Shift(Vector value, ulong count) => (value.AsInt16() >> (int)Math.Min(count, 15)).AsByte();
}

internal readonly struct Psrad : IVectorOperation, IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Shift(destination, source.AsUInt64().ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) => Shift(destination, immediate);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector Shift(Vector value, ulong count) => (value.AsInt32() >> (int)Math.Min(count, 31)).AsByte();
}

/// <summary>All sixteen bytes, by bytes.</summary>
internal readonly struct Pslldq : IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) => PortableVector.MoveBytes(destination, immediate);
}

/// <inheritdoc cref="Pslldq"/>
internal readonly struct Psrldq : IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) => PortableVector.MoveBytes(destination, -immediate);
}
