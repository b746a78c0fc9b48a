using Iced.Intel;
using Lguest.Jit.Translator.Emit;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>The Guest's general registers in a loop's thunk: in the Host's of the same names, but for ESP, which is in r9.</summary>
internal static class X87LoopRegisters
{
    /// <summary>By the Guest's number.</summary>
    public static readonly AssemblerRegister32[] General = [eax, ecx, edx, ebx, r9d, ebp, esi, edi];

    /// <summary>The Host's register for a Guest's, also for a byte or a word of it; for Iced.</summary>
    public static Register Host(Register register) => register == Register.ESP ? Register.R9D : register;

    /// <summary>Writes: an effective address into a register. The flags stay as they are.</summary>
    public static void LoadAddress(Assembler c, AssemblerRegister32 to, AddressForm form)
    {
        if (form.Base < 0 && form.Index < 0)
        {
            c.mov(to, form.Displacement);
            return;
        }

        var instruction = Instruction.Create(Code.Lea_r32_m, (Register)to, new MemoryOperand(
            form.Base < 0 ? Register.None : (Register)General[form.Base],
            form.Index < 0 ? Register.None : (Register)General[form.Index],
            1 << form.Scale,
            form.Displacement,
            form.Base < 0 || form.Displacement is < sbyte.MinValue or > sbyte.MaxValue ? 4 : 1));
        c.AddInstruction(instruction);
    }
}
