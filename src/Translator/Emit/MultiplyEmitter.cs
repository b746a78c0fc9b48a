using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.Intrinsics.X86;
using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>MUL IMUL DIV IDIV at 32 bits. A division that would trap leaves to the interpreter, which raises #DE.</summary>
internal static class MultiplyEmitter
{
    /// <summary>The Host's DIV and IDIV of 64 bits by 32; null: it has none, or the runtime does not offer them.</summary>
    private static readonly MethodInfo? s_divide = HostDivide(typeof(uint));
    private static readonly MethodInfo? s_divideSigned = HostDivide(typeof(int));

    /// <summary>Emits the instruction if there is a template; false otherwise.</summary>
    public static bool TryEmit(RegionContext c, in Instruction i, bool flagsLive)
    {
        if (i.Mnemonic is not (Mnemonic.Mul or Mnemonic.Imul or Mnemonic.Div or Mnemonic.Idiv) || OperandEmitter.Size(i, 0) != 4)
        {
            return false;
        }

        switch (i.Mnemonic)
        {
            case Mnemonic.Imul when i.OpCount >= 2:
                MultiplyShort(c, i, flagsLive);
                break;
            case Mnemonic.Mul or Mnemonic.Imul:
                Multiply(c, i, flagsLive);
                break;
            default:
                Divide(c, i, flagsLive);
                break;
        }

        return true;
    }

    /// <summary>IMUL r, r/m[, imm].</summary>
    private static void MultiplyShort(RegionContext c, in Instruction i, bool flagsLive)
    {
        FlagExpression a = OperandEmitter.Value(c, i, 1, 4);
        FlagExpression b = OperandEmitter.Value(c, i, i.OpCount == 3 ? 2 : 0, 4);
        SetFlags(c, flagsLive, () => FlagExpression.Call(MethodNames.SignedProductLost, a, b));
        a.Emit(c);
        b.Emit(c);
        c.Il.Emit(OpCodes.Mul);
        OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
    }

    /// <summary>MUL and IMUL r/m: EDX:EAX = EAX × r/m.</summary>
    private static void Multiply(RegionContext c, in Instruction i, bool flagsLive)
    {
        ILGenerator il = c.Il;
        bool signed = i.Mnemonic == Mnemonic.Imul;
        OpCode widen = signed ? OpCodes.Conv_I8 : OpCodes.Conv_U8;
        FlagExpression a = FlagExpression.Of(c.Register(Reg.Eax));
        FlagExpression b = OperandEmitter.Value(c, i, 0, 4);
        LocalBuilder high = c.Temporary();
        a.Emit(c);
        il.Emit(widen);
        b.Emit(c);
        il.Emit(widen);
        il.Emit(OpCodes.Mul);
        il.Emit(OpCodes.Stloc, c.Wide);
        il.Emit(OpCodes.Ldloc, c.Wide);
        il.Emit(OpCodes.Ldc_I4, 32);
        il.Emit(OpCodes.Shr_Un);
        il.Emit(OpCodes.Conv_U4);
        il.Emit(OpCodes.Stloc, high);
        SetFlags(c, flagsLive, () => signed ? FlagExpression.Call(MethodNames.SignedProductLost, a, b) : FlagExpression.Of(high));
        il.Emit(OpCodes.Ldloc, c.Wide);
        il.Emit(OpCodes.Conv_U4);
        OperandEmitter.StoreRegister(c, Register.EAX);
        il.Emit(OpCodes.Ldloc, high);
        OperandEmitter.StoreRegister(c, Register.EDX);
    }

    /// <summary>DIV and IDIV r/m: EAX, EDX = EDX:EAX divided by r/m.</summary>
    private static void Divide(RegionContext c, in Instruction i, bool flagsLive)
    {
        ILGenerator il = c.Il;
        bool signed = i.Mnemonic == Mnemonic.Idiv;
        Label miss = c.Exits.Miss();
        FlagExpression source = OperandEmitter.Value(c, i, 0, 4);
        LocalBuilder divisor = c.Temporary();
        LocalBuilder quotient = c.Temporary();
        LocalBuilder remainder = c.Temporary();
        source.Emit(c);
        il.Emit(OpCodes.Stloc, divisor);
        if (signed)
        {
            // 0, and -1, by which our own CPU could trap: (divisor + 1) is 0 or 1.
            il.Emit(OpCodes.Ldloc, divisor);
            il.Emit(OpCodes.Ldc_I4_1);
            il.Emit(OpCodes.Add);
            il.Emit(OpCodes.Ldc_I4_1);
            il.Emit(OpCodes.Ble_Un, miss);
        }
        else
        {
            // The quotient fits exactly when the high half is less than the divisor, which therefore is not 0.
            il.Emit(OpCodes.Ldloc, c.Register(Reg.Edx));
            il.Emit(OpCodes.Ldloc, divisor);
            il.Emit(OpCodes.Bge_Un, miss);
        }

        Label done = il.DefineLabel();
        bool host = c.Optimisations.HostDivision && (signed ? s_divideSigned : s_divide) != null;
        if (host && signed)
        {
            // What a compiler makes: EDX is EAX's sign, so the quotient fits.
            Label wide = il.DefineLabel();
            il.Emit(OpCodes.Ldloc, c.Register(Reg.Edx));
            il.Emit(OpCodes.Ldloc, c.Register(Reg.Eax));
            il.Emit(OpCodes.Ldc_I4, 31);
            il.Emit(OpCodes.Shr);
            il.Emit(OpCodes.Bne_Un, wide);
            DivideOnHost(c, s_divideSigned!, divisor, quotient, remainder);
            il.Emit(OpCodes.Br, done);
            il.MarkLabel(wide);
        }

        if (host && !signed)
        {
            DivideOnHost(c, s_divide!, divisor, quotient, remainder);
        }
        else
        {
            DivideWide(c, signed, divisor, quotient, remainder, miss);
        }

        il.MarkLabel(done);
        c.Flags = flagsLive
            ? new FlagState(FlagKind.Raw, FlagExpression.Of(1), FlagExpression.Call(MethodNames.AfterDivision, c.Flags.RawAux(c)), null)
            : FlagState.Dead;
        c.KeepFlags = true;
        il.Emit(OpCodes.Ldloc, quotient);
        OperandEmitter.StoreRegister(c, Register.EAX);
        il.Emit(OpCodes.Ldloc, remainder);
        OperandEmitter.StoreRegister(c, Register.EDX);
    }

