using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter.Stack;

/// <summary>PUSH and POP of general registers, memory and immediates. Segment registers belong to the system group.</summary>
internal static unsafe class StackLowering
{
    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Push] = Push;
        table[(int)Mnemonic.Pop] = Pop;
    }

    private static bool IsSegment(in Instruction i) => i.GetOpKind(0) == OpKind.Register && i.GetOpRegister(0).IsSegmentRegister();

    private static void Push(OpWriter w, in Instruction i)
    {
        if (IsSegment(i))
        {
            SystemLevel.SystemLowering.PushSegment(w, i);
            return;
        }

        bool plain = !w.Checked && !w.Stack16;
        switch (i.GetOpKind(0))
        {
            case OpKind.Register or OpKind.Memory:
                int size = w.OperandSize(0);
                bool register = i.GetOpKind(0) == OpKind.Register;
                if (!plain || size != 4)
                {
                    Type place = w.Place(0, size, write: false);
                    ref Op rare = ref w.Emit(HandlerBinder.Plain(typeof(PushPlace<,>).MakeGenericType(OpWriter.Width(size), place)));
                    rare.Destination = register ? w.OperandOffset(0) : Registers.None;
                }
                else if (register)
                {
                    w.Emit(HandlerBinder.Bind(typeof(StackHandlers), nameof(StackHandlers.PushReg))).Source = w.OperandOffset(0);
                }
                else
                {
                    Type address = w.Address(4, write: false);
                    w.Emit(HandlerBinder.Bind(typeof(StackHandlers), nameof(StackHandlers.PushMem), address));
                }

                break;
            default:
                bool narrow = i.Code is Code.Push_imm16 or Code.Pushw_imm8;
                uint value = (uint)i.GetImmediate(0);
                if (plain && !narrow)
                {
                    w.Emit(HandlerBinder.Bind(typeof(StackHandlers), nameof(StackHandlers.PushImm))).Immediate = value;
                }
                else
                {
                    w.Emit(HandlerBinder.Plain(typeof(PushImmediate<>).MakeGenericType(narrow ? typeof(W16) : typeof(W32)))).Immediate = value;
                }

                break;
        }
    }

    private static void Pop(OpWriter w, in Instruction i)
    {
        if (IsSegment(i))
        {
            SystemLevel.SystemLowering.PopSegment(w, i);
            return;
        }

        int size = w.OperandSize(0);
        bool register = i.GetOpKind(0) == OpKind.Register;
        if (register && size == 4 && !w.Checked && !w.Stack16)
        {
            w.Emit(HandlerBinder.Bind(typeof(StackHandlers), nameof(StackHandlers.PopReg))).Destination = w.OperandOffset(0);
            return;
        }

        // No segment check goes before: it would see the address before ESP has moved. Access checks for itself.
        Type place = register ? typeof(RegisterPlace) : typeof(SegmentedPlace);
        ref Op op = ref w.Emit(HandlerBinder.Plain(typeof(PopPlace<,>).MakeGenericType(OpWriter.Width(size), place)));
        op.Destination = register ? w.OperandOffset(0) : Registers.None;
    }
}
