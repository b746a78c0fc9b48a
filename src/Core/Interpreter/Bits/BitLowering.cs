using Iced.Intel;
using Lguest.Jit.Core.Interpreter.Arithmetic;

namespace Lguest.Jit.Core.Interpreter.Bits;

/// <summary>Lowering of shifts and rotates, double shifts, bit tests and bit scans.</summary>
internal static class BitLowering
{
    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Shl] = Shift<Shl>();
        table[(int)Mnemonic.Sal] = Shift<Shl>();
        table[(int)Mnemonic.Shr] = Shift<Shr>();
        table[(int)Mnemonic.Sar] = Shift<Sar>();
        table[(int)Mnemonic.Rol] = Shift<Rol>();
        table[(int)Mnemonic.Ror] = Shift<Ror>();
        table[(int)Mnemonic.Rcl] = Shift<Rcl>();
        table[(int)Mnemonic.Rcr] = Shift<Rcr>();
        table[(int)Mnemonic.Shld] = static (OpWriter w, in Instruction i) => DoubleShift(w, i, typeof(ShldByImmediate<,>), typeof(ShldByCl<,>));
        table[(int)Mnemonic.Shrd] = static (OpWriter w, in Instruction i) => DoubleShift(w, i, typeof(ShrdByImmediate<,>), typeof(ShrdByCl<,>));
        table[(int)Mnemonic.Bt] = BitTest<TestBit>();
        table[(int)Mnemonic.Bts] = BitTest<SetBit>();
        table[(int)Mnemonic.Btr] = BitTest<ResetBit>();
        table[(int)Mnemonic.Btc] = BitTest<ComplementBit>();
        table[(int)Mnemonic.Bsf] = static (OpWriter w, in Instruction i) => OperandForms.EmitWithRegister(w, typeof(Bsf<,>), 1, write: false, 0);
        table[(int)Mnemonic.Bsr] = static (OpWriter w, in Instruction i) => OperandForms.EmitWithRegister(w, typeof(Bsr<,>), 1, write: false, 0);
    }

    private static Lower Shift<TShift>()
        where TShift : struct, IShift => static (OpWriter w, in Instruction i) =>
    {
        if (i.GetOpKind(1) == OpKind.Register)
        {
            OperandForms.Emit(w, typeof(ShiftByCl<,,>), 0, write: true, typeof(TShift));
        }
        else
        {
            OperandForms.Emit(w, typeof(ShiftByImmediate<,,>), 0, write: true, typeof(TShift)).Immediate = i.Immediate8;
        }
    };

    private static void DoubleShift(OpWriter w, in Instruction i, Type byImmediate, Type byCl)
    {
        bool immediate = i.GetOpKind(2) != OpKind.Register;
        ref Op op = ref OperandForms.EmitWithRegister(w, immediate ? byImmediate : byCl, 0, write: true, 1);
        op.Immediate = immediate ? i.Immediate8 : 0u;
    }

    private static Lower BitTest<TChange>()
        where TChange : struct, IBitChange => static (OpWriter w, in Instruction i) =>
    {
        if (i.GetOpKind(1) != OpKind.Register)
        {
            OperandForms.Emit(w, typeof(BitByImmediate<,,>), 0, TChange.Writes, typeof(TChange)).Immediate = i.Immediate8;
        }
        else if (i.GetOpKind(0) == OpKind.Register)
        {
            OperandForms.EmitWithRegister(w, typeof(BitOfRegister<,,>), 0, write: true, 1, typeof(TChange));
        }
        else
        {
            // No segment check op: the address is not the operand's own, so the instruction checks for itself.
            Type width = OpWriter.Width(w.OperandSize(0));
            OperandForms.EmitPlain(w, typeof(BitOfMemory<,>).MakeGenericType(typeof(TChange), width)).Source = w.OperandOffset(1);
        }
    };
}
