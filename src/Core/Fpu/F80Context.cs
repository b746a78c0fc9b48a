namespace Lguest.Jit.Core.Fpu;

/// <summary>
/// What surrounds one operation: how to round, which exceptions are unmasked, and, collected on the way, which
/// ones came up. The arithmetic knows no registers and no status word; this is its only side channel.
/// </summary>
internal struct F80Context(ushort controlWord)
{
    /// <summary>Exceptions met so far.</summary>
    public FpuExceptions Raised;

    /// <summary>Exceptions that are let through. Over- and underflow give other results then (SDM vol. 1 §8.5.4, §8.5.5).</summary>
    public readonly FpuExceptions Unmasked = (FpuExceptions)~controlWord & FpuExceptions.Maskable;

    public readonly F80RoundingMode Rounding = (F80RoundingMode)(controlWord >> 10 & 3);

    /// <summary>Significand bits that add, subtract, multiply, divide and square root keep: 24, 53 or 64.</summary>
    public readonly byte PrecisionBits = (controlWord >> 8 & 3) switch { 0 => 24, 2 => 53, _ => 64 };

    /// <summary>The last rounding went away from zero: C1 when PE is set.</summary>
    public bool RoundedUp;

    /// <summary>
    /// A memory operand was denormal in <em>its</em> format. As an 80-bit number it is perfectly normal, but the
    /// operation still owes a DE, unless something of higher rank (a NaN) comes first.
    /// </summary>
    public bool DenormalSource;

    /// <summary>Did something happen that forbids the result?</summary>
    public readonly bool IsStopped => (Raised & Unmasked & FpuExceptions.BeforeComputation) != 0;

    public void Raise(FpuExceptions exceptions) => Raised |= exceptions;

    /// <summary>The answer to every invalid operation: IE and the default NaN.</summary>
    public F80 Invalid()
    {
        Raised |= FpuExceptions.Invalid;
        return F80.DefaultNaN;
    }
}
