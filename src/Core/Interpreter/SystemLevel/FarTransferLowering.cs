using Iced.Intel;
using Lguest.Jit.Core.Traps;

namespace Lguest.Jit.Core.Interpreter.SystemLevel;

/// <summary>Far CALL, JMP, RET, and IRET.</summary>
internal static unsafe class FarTransferLowering
{
    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Retf] = Return;
        table[(int)Mnemonic.Iret] = static (OpWriter w, in Instruction _) => FaultLowering.End(w, typeof(InterruptReturn<W16>));
        table[(int)Mnemonic.Iretd] = static (OpWriter w, in Instruction _) =>
        {
            w.Emit(HandlerBinder.Bind(typeof(TrapHandlers), nameof(TrapHandlers.InterruptReturn)));
            w.Ended = true;
        };
    }

    public static void Transfer(OpWriter w, in Instruction instruction)
    {
        bool call = instruction.Mnemonic == Mnemonic.Call;
        bool direct = instruction.IsCallFar || instruction.IsJmpFar;
        bool narrow = instruction.Code is Code.Call_ptr1616 or Code.Jmp_ptr1616 or Code.Call_m1616 or Code.Jmp_m1616;
        Type width = narrow ? typeof(W16) : typeof(W32);
        Type target = direct ? typeof(DirectFarTarget<>) : typeof(IndirectFarTarget<>);
        Type type = (call ? typeof(FarCall<,>) : typeof(FarJump<,>)).MakeGenericType(width, target.MakeGenericType(width));
        ref Op op = ref w.Emit(HandlerBinder.Branch(type));
        if (direct)
        {
            op.Immediate = narrow ? instruction.FarBranch16 : instruction.FarBranch32;
            op.Info = instruction.FarBranchSelector;
        }

        w.Ended = true;
    }

    private static void Return(OpWriter w, in Instruction instruction)
    {
        bool narrow = instruction.Code is Code.Retfw or Code.Retfw_imm16;
        ref Op op = ref w.Emit(HandlerBinder.Branch(typeof(FarReturn<>).MakeGenericType(narrow ? typeof(W16) : typeof(W32))));
        op.Immediate = instruction.OpCount == 0 ? 0u : instruction.Immediate16;
        w.Ended = true;
    }
}
