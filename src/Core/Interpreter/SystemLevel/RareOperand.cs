using Iced.Intel;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.SystemLevel;

/// <summary>
/// Operands of rare instructions: register or memory is decided when they run, instead of in their type, and memory
/// goes the checked way, so that no segment check op is needed.
/// </summary>
internal static unsafe class RareOperand
{
    /// <summary>In <see cref="Op.Info"/>: the r/m operand is the register in <see cref="Op.Source"/>.</summary>
    public const ushort InRegister = 0x100;

    /// <summary>Describes operand <paramref name="index"/> in the op.</summary>
    public static void Describe(OpWriter w, in Instruction instruction, int index, ref Op op)
    {
        if (instruction.GetOpKind(index) == OpKind.Register)
        {
            op.Info |= InRegister;
            op.Source = w.OperandOffset(index);
        }
    }

    public static bool Read<TWidth>(GuestCpu* cpu, Op* op, out uint value)
        where TWidth : struct, IWidth
    {
        if ((op->Info & InRegister) != 0)
        {
            value = Registers.Get<TWidth>(cpu, op->Source);
            return true;
        }

        return Access.Read<TWidth>(cpu, op->Segment, AddressGeneral.Offset(cpu, op), out value);
    }

    /// <summary>Writes 2 bytes to memory; a register gets all 32 bits unless the operand size is 16.</summary>
    public static bool Write16(GuestCpu* cpu, Op* op, uint value)
    {
        if ((op->Info & InRegister) == 0)
        {
            return Access.Write<W16>(cpu, op->Segment, AddressGeneral.Offset(cpu, op), value);
        }

        if ((op->Traits & OpTraits.Operand16) != 0)
        {
            Registers.Set<W16>(cpu, op->Source, value);
        }
        else
        {
            Registers.Set32(cpu, op->Source, value);
        }

        return true;
    }
}
