using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>
/// A floating-point instruction as translated code tries it: while <see cref="GuardBits"/> of MXCSR are as in <see cref="Mxcsr.Everyday"/>,
/// compute with the Host's arithmetic, then look whether the result is plain. If not, the instruction is executed again, exactly.
/// </summary>
internal interface IQuickOperation
{
    static abstract uint GuardBits { get; }

    static abstract Vector Compute(Vector destination, Vector source, byte immediate);

    static abstract bool IsPlain(Vector destination, Vector source, Vector result);
}
