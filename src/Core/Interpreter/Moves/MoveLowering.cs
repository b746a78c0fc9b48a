using Iced.Intel;
using Lguest.Jit.Core.Interpreter.Alu;

namespace Lguest.Jit.Core.Interpreter.Moves;

/// <summary>MOV between general registers, memory and immediates; MOVZX, MOVSX, LEA.</summary>
internal static unsafe class MoveLowering
{

    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Mov] = Move;
        table[(int)Mnemonic.Movzx] = static (OpWriter w, in Instruction i) => Extend(w, i, typeof(ZeroExtend));
        table[(int)Mnemonic.Movsx] = static (OpWriter w, in Instruction i) => Extend(w, i, typeof(SignExtend));
        table[(int)Mnemonic.Lea] = Lea;
    }

    private static bool IsGeneral(in Instruction i, int operand) =>
        i.GetOpKind(operand) == OpKind.Register && OpWriter.IsGeneral(i.GetOpRegister(operand));

    private static void Move(OpWriter w, in Instruction i)
    {
        bool special = (i.GetOpKind(0) == OpKind.Register && !IsGeneral(i, 0)) || (i.GetOpKind(1) == OpKind.Register && !IsGeneral(i, 1));
        if (special)
        {
            SystemLevel.SystemLowering.Move(w, i);
            return;
        }

        int size = w.OperandSize(0);
        Type width = OpWriter.Width(size);
        if (i.GetOpKind(0) == OpKind.Register)
        {
            switch (i.GetOpKind(1))
            {
                case OpKind.Register:
                    ref Op moved = ref w.Emit(HandlerBinder.Bind(typeof(MoveHandlers), nameof(MoveHandlers.RegReg), width));
                    moved.Destination = w.OperandOffset(0);
                    moved.Source = w.OperandOffset(1);
                    break;
                case OpKind.Memory:
                    Type from = w.Address(size, write: false);
                    w.Emit(HandlerBinder.Bind(typeof(MoveHandlers), nameof(MoveHandlers.RegMem), width, from)).Destination = w.OperandOffset(0);
                    break;
                default:
                    ref Op constant = ref w.Emit(HandlerBinder.Bind(typeof(MoveHandlers), nameof(MoveHandlers.RegImm), width));
                    constant.Destination = w.OperandOffset(0);
                    constant.Immediate = AluLowering.Immediate(i, 1, size);
                    break;
            }

            return;
        }

        Type to = w.Address(size, write: true);
        if (i.GetOpKind(1) == OpKind.Register)
        {
            w.Emit(HandlerBinder.Bind(typeof(MoveHandlers), nameof(MoveHandlers.MemReg), width, to)).Source = w.OperandOffset(1);
        }
        else
        {
            w.Emit(HandlerBinder.Bind(typeof(MoveHandlers), nameof(MoveHandlers.MemImm), width, to)).Immediate = AluLowering.Immediate(i, 1, size);
        }
    }

    private static void Extend(OpWriter w, in Instruction i, Type extension)
    {
        int fromSize = w.OperandSize(1);
        Type to = OpWriter.Width(w.OperandSize(0));
        Type from = OpWriter.Width(fromSize);
        if (i.GetOpKind(1) == OpKind.Register)
        {
            ref Op op = ref w.Emit(HandlerBinder.Bind(typeof(MoveHandlers), nameof(MoveHandlers.ExtendReg), to, from, extension));
            op.Destination = w.OperandOffset(0);
            op.Source = w.OperandOffset(1);
        }
        else
        {
            Type address = w.Address(fromSize, write: false);
            w.Emit(HandlerBinder.Bind(typeof(MoveHandlers), nameof(MoveHandlers.ExtendMem), to, from, extension, address)).Destination = w.OperandOffset(0);
        }
    }

    private static void Lea(OpWriter w, in Instruction i)
    {
        Type width = OpWriter.Width(w.OperandSize(0));
        ref Op op = ref w.Emit(null);
        string form = (op.Traits & OpTraits.Address16) != 0 ? nameof(MoveHandlers.Lea16) : nameof(MoveHandlers.Lea);
        op.Handler = HandlerBinder.Bind(typeof(MoveHandlers), form, width);
        op.Destination = w.OperandOffset(0);
    }
}
