using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>
/// Which ALU instructions of a block write flags that nobody can see. Conservative: only full writers of all six
/// flags hide earlier ones, and anything that could fault or leave in between shows them all.
/// </summary>
internal static class FlagLiveness
{
    /// <summary>Fills <paramref name="live"/> for each instruction.</summary>
    public static void Analyse(ReadOnlySpan<Instruction> instructions, Span<bool> live)
    {
        bool wanted = true;
        for (int i = instructions.Length - 1; i >= 0; i--)
        {
            ref readonly Instruction instruction = ref instructions[i];
            live[i] = wanted;
            if (IsSilent(instruction.Mnemonic) && TouchesRegistersOnly(instruction))
            {
                continue;
            }

            wanted = !(IsFullWriter(instruction.Mnemonic) && TouchesRegistersOnly(instruction));
        }
    }

    private static bool IsFullWriter(Mnemonic mnemonic) => mnemonic is
        Mnemonic.Add or Mnemonic.Sub or Mnemonic.Cmp or Mnemonic.And or Mnemonic.Or or Mnemonic.Xor or Mnemonic.Test or Mnemonic.Neg;

    private static bool IsSilent(Mnemonic mnemonic) => mnemonic is
        Mnemonic.Mov or Mnemonic.Movzx or Mnemonic.Movsx or Mnemonic.Lea or Mnemonic.Not or Mnemonic.Bswap;

    private static bool TouchesRegistersOnly(in Instruction instruction)
    {
        if (instruction.Mnemonic == Mnemonic.Lea)
        {
            return true;
        }

        for (int i = 0; i < instruction.OpCount; i++)
        {
            OpKind kind = instruction.GetOpKind(i);
            if (kind == OpKind.Memory || (kind == OpKind.Register && !OpWriter.IsGeneral(instruction.GetOpRegister(i))))
            {
                return false;
            }
        }

        return true;
    }
}
