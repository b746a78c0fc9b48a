using Iced.Intel;
using Lguest.Jit.Core.Interpreter.ControlFlow;

namespace Lguest.Jit.Core.Interpreter.Alu;

/// <summary>ADD OR ADC SBB AND SUB XOR CMP TEST INC DEC NEG NOT.</summary>
internal static unsafe class AluLowering
{
    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Add] = static (OpWriter w, in Instruction i) => Binary(w, i, typeof(Add));
        table[(int)Mnemonic.Or] = static (OpWriter w, in Instruction i) => Binary(w, i, typeof(Or));
        table[(int)Mnemonic.Adc] = static (OpWriter w, in Instruction i) => Binary(w, i, typeof(Adc));
        table[(int)Mnemonic.Sbb] = static (OpWriter w, in Instruction i) => Binary(w, i, typeof(Sbb));
        table[(int)Mnemonic.And] = static (OpWriter w, in Instruction i) => Binary(w, i, typeof(And));
        table[(int)Mnemonic.Sub] = static (OpWriter w, in Instruction i) => Binary(w, i, typeof(Sub));
        table[(int)Mnemonic.Xor] = static (OpWriter w, in Instruction i) => Binary(w, i, typeof(Xor));
        table[(int)Mnemonic.Cmp] = static (OpWriter w, in Instruction i) => Binary(w, i, typeof(Cmp));
        table[(int)Mnemonic.Test] = static (OpWriter w, in Instruction i) => Binary(w, i, typeof(Test));
        table[(int)Mnemonic.Inc] = static (OpWriter w, in Instruction i) => Unary(w, i, typeof(Inc));
        table[(int)Mnemonic.Dec] = static (OpWriter w, in Instruction i) => Unary(w, i, typeof(Dec));
        table[(int)Mnemonic.Neg] = static (OpWriter w, in Instruction i) => Unary(w, i, typeof(Neg));
        table[(int)Mnemonic.Not] = static (OpWriter w, in Instruction i) => Unary(w, i, typeof(Not));
    }

    /// <summary>An immediate as the operand's width sees it, zero-extended.</summary>
    public static uint Immediate(in Instruction instruction, int operand, int size)
    {
        uint value = (uint)instruction.GetImmediate(operand);
        return size switch
        {
            1 => value & 0xFF,
            2 => value & 0xFFFF,
            _ => value,
        };
    }

    private static Type Policy(OpWriter w) => w.FlagsLive ? typeof(FlagsLive) : typeof(FlagsDead);

    private static void Binary(OpWriter w, in Instruction i, Type operation)
    {
        int size = w.OperandSize(0);
        Type width = OpWriter.Width(size);
        bool register0 = i.GetOpKind(0) == OpKind.Register;
        OpKind kind1 = i.GetOpKind(1);
        bool writes = operation != typeof(Cmp) && operation != typeof(Test);
        if (register0 && kind1 == OpKind.Memory)
        {
            Type address = w.Address(size, write: false);
            w.Emit(HandlerBinder.Bind(typeof(AluHandlers), nameof(AluHandlers.RegMem), operation, width, address)).Destination = w.OperandOffset(0);
        }
        else if (register0)
        {
            bool register1 = kind1 == OpKind.Register;
            string form = register1 ? nameof(AluHandlers.RegReg) : nameof(AluHandlers.RegImm);
            ref Op op = ref w.Emit(HandlerBinder.Bind(typeof(AluHandlers), form, operation, width, Policy(w)));
            op.Destination = w.OperandOffset(0);
            if (register1)
            {
                op.Source = w.OperandOffset(1);
            }
            else
            {
                op.Immediate = Immediate(i, 1, size);
            }

            w.OfferFusion(new FusibleOp(operation, width, form));
        }
        else
        {
            Type address = w.Address(size, writes);
            bool register1 = kind1 == OpKind.Register;
            string form = register1 ? nameof(AluHandlers.MemReg) : nameof(AluHandlers.MemImm);
            ref Op op = ref w.Emit(HandlerBinder.Bind(typeof(AluHandlers), form, operation, width, address));
            if (register1)
            {
                op.Source = w.OperandOffset(1);
            }
            else
            {
                op.Immediate = Immediate(i, 1, size);
            }
        }
    }

    private static void Unary(OpWriter w, in Instruction i, Type operation)
    {
        int size = w.OperandSize(0);
        Type width = OpWriter.Width(size);
        if (i.GetOpKind(0) == OpKind.Register)
        {
            w.Emit(HandlerBinder.Bind(typeof(AluHandlers), nameof(AluHandlers.RegImm), operation, width, Policy(w))).Destination = w.OperandOffset(0);
            w.OfferFusion(new FusibleOp(operation, width, nameof(AluHandlers.RegImm)));
        }
        else
        {
            Type address = w.Address(size, write: true);
            w.Emit(HandlerBinder.Bind(typeof(AluHandlers), nameof(AluHandlers.MemImm), operation, width, address));
        }
    }
}
