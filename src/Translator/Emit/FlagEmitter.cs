using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Semantics;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>Who looks at flags: conditional branches, SETcc, CMOVcc, and INC/DEC that keep CF.</summary>
internal static class FlagEmitter
{
    /// <summary>FlagB = CF of what the flags are now, in bit 31.</summary>
    public static void KeepCarry(RegionContext c)
    {
        ILGenerator il = c.Il;
        if (c.KnownKind is >= FlagKind.Inc8 and <= FlagKind.Dec32)
        {
            return;
        }

        Label done = il.DefineLabel();
        if (c.KnownKind < 0)
        {
            // The usual case in a loop: its own INC or DEC came before, and the carry kept is already there.
            il.Emit(OpCodes.Ldloc, c.Kind);
            il.Emit(OpCodes.Ldc_I4, FlagKind.Inc8);
            il.Emit(OpCodes.Sub);
            il.Emit(OpCodes.Ldc_I4, FlagKind.Dec32 - FlagKind.Inc8);
            il.Emit(OpCodes.Ble_Un, done);
        }

        PushCarryWord(c);
        il.Emit(OpCodes.Stloc, c.FlagB);
        il.MarkLabel(done);
    }

    /// <summary>Pushes CF as 0 or 1.</summary>
    public static void PushCarry(RegionContext c)
    {
        PushCarryWord(c);
        c.Il.Emit(OpCodes.Ldc_I4, 31);
        c.Il.Emit(OpCodes.Shr_Un);
    }

    /// <summary>Pushes a word with CF in bit 31.</summary>
    private static void PushCarryWord(RegionContext c)
    {
        ILGenerator il = c.Il;
        switch (c.KnownKind)
        {
            case FlagKind.Logic:
                il.Emit(OpCodes.Ldc_I4_0);
                break;
            case FlagKind.Raw or (>= FlagKind.Inc8 and <= FlagKind.Dec32):
                il.Emit(OpCodes.Ldloc, c.FlagB);
                break;
            case FlagKind.Add32:
                il.Emit(OpCodes.Ldloc, c.FlagA);
                il.Emit(OpCodes.Ldloc, c.FlagB);
                il.Emit(OpCodes.Add);
                il.Emit(OpCodes.Ldloc, c.FlagA);
                il.Emit(OpCodes.Clt_Un);
                il.Emit(OpCodes.Ldc_I4, 31);
                il.Emit(OpCodes.Shl);
                break;
            case FlagKind.Sub8 or FlagKind.Sub16 or FlagKind.Sub32:
                il.Emit(OpCodes.Ldloc, c.FlagA);
                il.Emit(OpCodes.Ldloc, c.FlagB);
                il.Emit(OpCodes.Clt_Un);
                il.Emit(OpCodes.Ldc_I4, 31);
                il.Emit(OpCodes.Shl);
                break;
            default:
                il.Emit(OpCodes.Ldarg_0);
                il.Emit(OpCodes.Ldloc, c.Kind);
                il.Emit(OpCodes.Ldloc, c.FlagA);
                il.Emit(OpCodes.Ldloc, c.FlagB);
                il.Emit(OpCodes.Call, MethodNames.Carry);
                break;
        }
    }

    /// <summary>Branches to <paramref name="taken"/> if the condition holds, else falls through.</summary>
    public static void BranchIf(RegionContext c, ConditionCode condition, Label taken)
    {
        if (c.Optimisations.FusedBranches && TryFused(c, condition, taken))
        {
            return;
        }

        Test(c, condition);
        c.Il.Emit(OpCodes.Brtrue, taken);
    }

    /// <summary>Pushes 1 if the condition holds, else 0.</summary>
    public static void Push(RegionContext c, ConditionCode condition)
    {
        if (c.Optimisations.FusedBranches)
        {
            ILGenerator il = c.Il;
            Label yes = il.DefineLabel();
            Label end = il.DefineLabel();
            if (TryFused(c, condition, yes))
            {
                LocalBuilder result = il.DeclareLocal(typeof(int));
                il.Emit(OpCodes.Ldc_I4_0);
                il.Emit(OpCodes.Stloc, result);
                il.Emit(OpCodes.Br, end);
                il.MarkLabel(yes);
                il.Emit(OpCodes.Ldc_I4_1);
                il.Emit(OpCodes.Stloc, result);
                il.MarkLabel(end);
                il.Emit(OpCodes.Ldloc, result);
                return;
            }
        }

        Test(c, condition);
    }

    /// <summary>Pushes the condition by materialising the flags and asking the shared semantics.</summary>
    private static void Test(RegionContext c, ConditionCode condition)
    {
        c.SpillFlags();
        c.FlagsAreInMemory();
        c.Il.Emit(OpCodes.Ldarg_0);
        c.Il.Emit(OpCodes.Call, MethodNames.Find(Conditions.ForCode(condition), nameof(ICondition.Test)));
    }

