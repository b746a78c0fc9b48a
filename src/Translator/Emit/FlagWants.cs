using Iced.Intel;
using Lguest.Jit.Core.Interpreter;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// Which instructions of a block must leave flags behind. Every place where execution may leave (a memory access above
/// all) shows the flags to the world; behind the block we assume that somebody looks.
/// </summary>
internal static class FlagWants
{
    public static bool[] Analyse(IReadOnlyList<Instruction> instructions, Optimisations optimisations)
    {
        var wants = new bool[instructions.Count];
        bool wanted = true;
        for (int i = instructions.Count - 1; i >= 0; i--)
        {
            wants[i] = wanted || !optimisations.DeadFlags;
            Instruction instruction = instructions[i];
            if (!RegistersOnly(instruction) || ReadsFlags(instruction))
            {
                wanted = true;
            }
            else if (WritesAll(instruction))
            {
                wanted = false;
            }
            else if (!LeavesFlagsAlone(instruction.Mnemonic))
            {
                wanted = true;
            }
        }

        return wants;
    }

    private static bool ReadsFlags(in Instruction i) => i.RflagsRead != RflagsBits.None;

    private static bool WritesAll(in Instruction i) => i.Mnemonic switch
    {
        Mnemonic.Add or Mnemonic.Sub or Mnemonic.Cmp or Mnemonic.And or Mnemonic.Or or Mnemonic.Xor or Mnemonic.Test or Mnemonic.Neg => true,
        Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar => i.GetOpKind(1) != OpKind.Register && (i.GetImmediate(1) & 31) != 0,
        _ => false,
    };

    /// <summary>Instructions with a template that neither look at flags nor can leave.</summary>
    private static bool LeavesFlagsAlone(Mnemonic mnemonic) => mnemonic is
        Mnemonic.Mov or Mnemonic.Movzx or Mnemonic.Movsx or Mnemonic.Lea or Mnemonic.Not or Mnemonic.Bswap or Mnemonic.Xchg
        or Mnemonic.Cdq or Mnemonic.Cwde or Mnemonic.Nop;

    private static bool RegistersOnly(in Instruction i)
    {
        if (i.Mnemonic is Mnemonic.Lea or Mnemonic.Nop)
        {
            return true;
        }

        for (int k = 0; k < i.OpCount; k++)
        {
            OpKind kind = i.GetOpKind(k);
            if (kind == OpKind.Register ? !OpWriter.IsGeneral(i.GetOpRegister(k)) : kind is not (>= OpKind.Immediate8 and <= OpKind.Immediate8to32))
            {
                return false;
            }
        }

        return true;
    }
}
