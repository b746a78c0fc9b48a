using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>COMISS, UCOMISS, COMISD, UCOMISD: the relation of two lowest lanes, for EFLAGS.</summary>
internal static class OrderedCompare<T>
    where T : unmanaged
{
    /// <returns>False: #XM, and EFLAGS stay as they are.</returns>
    public static bool Apply(ref uint mxcsr, Vector left, Vector right, bool quiet, out FloatRelation relation)
    {
        var context = new FloatContext(mxcsr);
        int bytes = FloatFormat<T>.Bits / 8;
        relation = ExactArithmetic<T>.Compare(FloatLanes.Get(left, bytes, 0), FloatLanes.Get(right, bytes, 0), quiet, ref context);
        return context.Accept(ref mxcsr);
    }
}
