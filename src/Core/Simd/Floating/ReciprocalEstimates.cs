using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd.Floating;

// RCPPS and RSQRTPS promise a relative error of at most 1.5 × 2^-12 and no more (SDM vol. 2): every maker of silicon has a
// table of its own. On x64 a Guest gets what its Host has. Elsewhere it gets the exact value, cut to 12 bits after the
// point: within the promise, and the same on all such Hosts. None of them raises exceptions or obeys MXCSR.

internal readonly struct Rcpps : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Sse.IsSupported ? Sse.Reciprocal(source.AsSingle()).AsByte() : Portable(source);

    /// <summary>All four lanes without the Host's help.</summary>
    public static Vector Portable(Vector source) => ReciprocalEstimate.Map(source, static value => 1 / value);
}

internal readonly struct Rcpss : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Movss.Apply(destination, Rcpps.Apply(destination, source));
}

internal readonly struct Rsqrtps : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Sse.IsSupported ? Sse.ReciprocalSqrt(source.AsSingle()).AsByte() : Portable(source);

    /// <inheritdoc cref="Rcpps.Portable"/>
    public static Vector Portable(Vector source) => ReciprocalEstimate.Map(source, static value => 1 / Math.Sqrt(value));
}

internal readonly struct Rsqrtss : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Apply(Vector destination, Vector source) => Movss.Apply(destination, Rsqrtps.Apply(destination, source));
}

/// <summary>What the two have in common where the Host has neither.</summary>
internal static class ReciprocalEstimate
{
    private const int KeptBits = 12;

    public static Vector Map(Vector source, Func<double, double> function)
    {
        Vector128<uint> result = default;
        for (int i = 0; i < 4; i++)
        {
            result = result.WithElement(i, Lane(source.AsUInt32()[i], function));
        }

        return result.AsByte();
    }

    /// <summary>Denormals count as zeros, on either side.</summary>
    private static uint Lane(uint bits, Func<double, double> function)
    {
        if (FloatFormat<float>.IsNaN(bits))
        {
            return bits | (uint)FloatFormat<float>.QuietBit;
        }

        if (FloatFormat<float>.IsDenormal(bits))
        {
            bits &= (uint)FloatFormat<float>.SignBit;
        }

        double value = function(BitConverter.UInt32BitsToSingle(bits));
        if (double.IsNaN(value))
        {
            return (uint)FloatFormat<float>.DefaultNaN;
        }

        ulong kept = BitConverter.DoubleToUInt64Bits(value) & ~0UL << (FloatFormat<double>.FractionBits - KeptBits);
        uint single = BitConverter.SingleToUInt32Bits((float)BitConverter.UInt64BitsToDouble(kept));
        return FloatFormat<float>.IsDenormal(single) ? single & (uint)FloatFormat<float>.SignBit : single;
    }
}
