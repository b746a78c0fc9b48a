namespace Lguest.Jit.Core.Fpu;

/// <summary>
/// The six numeric exceptions and the stack fault, at their places in the status word; the first six are also
/// the mask bits' places in the control word (SDM vol. 1 §8.1.3, §8.1.5).
/// </summary>
[Flags]
internal enum FpuExceptions : ushort
{
    None = 0,
    Invalid = 0x01,
    Denormal = 0x02,
    ZeroDivide = 0x04,
    Overflow = 0x08,
    Underflow = 0x10,
    Precision = 0x20,

    /// <summary>SF: an invalid operation that was the register stack's fault; always together with <see cref="Invalid"/>.</summary>
    StackFault = 0x40,

    /// <summary>Those found before anything is computed: unmasked, they leave registers and memory as they were.</summary>
    BeforeComputation = Invalid | Denormal | ZeroDivide,

    /// <summary>The six that have a mask.</summary>
    Maskable = 0x3F,
}
