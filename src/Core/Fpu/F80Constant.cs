namespace Lguest.Jit.Core.Fpu;

/// <summary>The seven numbers that FLD1 … FLDZ push, in the order of their opcodes D9 E8 … D9 EE.</summary>
internal enum F80Constant : byte
{
    One,
    Log2Of10,
    Log2OfE,
    Pi,
    Log10Of2,
    LnOf2,
    Zero,
}
