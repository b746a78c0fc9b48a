using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd;

// Additions and subtractions that wrap around, those that saturate, minima, maxima and averages.

internal readonly struct Paddb : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => destination + source;
}

internal readonly struct Paddw : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (destination.AsInt16() + source.AsInt16()).AsByte();
}

internal readonly struct Paddd : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (destination.AsInt32() + source.AsInt32()).AsByte();
}

internal readonly struct Paddq : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (destination.AsInt64() + source.AsInt64()).AsByte();
}

internal readonly struct Psubb : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => destination - source;
}

internal readonly struct Psubw : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (destination.AsInt16() - source.AsInt16()).AsByte();
}

internal readonly struct Psubd : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (destination.AsInt32() - source.AsInt32()).AsByte();
}

internal readonly struct Psubq : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (destination.AsInt64() - source.AsInt64()).AsByte();
}

internal readonly struct Paddsb : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.AddSaturate(destination.AsSByte(), source.AsSByte()).AsByte();
}

internal readonly struct Paddsw : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.AddSaturate(destination.AsInt16(), source.AsInt16()).AsByte();
}

internal readonly struct Paddusb : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.AddSaturate(destination, source);
}

internal readonly struct Paddusw : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.AddSaturate(destination.AsUInt16(), source.AsUInt16()).AsByte();
}

internal readonly struct Psubsb : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.SubtractSaturate(destination.AsSByte(), source.AsSByte()).AsByte();
}

internal readonly struct Psubsw : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.SubtractSaturate(destination.AsInt16(), source.AsInt16()).AsByte();
}

internal readonly struct Psubusb : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.SubtractSaturate(destination, source);
}

internal readonly struct Psubusw : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.SubtractSaturate(destination.AsUInt16(), source.AsUInt16()).AsByte();
}

internal readonly struct Pminub : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.Min(destination, source);
}

internal readonly struct Pmaxub : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.Max(destination, source);
}

internal readonly struct Pminsw : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.Min(destination.AsInt16(), source.AsInt16()).AsByte();
}

internal readonly struct Pmaxsw : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.Max(destination.AsInt16(), source.AsInt16()).AsByte();
}

/// <summary>Rounded up.</summary>
internal readonly struct Pavgb : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) =>
        Sse2.IsSupported ? Sse2.Average(destination, source) : PortableVector.Average(destination, source);
}

/// <inheritdoc cref="Pavgb"/>
internal readonly struct Pavgw : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => (Sse2.IsSupported
        ? Sse2.Average(destination.AsUInt16(), source.AsUInt16())
        : PortableVector.Average(destination.AsUInt16(), source.AsUInt16())).AsByte();
}
