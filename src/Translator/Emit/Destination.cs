using System.Reflection.Emit;
using Iced.Intel;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// The first operand of an instruction that reads and writes it. Memory is made accessible for writing before anything
/// happens, as the silicon does: a fault finds nothing changed.
/// </summary>
/// <param name="Value">What it held, zero-extended.</param>
/// <param name="Size">Its bytes.</param>
/// <param name="IsMemory">Memory, or a register.</param>
/// <param name="Register">The register, if it is one.</param>
internal readonly record struct Destination(FlagExpression Value, int Size, bool IsMemory, Register Register)
{
    /// <summary>Reads the operand.</summary>
    public static Destination Begin(RegionContext c, in Instruction i)
    {
        int size = OperandEmitter.Size(i, 0);
        if (i.GetOpKind(0) != OpKind.Memory)
        {
            return new Destination(OperandEmitter.RegisterValue(c, i.GetOpRegister(0)), size, false, i.GetOpRegister(0));
        }

        OperandEmitter.TranslateMemory(c, i, size, write: true);
        MemoryEmitter.Load(c, size);
        LocalBuilder value = c.Temporary();
        c.Il.Emit(OpCodes.Stloc, value);
        return new Destination(FlagExpression.Of(value), size, true, Register.None);
    }

    /// <summary>The local of the register, if it is one of 32 bits.</summary>
    public LocalBuilder? Register32(RegionContext c) => IsMemory || Size != 4 ? null : c.Register(RegionContext.RegisterNumber(Register));

    /// <summary>Pops the result into the operand; returns it, its upper bits being noise if it is narrow memory.</summary>
    public FlagExpression Finish(RegionContext c, in Instruction i)
    {
        if (!IsMemory)
        {
            OperandEmitter.StoreRegister(c, Register);
            return OperandEmitter.RegisterValue(c, Register);
        }

        LocalBuilder result = c.Temporary();
        c.Il.Emit(OpCodes.Stloc, result);
        FlagExpression value = FlagExpression.Of(result);
        MemoryEmitter.Store(c, value, Size);
        return value;
    }
}
