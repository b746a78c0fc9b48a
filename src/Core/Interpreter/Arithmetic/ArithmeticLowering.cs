using Iced.Intel;
using Lguest.Jit.Core.Semantics;

namespace Lguest.Jit.Core.Interpreter.Arithmetic;

/// <summary>Lowering of multiplication and division, decimals, exchanges, conditional moves, flag instructions, XLAT and BOUND.</summary>
internal static class ArithmeticLowering
{
    public static void Register(Lower?[] table)
    {
        RegisterMultiplyDivide(table);
        RegisterDecimals(table);
        RegisterExchanges(table);
        RegisterFlags(table);
        RegisterConditionals(table);
        table[(int)Mnemonic.Xlatb] = static (OpWriter w, in Instruction i) =>
        {
            ref Op op = ref OperandForms.EmitPlain(w, typeof(Xlat));

            // Iced shows AL as the index; only its low byte counts, which no address form has.
            op.Index = Registers.None;
            op.Scale = 0;
        };
        table[(int)Mnemonic.Bound] = static (OpWriter w, in Instruction i) =>
            OperandForms.EmitPlain(w, typeof(Bound<>).MakeGenericType(OpWriter.Width(w.OperandSize(0)))).Source = w.OperandOffset(0);
    }

    private static void RegisterMultiplyDivide(Lower?[] table)
    {
        table[(int)Mnemonic.Mul] = static (OpWriter w, in Instruction i) => OperandForms.Emit(w, typeof(Mul<,>), 0, write: false);
        table[(int)Mnemonic.Div] = static (OpWriter w, in Instruction i) => OperandForms.Emit(w, typeof(Div<,>), 0, write: false);
        table[(int)Mnemonic.Idiv] = static (OpWriter w, in Instruction i) => OperandForms.Emit(w, typeof(Idiv<,>), 0, write: false);
        table[(int)Mnemonic.Imul] = static (OpWriter w, in Instruction i) =>
        {
            switch (i.OpCount)
            {
                case 1:
                    OperandForms.Emit(w, typeof(Imul<,>), 0, write: false);
                    break;
                case 2:
                    OperandForms.EmitWithRegister(w, typeof(ImulRegister<,>), 1, write: false, 0);
                    break;
                default:
                    uint immediate = (uint)i.GetImmediate(2);
                    OperandForms.EmitWithRegister(w, typeof(ImulImmediate<,>), 1, write: false, 0).Immediate = immediate;
                    break;
            }
        };
        table[(int)Mnemonic.Cbw] = OperandForms.Fixed<Cbw>();
        table[(int)Mnemonic.Cwde] = OperandForms.Fixed<Cwde>();
        table[(int)Mnemonic.Cwd] = OperandForms.Fixed<Cwd>();
        table[(int)Mnemonic.Cdq] = OperandForms.Fixed<Cdq>();
    }

    private static void RegisterDecimals(Lower?[] table)
    {
        table[(int)Mnemonic.Aaa] = OperandForms.Fixed<Aaa>();
        table[(int)Mnemonic.Aas] = OperandForms.Fixed<Aas>();
        table[(int)Mnemonic.Daa] = OperandForms.Fixed<Daa>();
        table[(int)Mnemonic.Das] = OperandForms.Fixed<Das>();
        table[(int)Mnemonic.Aam] = static (OpWriter w, in Instruction i) => OperandForms.EmitPlain(w, typeof(Aam)).Immediate = i.Immediate8;
        table[(int)Mnemonic.Aad] = static (OpWriter w, in Instruction i) => OperandForms.EmitPlain(w, typeof(Aad)).Immediate = i.Immediate8;
    }

    private static void RegisterExchanges(Lower?[] table)
    {
        table[(int)Mnemonic.Xchg] = static (OpWriter w, in Instruction i) => OperandForms.EmitWithRegister(w, typeof(Xchg<,>), 0, write: true, 1);
        table[(int)Mnemonic.Xadd] = static (OpWriter w, in Instruction i) => OperandForms.EmitWithRegister(w, typeof(Xadd<,>), 0, write: true, 1);
        table[(int)Mnemonic.Cmpxchg] = static (OpWriter w, in Instruction i) =>
            OperandForms.EmitWithRegister(w, typeof(Cmpxchg<,>), 0, write: true, 1);
        table[(int)Mnemonic.Cmpxchg8b] = static (OpWriter w, in Instruction i) =>
        {
            Type address = w.Address(8, write: true);
            OperandForms.EmitPlain(w, typeof(Cmpxchg8b<>).MakeGenericType(address));
        };
        table[(int)Mnemonic.Bswap] = static (OpWriter w, in Instruction i) => OperandForms.Emit(w, typeof(Bswap<,>), 0, write: true);
    }

    private static void RegisterFlags(Lower?[] table)
    {
        table[(int)Mnemonic.Lahf] = OperandForms.Fixed<Lahf>();
        table[(int)Mnemonic.Sahf] = OperandForms.Fixed<Sahf>();
        table[(int)Mnemonic.Clc] = OperandForms.Fixed<Clc>();
        table[(int)Mnemonic.Stc] = OperandForms.Fixed<Stc>();
        table[(int)Mnemonic.Cmc] = OperandForms.Fixed<Cmc>();
        table[(int)Mnemonic.Cld] = OperandForms.Fixed<Cld>();
        table[(int)Mnemonic.Std] = OperandForms.Fixed<Std>();
        table[(int)Mnemonic.Salc] = OperandForms.Fixed<Salc>();
    }

    private static void RegisterConditionals(Lower?[] table)
    {
        Lower move = static (OpWriter w, in Instruction i) =>
            OperandForms.EmitWithRegister(w, typeof(Cmov<,,>), 1, write: false, 0, Conditions.ForCode(i.ConditionCode));
        Lower set = static (OpWriter w, in Instruction i) =>
            OperandForms.Emit(w, typeof(Setcc<,,>), 0, write: true, Conditions.ForCode(i.ConditionCode));
        foreach (Mnemonic mnemonic in (ReadOnlySpan<Mnemonic>)
        [
            Mnemonic.Cmovo, Mnemonic.Cmovno, Mnemonic.Cmovb, Mnemonic.Cmovae, Mnemonic.Cmove, Mnemonic.Cmovne, Mnemonic.Cmovbe, Mnemonic.Cmova,
            Mnemonic.Cmovs, Mnemonic.Cmovns, Mnemonic.Cmovp, Mnemonic.Cmovnp, Mnemonic.Cmovl, Mnemonic.Cmovge, Mnemonic.Cmovle, Mnemonic.Cmovg,
        ])
        {
            table[(int)mnemonic] = move;
        }

        foreach (Mnemonic mnemonic in (ReadOnlySpan<Mnemonic>)
        [
            Mnemonic.Seto, Mnemonic.Setno, Mnemonic.Setb, Mnemonic.Setae, Mnemonic.Sete, Mnemonic.Setne, Mnemonic.Setbe, Mnemonic.Seta,
            Mnemonic.Sets, Mnemonic.Setns, Mnemonic.Setp, Mnemonic.Setnp, Mnemonic.Setl, Mnemonic.Setge, Mnemonic.Setle, Mnemonic.Setg,
        ])
        {
            table[(int)mnemonic] = set;
        }
    }
}
