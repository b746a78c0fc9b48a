using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd;

// Shuffles by an immediate: two bits (SHUFPD: one) for each lane of the result.

internal readonly struct Pshufd : IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) => Vector128.Shuffle(
        source.AsUInt32(),
        Vector128.Create((uint)immediate & 3, (uint)(immediate >> 2) & 3, (uint)(immediate >> 4) & 3, (uint)immediate >> 6)).AsByte();
}

/// <summary>The four low words; MMX's PSHUFW as well.</summary>
internal readonly struct Pshuflw : IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) => Vector128.Shuffle(
        source.AsUInt16(),
        Vector128.Create(
            (ushort)(immediate & 3), (ushort)((immediate >> 2) & 3), (ushort)((immediate >> 4) & 3), (ushort)(immediate >> 6), 4, 5, 6, 7)).AsByte();
}

internal readonly struct Pshufhw : IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) => Vector128.Shuffle(
        source.AsUInt16(),
        Vector128.Create(
            0, 1, 2, 3, (ushort)(4 + (immediate & 3)), (ushort)(4 + ((immediate >> 2) & 3)), (ushort)(4 + ((immediate >> 4) & 3)), (ushort)(4 + (immediate >> 6)))).AsByte();
}

/// <summary>The two low lanes from the destination, the two high ones from the source.</summary>
internal readonly struct Shufps : IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) =>
        Punpcklqdq.Apply(Pshufd.Apply(default, destination, immediate), Pshufd.Apply(default, source, (byte)(immediate >> 4)));
}

internal readonly struct Shufpd : IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) => (immediate & 3) switch
    {
        0 => Punpcklqdq.Apply(destination, source),
        1 => Vector128.Create(destination.AsUInt64().GetElement(1), source.AsUInt64().ToScalar()).AsByte(),
        2 => Movsd.Apply(source, destination),
        _ => Punpckhqdq.Apply(destination, source),
    };
}

/// <summary>The word at the immediate's place, modulo eight, is replaced by the source's lowest.</summary>
internal readonly struct Pinsrw : IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) =>
        destination.AsUInt16().WithElement(immediate & 7, source.AsUInt16().ToScalar()).AsByte();
}

/// <summary>PINSRW to an MMX register: modulo four.</summary>
internal readonly struct PinsrwMmx : IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) => Pinsrw.Apply(destination, source, (byte)(immediate & 3));
}

/// <summary>The word at the immediate's place, modulo eight, alone.</summary>
internal readonly struct Pextrw : IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) =>
        Vector128.CreateScalar((uint)source.AsUInt16().GetElement(immediate & 7)).AsByte();
}

/// <summary>PEXTRW of an MMX register: modulo four.</summary>
internal readonly struct PextrwMmx : IVectorImmediateOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source, byte immediate) => Pextrw.Apply(destination, source, (byte)(immediate & 3));
}
