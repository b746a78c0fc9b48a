using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// CMPXCHG and CMPXCHG8B in memory: what a kernel's allocator takes its objects by. There is one CPU, so LOCK adds nothing. The interpreter's twin:
/// Core/Interpreter/Arithmetic (Cmpxchg, Cmpxchg8b).
/// </summary>
internal static class ExchangeEmitter
{
    /// <summary>Emits the instruction if there is a template; false otherwise.</summary>
    public static bool TryEmit(RegionContext c, in Instruction i, bool flagsLive)
    {
        switch (i.Mnemonic)
        {
            case Mnemonic.Cmpxchg when i.GetOpKind(0) == OpKind.Memory && OperandEmitter.Size(i, 0) == 4:
                CompareAndExchange(c, i, flagsLive);
                return true;
            case Mnemonic.Cmpxchg8b:
                CompareAndExchangePair(c, i, flagsLive);
                return true;
            default:
                return false;
        }
    }

    /// <summary>What is in memory goes to EAX in either case: if it was equal, it was there.</summary>
    private static void CompareAndExchange(RegionContext c, in Instruction i, bool flagsLive)
    {
        ILGenerator il = c.Il;
        Destination destination = Destination.Begin(c, i);
        FlagExpression value = destination.Value;
        FlagExpression accumulator = FlagExpression.Of(c.Register(Reg.Eax));
        FlagExpression source = OperandEmitter.RegisterValue(c, i.GetOpRegister(1));
        LocalBuilder stored = c.Temporary();
        Label store = il.DefineLabel();
        value.Emit(c);
        il.Emit(OpCodes.Stloc, stored);
        value.Emit(c);
        accumulator.Emit(c);
        il.Emit(OpCodes.Bne_Un, store);
        source.Emit(c);
        il.Emit(OpCodes.Stloc, stored);
        il.MarkLabel(store);
        c.Flags = flagsLive ? new FlagState(FlagKind.Sub32, accumulator, value, null) : FlagState.Dead;
        c.KeepFlags = true;
        MemoryEmitter.Store(c, FlagExpression.Of(stored), 4);
        value.Emit(c);
        OperandEmitter.StoreRegister(c, Register.EAX);
    }

    private static void CompareAndExchangePair(RegionContext c, in Instruction i, bool flagsLive)
    {
        ILGenerator il = c.Il;
        OperandEmitter.TranslateMemory(c, i, 8, write: true);
        MemoryEmitter.PushHostAddress(c);
        il.Emit(OpCodes.Unaligned, (byte)1);
        il.Emit(OpCodes.Ldind_I8);
        il.Emit(OpCodes.Stloc, c.Wide);
        LocalBuilder differs = c.Temporary();
        il.Emit(OpCodes.Ldloc, c.Wide);
        PushPair(c, Reg.Edx, Reg.Eax);
        il.Emit(OpCodes.Ceq);
        il.Emit(OpCodes.Ldc_I4_1);
        il.Emit(OpCodes.Xor);
        il.Emit(OpCodes.Stloc, differs);
        Label kept = il.DefineLabel();
        il.Emit(OpCodes.Ldloc, differs);
        il.Emit(OpCodes.Brtrue, kept);
        MemoryEmitter.PushHostAddress(c);
        PushPair(c, Reg.Ecx, Reg.Ebx);
        il.Emit(OpCodes.Unaligned, (byte)1);
        il.Emit(OpCodes.Stind_I8);
        il.MarkLabel(kept);

        // Only ZF changes. The result word is 0 or has nothing but a bit that SF and PF do not see, and those go to the other word.
        FlagState before = c.Flags;
        c.Flags = flagsLive
            ? new FlagState(
                FlagKind.Raw, FlagExpression.Binary(OpCodes.Shl, FlagExpression.Of(differs), 8), FlagExpression.Call(MethodNames.AuxAlone, before.RawResult(c), before.RawAux(c)), null)
            : FlagState.Dead;
        c.KeepFlags = true;
        il.Emit(OpCodes.Ldloc, c.Wide);
        il.Emit(OpCodes.Conv_U4);
        OperandEmitter.StoreRegister(c, Register.EAX);
        il.Emit(OpCodes.Ldloc, c.Wide);
        il.Emit(OpCodes.Ldc_I4, 32);
        il.Emit(OpCodes.Shr_Un);
        il.Emit(OpCodes.Conv_U4);
        OperandEmitter.StoreRegister(c, Register.EDX);
    }

    private static void PushPair(RegionContext c, int high, int low)
    {
        c.Il.Emit(OpCodes.Ldloc, c.Register(high));
        c.Il.Emit(OpCodes.Conv_U8);
        c.Il.Emit(OpCodes.Ldc_I4, 32);
        c.Il.Emit(OpCodes.Shl);
        c.Il.Emit(OpCodes.Ldloc, c.Register(low));
        c.Il.Emit(OpCodes.Conv_U8);
        c.Il.Emit(OpCodes.Or);
    }
}