    private static bool TryFused(RegionContext c, ConditionCode condition, Label taken)
    {
        switch (c.KnownKind)
        {
            case FlagKind.Sub8 or FlagKind.Sub16 or FlagKind.Sub32:
                return FusedSub(c, condition, taken, SizeOf(c.KnownKind - FlagKind.Sub8));
            case FlagKind.Logic:
                return FusedLogic(c, condition, taken);
            case FlagKind.Add8 or FlagKind.Add16 or FlagKind.Add32:
                return FusedResult(c, condition, taken, SizeOf(c.KnownKind - FlagKind.Add8), OpCodes.Add, withB: true);
            case FlagKind.Inc8 or FlagKind.Inc16 or FlagKind.Inc32:
                return FusedResult(c, condition, taken, SizeOf(c.KnownKind - FlagKind.Inc8), OpCodes.Add, withB: false);
            case FlagKind.Dec8 or FlagKind.Dec16 or FlagKind.Dec32:
                return FusedResult(c, condition, taken, SizeOf(c.KnownKind - FlagKind.Dec8), OpCodes.Sub, withB: false);
            default:
                return false;
        }
    }

    private static int SizeOf(int step) => step == 0 ? 1 : step * 2;

    private static bool FusedSub(RegionContext c, ConditionCode condition, Label taken, int size)
    {
        ILGenerator il = c.Il;
        switch (condition)
        {
            case ConditionCode.e or ConditionCode.ne or ConditionCode.b or ConditionCode.ae or ConditionCode.be or ConditionCode.a:
                il.Emit(OpCodes.Ldloc, c.FlagA);
                il.Emit(OpCodes.Ldloc, c.FlagB);
                break;
            case ConditionCode.l or ConditionCode.ge or ConditionCode.le or ConditionCode.g:
                AluEmitter.SignExtend(il, c.FlagA, size);
                AluEmitter.SignExtend(il, c.FlagB, size);
                break;
            case ConditionCode.s or ConditionCode.ns:
                return FusedResult(c, condition, taken, size, OpCodes.Sub, withB: true);
            default:
                return false;
        }

        il.Emit(
            condition switch
            {
                ConditionCode.e => OpCodes.Beq,
                ConditionCode.ne => OpCodes.Bne_Un,
                ConditionCode.b => OpCodes.Blt_Un,
                ConditionCode.ae => OpCodes.Bge_Un,
                ConditionCode.be => OpCodes.Ble_Un,
                ConditionCode.a => OpCodes.Bgt_Un,
                ConditionCode.l => OpCodes.Blt,
                ConditionCode.ge => OpCodes.Bge,
                ConditionCode.le => OpCodes.Ble,
                _ => OpCodes.Bgt,
            },
            taken);
        return true;
    }

    /// <summary>CF = OF = 0 after a logical operation, so every condition but parity is one about the result's sign.</summary>
    private static bool FusedLogic(RegionContext c, ConditionCode condition, Label taken)
    {
        ILGenerator il = c.Il;
        OpCode branch;
        switch (condition)
        {
            case ConditionCode.e or ConditionCode.be:
                branch = OpCodes.Beq;
                break;
            case ConditionCode.ne or ConditionCode.a:
                branch = OpCodes.Bne_Un;
                break;
            case ConditionCode.s or ConditionCode.l:
                branch = OpCodes.Blt;
                break;
            case ConditionCode.ns or ConditionCode.ge:
                branch = OpCodes.Bge;
                break;
            case ConditionCode.le:
                branch = OpCodes.Ble;
                break;
            case ConditionCode.g:
                branch = OpCodes.Bgt;
                break;
            case ConditionCode.ae or ConditionCode.no:
                il.Emit(OpCodes.Br, taken);
                return true;
            case ConditionCode.b or ConditionCode.o:
                return true;
            default:
                return false;
        }

        il.Emit(OpCodes.Ldloc, c.FlagA);
        il.Emit(OpCodes.Ldc_I4_0);
        il.Emit(branch, taken);
        return true;
    }

    /// <summary>Zero and sign of a result that is computed anew from the operands (the Host merges it with the first one).</summary>
    private static bool FusedResult(RegionContext c, ConditionCode condition, Label taken, int size, OpCode operation, bool withB)
    {
        ILGenerator il = c.Il;
        bool carry = operation == OpCodes.Add && withB && size == 4 && condition is ConditionCode.b or ConditionCode.ae;
        if (!carry && condition is not (ConditionCode.e or ConditionCode.ne or ConditionCode.s or ConditionCode.ns))
        {
            return false;
        }

        il.Emit(OpCodes.Ldloc, c.FlagA);
        if (withB)
        {
            il.Emit(OpCodes.Ldloc, c.FlagB);
        }
        else
        {
            il.Emit(OpCodes.Ldc_I4_1);
        }

        il.Emit(operation);
        if (carry)
        {
            // a + b < a: it carried.
            il.Emit(OpCodes.Ldloc, c.FlagA);
            il.Emit(condition == ConditionCode.b ? OpCodes.Blt_Un : OpCodes.Bge_Un, taken);
            return true;
        }

        if (size == 1)
        {
            il.Emit(OpCodes.Conv_I1);
        }
        else if (size == 2)
        {
            il.Emit(OpCodes.Conv_I2);
        }

        il.Emit(OpCodes.Ldc_I4_0);
        il.Emit(
            condition switch
            {
                ConditionCode.e => OpCodes.Beq,
                ConditionCode.ne => OpCodes.Bne_Un,
                ConditionCode.s => OpCodes.Blt,
                _ => OpCodes.Bge,
            },
            taken);
        return true;
    }
}
