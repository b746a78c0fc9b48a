using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>What all operations ask of their operands first: NaNs and denormals.</summary>
internal static class FloatOperand<T>
    where T : unmanaged
{
    /// <summary>
    /// Answers true when the operands alone settle the result: the first NaN, made quiet (SDM vol. 1 table 4-7, SSE column).
    /// </summary>
    public static bool Settles(ulong left, ulong right, ref FloatContext context, out ulong result)
    {
        result = FloatFormat<T>.IsNaN(left) ? left : right;
        if (!FloatFormat<T>.IsNaN(result))
        {
            return false;
        }

        if (FloatFormat<T>.IsSignalling(left) || FloatFormat<T>.IsSignalling(right))
        {
            context.Raise(FpuExceptions.Invalid);
        }

        result |= FloatFormat<T>.QuietBit;
        return true;
    }

    /// <summary>DAZ: the operand, or a zero of its sign.</summary>
    public static ulong Flush(ulong value, in FloatContext context) =>
        context.DenormalsAreZero && FloatFormat<T>.IsDenormal(value) ? value & FloatFormat<T>.SignBit : value;

    /// <summary>DE for a denormal operand, once nothing of higher rank has come up.</summary>
    public static void NoteDenormals(ulong left, ulong right, ref FloatContext context)
    {
        if (FloatFormat<T>.IsDenormal(left) || FloatFormat<T>.IsDenormal(right))
        {
            context.Raise(FpuExceptions.Denormal);
        }
    }
}