    /// <summary>One instruction of the Host; the quotient is known to fit.</summary>
    private static void DivideOnHost(RegionContext c, MethodInfo divide, LocalBuilder divisor, LocalBuilder quotient, LocalBuilder remainder)
    {
        ILGenerator il = c.Il;
        LocalBuilder both = il.DeclareLocal(divide.ReturnType);
        il.Emit(OpCodes.Ldloc, c.Register(Reg.Eax));
        il.Emit(OpCodes.Ldloc, c.Register(Reg.Edx));
        il.Emit(OpCodes.Ldloc, divisor);
        il.Emit(OpCodes.Call, divide);
        il.Emit(OpCodes.Stloc, both);
        il.Emit(OpCodes.Ldloc, both);
        il.Emit(OpCodes.Ldfld, divide.ReturnType.GetField("Item1")!);
        il.Emit(OpCodes.Stloc, quotient);
        il.Emit(OpCodes.Ldloc, both);
        il.Emit(OpCodes.Ldfld, divide.ReturnType.GetField("Item2")!);
        il.Emit(OpCodes.Stloc, remainder);
    }

    /// <summary>In 64 bits, on any Host.</summary>
    private static void DivideWide(RegionContext c, bool signed, LocalBuilder divisor, LocalBuilder quotient, LocalBuilder remainder, Label miss)
    {
        ILGenerator il = c.Il;
        il.Emit(OpCodes.Ldloc, c.Register(Reg.Edx));
        il.Emit(OpCodes.Conv_U8);
        il.Emit(OpCodes.Ldc_I4, 32);
        il.Emit(OpCodes.Shl);
        il.Emit(OpCodes.Ldloc, c.Register(Reg.Eax));
        il.Emit(OpCodes.Conv_U8);
        il.Emit(OpCodes.Or);
        il.Emit(OpCodes.Ldloc, divisor);
        il.Emit(signed ? OpCodes.Conv_I8 : OpCodes.Conv_U8);
        il.Emit(signed ? OpCodes.Div : OpCodes.Div_Un);
        il.Emit(OpCodes.Stloc, c.Wide);
        il.Emit(OpCodes.Ldloc, c.Wide);
        il.Emit(OpCodes.Conv_U4);
        il.Emit(OpCodes.Stloc, quotient);
        if (signed)
        {
            il.Emit(OpCodes.Ldloc, c.Wide);
            il.Emit(OpCodes.Ldloc, quotient);
            il.Emit(OpCodes.Conv_I8);
            il.Emit(OpCodes.Bne_Un, miss);
        }

        // The low halves are enough for the remainder.
        il.Emit(OpCodes.Ldloc, c.Register(Reg.Eax));
        il.Emit(OpCodes.Ldloc, quotient);
        il.Emit(OpCodes.Ldloc, divisor);
        il.Emit(OpCodes.Mul);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Stloc, remainder);
    }

    /// <summary>(low, high, divisor) to (quotient, remainder). Still a preview, so found by its name.</summary>
    private static MethodInfo? HostDivide(Type type) =>
        X86Base.IsSupported ? typeof(X86Base).GetMethod("DivRem", [typeof(uint), type, type]) : null;

    private static void SetFlags(RegionContext c, bool flagsLive, Func<FlagExpression> lost)
    {
        FlagState before = c.Flags;
        c.Flags = flagsLive
            ? new FlagState(FlagKind.Raw, before.RawResult(c), FlagExpression.Call(MethodNames.WithProductLost, before.RawAux(c), lost()), null)
            {
                CarryWord = FlagExpression.Call(MethodNames.ProductCarry, lost()),
            }
            : FlagState.Dead;
        c.KeepFlags = true;
    }
}
