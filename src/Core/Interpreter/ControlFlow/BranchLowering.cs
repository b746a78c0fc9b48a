using Iced.Intel;
using Lguest.Jit.Core.Semantics;

namespace Lguest.Jit.Core.Interpreter.ControlFlow;

/// <summary>JMP, Jcc, LOOPcc, JeCXZ, CALL and RET within the segment. Far ones belong to the system group.</summary>
internal static unsafe class BranchLowering
{
    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Jmp] = Jump;
        table[(int)Mnemonic.Call] = Call;
        table[(int)Mnemonic.Ret] = Return;
        ReadOnlySpan<Mnemonic> conditional =
        [
            Mnemonic.Jo, Mnemonic.Jno, Mnemonic.Jb, Mnemonic.Jae, Mnemonic.Je, Mnemonic.Jne, Mnemonic.Jbe, Mnemonic.Ja,
            Mnemonic.Js, Mnemonic.Jns, Mnemonic.Jp, Mnemonic.Jnp, Mnemonic.Jl, Mnemonic.Jge, Mnemonic.Jle, Mnemonic.Jg,
        ];
        foreach (Mnemonic mnemonic in conditional)
        {
            table[(int)mnemonic] = static (OpWriter w, in Instruction i) => Conditional(w, i, Conditions.ForCode(i.ConditionCode));
        }

        table[(int)Mnemonic.Loop] = static (OpWriter w, in Instruction i) => Counted(w, i, typeof(LoopCondition<>));
        table[(int)Mnemonic.Loope] = static (OpWriter w, in Instruction i) => Counted(w, i, typeof(LoopEqualCondition<>));
        table[(int)Mnemonic.Loopne] = static (OpWriter w, in Instruction i) => Counted(w, i, typeof(LoopNotEqualCondition<>));
        table[(int)Mnemonic.Jecxz] = static (OpWriter w, in Instruction i) => Conditional(w, i, typeof(CounterZeroCondition<W32>));
        table[(int)Mnemonic.Jcxz] = static (OpWriter w, in Instruction i) => Conditional(w, i, typeof(CounterZeroCondition<W16>));
    }

    /// <summary>Links and unchecked handlers are for flat 32-bit code; the rest takes the plain forms.</summary>
    private static bool IsPlain(OpWriter w) => (w.Mode & (State.CpuMode.Checked | State.CpuMode.Code16 | State.CpuMode.Stack16)) == 0;

    private static bool SamePage(in Instruction i, uint target) => ((i.IP32 ^ target) & ~0xFFFu) == 0;

    private static bool IsRelative(in Instruction i) => i.GetOpKind(0) is OpKind.NearBranch16 or OpKind.NearBranch32;

    private static Type BranchWidth(in Instruction i) => i.GetOpKind(0) == OpKind.NearBranch16 ? typeof(W16) : typeof(W32);

    private static void Jump(OpWriter w, in Instruction i)
    {
        w.Ended = true;
        if (i.GetOpKind(0) is OpKind.FarBranch16 or OpKind.FarBranch32 || i.MemorySize is MemorySize.SegPtr16 or MemorySize.SegPtr32)
        {
            SystemLevel.SystemLowering.FarJump(w, i);
            return;
        }

        if (IsRelative(i))
        {
            uint target = i.NearBranch32 & (i.GetOpKind(0) == OpKind.NearBranch16 ? 0xFFFFu : uint.MaxValue);
            if (IsPlain(w))
            {
                string form = SamePage(i, target) ? nameof(BranchHandlers.JumpNear) : nameof(BranchHandlers.JumpFar);
                w.Emit(HandlerBinder.Bind(typeof(BranchHandlers), form));
                w.EmitLink(target);
            }
            else
            {
                w.Emit(HandlerBinder.Branch(typeof(JumpRelative<>).MakeGenericType(BranchWidth(i)))).Immediate = target;
            }

            return;
        }

        Indirect(w, i, nameof(BranchHandlers.JumpReg), nameof(BranchHandlers.JumpMem), typeof(JumpIndirect<,>));
    }

    private static void Call(OpWriter w, in Instruction i)
    {
        w.Ended = true;
        if (i.GetOpKind(0) is OpKind.FarBranch16 or OpKind.FarBranch32 || i.MemorySize is MemorySize.SegPtr16 or MemorySize.SegPtr32)
        {
            SystemLevel.SystemLowering.FarCall(w, i);
            return;
        }

        if (IsRelative(i))
        {
            bool narrow = i.GetOpKind(0) == OpKind.NearBranch16;
            uint target = i.NearBranch32 & (narrow ? 0xFFFFu : uint.MaxValue);
            if (IsPlain(w) && !narrow)
            {
                w.Emit(HandlerBinder.Bind(typeof(BranchHandlers), nameof(BranchHandlers.Call))).Immediate = target;
                w.EmitLink(target);
            }
            else
            {
                w.Emit(HandlerBinder.Branch(typeof(CallRelative<>).MakeGenericType(BranchWidth(i)))).Immediate = target;
            }

            return;
        }

        Indirect(w, i, nameof(BranchHandlers.CallReg), nameof(BranchHandlers.CallMem), typeof(CallIndirect<,>));
    }

    private static void Indirect(OpWriter w, in Instruction i, string registerForm, string memoryForm, Type plainForm)
    {
        int size = w.OperandSize(0);
        bool register = i.GetOpKind(0) == OpKind.Register;
        if (!IsPlain(w) || size != 4)
        {
            Type place = w.Place(0, size, write: false);
            ref Op rare = ref w.Emit(HandlerBinder.Branch(plainForm.MakeGenericType(OpWriter.Width(size), place)));
            rare.Destination = register ? w.OperandOffset(0) : Registers.None;
        }
        else if (register)
        {
            w.Emit(HandlerBinder.Bind(typeof(BranchHandlers), registerForm)).Destination = w.OperandOffset(0);
        }
        else
        {
            Type address = w.Address(4, write: false);
            w.Emit(HandlerBinder.Bind(typeof(BranchHandlers), memoryForm, address));
        }
    }

    private static void Return(OpWriter w, in Instruction i)
    {
        w.Ended = true;
        uint drop = i.OpCount == 1 ? i.Immediate16 : 0u;
        bool narrow = i.Code is Code.Retnw or Code.Retnw_imm16;
        if (IsPlain(w) && !narrow)
        {
            w.Emit(HandlerBinder.Bind(typeof(BranchHandlers), nameof(BranchHandlers.Return))).Immediate = drop + 4;
        }
        else
        {
            w.Emit(HandlerBinder.Branch(typeof(ReturnNear<>).MakeGenericType(narrow ? typeof(W16) : typeof(W32)))).Immediate = drop;
        }
    }

    private static void Counted(OpWriter w, in Instruction i, Type condition)
    {
        bool narrow = i.Code.ToString().EndsWith("_CX", StringComparison.Ordinal);
        Conditional(w, i, condition.MakeGenericType(narrow ? typeof(W16) : typeof(W32)));
    }

    private static void Conditional(OpWriter w, in Instruction i, Type condition)
    {
        w.Ended = true;
        bool narrow = i.GetOpKind(0) == OpKind.NearBranch16;
        uint target = i.NearBranch32 & (narrow ? 0xFFFFu : uint.MaxValue);
        if (!IsPlain(w))
        {
            w.Emit(HandlerBinder.Branch(typeof(ConditionalRelative<,>).MakeGenericType(BranchWidth(i), condition))).Immediate = target;
            return;
        }

        uint next = i.IP32 + (uint)i.Length;
        bool near = SamePage(i, target) && SamePage(i, next);
        if (Fusion.TryFuse(w, condition))
        {
            w.EmitLink(target);
            w.EmitLink(next);
            return;
        }

        string form = near ? nameof(BranchHandlers.ConditionalNear) : nameof(BranchHandlers.ConditionalFar);
        w.Emit(HandlerBinder.Bind(typeof(BranchHandlers), form, condition));
        w.EmitLink(target);
        w.EmitLink(next);
    }
}
