using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lguest.Jit.Core.Flags;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>COMISS, UCOMISS, COMISD, UCOMISD: the relation of two lowest lanes, for EFLAGS.</summary>
internal static class OrderedCompare<T>
    where T : unmanaged
{
    /// <summary>In the result word: not zero, with an even low byte; in the aux word: the parity flip.</summary>
    private const uint OtherwiseOdd = 0x100;

    /// <returns>False: #XM, and EFLAGS stay as they are.</returns>
    public static bool Apply(ref uint mxcsr, Vector left, Vector right, bool quiet, out FloatRelation relation)
    {
        var context = new FloatContext(mxcsr);
        int bytes = FloatFormat<T>.Bits / 8;
        relation = ExactArithmetic<T>.Compare(FloatLanes.Get(left, bytes, 0), FloatLanes.Get(right, bytes, 0), quiet, ref context);
        return context.Accept(ref mxcsr);
    }

    /// <summary>Do the Host's comparisons say all? If so, <see cref="QuickResult"/> and <see cref="QuickAux"/> are the flags.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPlain(Vector left, Vector right) => PlainNumbers.IsNumber<T>(left) && PlainNumbers.IsNumber<T>(right);

    /// <summary>The result word of <see cref="Flags.LazyFlags"/>: 0 if equal.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint QuickResult(Vector left, Vector right)
    {
        bool equal = typeof(T) == typeof(float)
            ? left.AsSingle().ToScalar() == right.AsSingle().ToScalar()
            : left.AsDouble().ToScalar() == right.AsDouble().ToScalar();
        return equal ? 0u : OtherwiseOdd;
    }

    /// <summary>The aux word: CF if less, in both of its top bits so that OF is clear; PF clear.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint QuickAux(Vector left, Vector right)
    {
        bool less = typeof(T) == typeof(float)
            ? left.AsSingle().ToScalar() < right.AsSingle().ToScalar()
            : left.AsDouble().ToScalar() < right.AsDouble().ToScalar();
        return less ? LazyFlags.CarryOut | LazyFlags.CarryIn | OtherwiseOdd : OtherwiseOdd;
    }
}
