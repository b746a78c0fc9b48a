using Iced.Intel;
using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>
/// x87 instructions of one basic block that one thunk executes. Integer instructions that stand between them go ahead: the x87
/// instructions are put off until the last of them has come.
/// </summary>
internal sealed class X87Run
{
    public List<X87Element> Elements { get; } = [];

    /// <summary>The memory they access. Element and window know each other.</summary>
    public List<X87Window> Windows { get; set; } = [];

    /// <summary>The register stack as it is at the end.</summary>
    public X87Stack Stack { get; } = new();

    /// <summary>About how many additions it takes.</summary>
    public int Cost { get; set; }

    public X87Element First => Elements[0];

    public X87Element Last => Elements[^1];

    /// <summary>There is an FCOMI or FUCOMI, with nothing but moves behind it: the thunk answers the flags.</summary>
    public bool SetsFlags => Elements.Exists(static e => e.Operation.Kind == X87Kind.CompareToFlags);

    /// <summary>Host address of the thunk.</summary>
    public nint Thunk { get; set; }

    /// <summary>Host address of as many <see cref="X87Record"/>s as there are elements.</summary>
    public nint Records { get; set; }
}

/// <summary>One x87 instruction of a run.</summary>
/// <param name="Index">Its number in the block.</param>
/// <param name="Number">Its number in the run.</param>
/// <param name="Instruction">As Iced has it.</param>
/// <param name="Operation">As Core has it.</param>
/// <param name="Address">What its memory operand's address is computed from.</param>
internal sealed record X87Element(int Index, int Number, Instruction Instruction, X87Operation Operation, X87Address Address)
{
    /// <summary>Where its memory operand is; null: it has none.</summary>
    public X87Window? Window { get; set; }

    /// <summary>The number of the copy that it reads instead, if an integer instruction that may overwrite it goes ahead; null: none does.</summary>
    public int? Copy { get; set; }

    /// <summary>Bytes from the start of the window to the operand.</summary>
    public int Offset => (int)(Instruction.MemoryDisplacement32 - Window!.Displacement);
}

/// <summary>
/// Base and index of a memory operand, and how often each had been written in its block by then: two operands with equal ones are
/// as far from each other as their displacements.
/// </summary>
internal readonly record struct X87Address(Register Base, int BaseVersion, Register Index, int IndexVersion, int Scale);

/// <summary>Memory operands that lie close together, checked and translated as one.</summary>
/// <param name="Number">Its number in the run.</param>
/// <param name="Address">Its base and index.</param>
/// <param name="Sample">An instruction that has them.</param>
/// <param name="Displacement">Of its first byte.</param>
/// <param name="Size">In bytes.</param>
/// <param name="Write">Something in it is stored to.</param>
internal sealed record X87Window(int Number, X87Address Address, Instruction Sample, uint Displacement, int Size, bool Write)
{
    /// <summary>The element in front of which it is translated.</summary>
    public int FirstElement { get; set; } = int.MaxValue;

    /// <summary>Does a memory operand lie in it, and may it be accessed as it wants?</summary>
    public bool Holds(X87Element element)
    {
        uint offset = element.Instruction.MemoryDisplacement32 - Displacement;
        return Address == element.Address && (Write || !element.Operation.IsStore)
            && offset < Size && offset + element.Operation.Width <= Size;
    }
}
