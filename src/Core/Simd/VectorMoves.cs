using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd;

// Moves, as operations on what was in the destination: the names are those of the register forms.

/// <summary>All of it: MOVAPS and its kin, MOVQ of MMX; and every load whose memory operand fills the low part, zeros above.</summary>
internal readonly struct Movdqa : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => source;
}

/// <summary>The low doubleword; the others stay.</summary>
internal readonly struct Movss : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Sse.IsSupported
        ? Sse.MoveScalar(destination.AsSingle(), source.AsSingle()).AsByte()
        : destination.AsUInt32().WithElement(0, source.AsUInt32().ToScalar()).AsByte();
}

/// <summary>The low quadword; the other stays. MOVLPS too.</summary>
internal readonly struct Movsd : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Sse2.IsSupported
        ? Sse2.MoveScalar(destination.AsDouble(), source.AsDouble()).AsByte()
        : destination.AsUInt64().WithElement(0, source.AsUInt64().ToScalar()).AsByte();
}

/// <summary>The low quadword, zeros above.</summary>
internal readonly struct Movq : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.CreateScalar(source.AsUInt64().ToScalar()).AsByte();
}

/// <summary>The source's low quadword becomes the high one: MOVLHPS, MOVHPS.</summary>
internal readonly struct Movlhps : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Punpcklqdq.Apply(destination, source);
}

/// <summary>The source's high quadword becomes the low one.</summary>
internal readonly struct Movhlps : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Punpckhqdq.Apply(source, destination);
}

/// <summary>The high quadword moves down: what MOVHPS stores.</summary>
internal readonly struct HighQuadword : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Punpckhqdq.Apply(source, source);
}

/// <summary>The sign of every byte.</summary>
internal readonly struct Pmovmskb : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.CreateScalar(source.ExtractMostSignificantBits()).AsByte();
}

/// <summary>PMOVMSKB of an MMX register.</summary>
internal readonly struct PmovmskbMmx : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.CreateScalar(source.ExtractMostSignificantBits() & 0xFF).AsByte();
}

internal readonly struct Movmskps : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.CreateScalar(source.AsUInt32().ExtractMostSignificantBits()).AsByte();
}

internal readonly struct Movmskpd : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Vector128.CreateScalar(source.AsUInt64().ExtractMostSignificantBits()).AsByte();
}
