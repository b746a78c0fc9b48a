using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter.FloatingPoint;

/// <summary>All of D8..DF, WAIT, FXSAVE and FXRSTOR.</summary>
internal static unsafe class X87Lowering
{
    public static void Register(Lower?[] table)
    {
        foreach (Code code in EscapeBytes.Codes)
        {
            table[(int)code.Mnemonic()] = Escape;
        }

        table[(int)Mnemonic.Wait] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(WaitForFpu)));
        table[(int)Mnemonic.Fxsave] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(SaveExtended)));
        table[(int)Mnemonic.Fxrstor] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(RestoreExtended)));
    }

    private static void Escape(OpWriter w, in Instruction instruction)
    {
        ref Op op = ref w.Emit(HandlerBinder.Plain(typeof(X87Instruction)));
        op.Info = EscapeBytes.Of(in instruction);
        if (instruction.Code is Code.Fldenv_m14byte or Code.Fnstenv_m14byte or Code.Fnsave_m94byte or Code.Frstor_m94byte)
        {
            op.Traits |= OpTraits.Operand16;
        }
    }
}
