using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>
/// What surrounds the lanes of one instruction: MXCSR's controls, and the exceptions that the lanes have met so far.
/// </summary>
internal struct FloatContext(uint mxcsr)
{
    public FpuExceptions Raised;

    public readonly FpuExceptions Unmasked = (FpuExceptions)(~mxcsr >> Mxcsr.MaskShift) & FpuExceptions.Maskable;

    public readonly F80RoundingMode Rounding = (F80RoundingMode)(mxcsr >> Mxcsr.RoundingShift & 3);

    public readonly bool DenormalsAreZero = (mxcsr & Mxcsr.DenormalsAreZero) != 0;

    /// <summary>FZ means something only while underflow is masked.</summary>
    public readonly bool FlushToZero = (mxcsr & Mxcsr.FlushToZero) != 0 && (mxcsr & (uint)FpuExceptions.Underflow << Mxcsr.MaskShift) != 0;

    public void Raise(FpuExceptions exceptions) => Raised |= exceptions;

    /// <summary>The answer to an invalid operation.</summary>
    public ulong Invalid<T>()
        where T : unmanaged
    {
        Raised |= FpuExceptions.Invalid;
        return FloatFormat<T>.DefaultNaN;
    }

    /// <summary>Sets the sticky flags. False: one of them is unmasked, so #XM takes the place of the result.</summary>
    public readonly bool Accept(ref uint mxcsr)
    {
        FpuExceptions raised = Raised;
        if ((raised & Unmasked & FpuExceptions.BeforeComputation) != 0)
        {
            // No lane has been computed, so none was rounded.
            raised &= FpuExceptions.BeforeComputation;
        }

        mxcsr |= (uint)raised;
        return (raised & Unmasked) == 0;
    }
}
