namespace Lguest.Jit.Core.Fpu;

/// <summary>The four operations that come in every combination of operands. Reversal is a flag of its own.</summary>
internal enum X87Arithmetic : byte
{
    Add,
    Multiply,
    Subtract,
    Divide,
}
