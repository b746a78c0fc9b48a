using System.Runtime.Intrinsics;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd;

// Bitwise operations, which are the same under their floating-point names, and comparisons of integers.

internal readonly struct Pand : IVectorOperation
{
    public static Vector Apply(Vector destination, Vector source) => destination & source;
}

internal readonly struct Pandn : IVectorOperation
{
    public static Vector Apply(Vector destination, Vector source) => Vector128.AndNot(source, destination);
}

internal readonly struct Por : IVectorOperation
{
    public static Vector Apply(Vector destination, Vector source) => destination | source;
}

internal readonly struct Pxor : IVectorOperation
{
    public static Vector Apply(Vector destination, Vector source) => destination ^ source;
}

internal readonly struct Pcmpeqb : IVectorOperation
{
    public static Vector Apply(Vector destination, Vector source) => Vector128.Equals(destination, source);
}

internal readonly struct Pcmpeqw : IVectorOperation
{
    public static Vector Apply(Vector destination, Vector source) => Vector128.Equals(destination.AsInt16(), source.AsInt16()).AsByte();
}

internal readonly struct Pcmpeqd : IVectorOperation
{
    public static Vector Apply(Vector destination, Vector source) => Vector128.Equals(destination.AsInt32(), source.AsInt32()).AsByte();
}

internal readonly struct Pcmpgtb : IVectorOperation
{
    public static Vector Apply(Vector destination, Vector source) => Vector128.GreaterThan(destination.AsSByte(), source.AsSByte()).AsByte();
}

internal readonly struct Pcmpgtw : IVectorOperation
{
    public static Vector Apply(Vector destination, Vector source) => Vector128.GreaterThan(destination.AsInt16(), source.AsInt16()).AsByte();
}

internal readonly struct Pcmpgtd : IVectorOperation
{
    public static Vector Apply(Vector destination, Vector source) => Vector128.GreaterThan(destination.AsInt32(), source.AsInt32()).AsByte();
}
