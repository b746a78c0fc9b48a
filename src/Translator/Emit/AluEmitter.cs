using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Flags;

namespace Lguest.Jit.Translator.Emit;

/// <summary>ADD SUB CMP AND OR XOR TEST INC DEC NEG NOT ADC SBB. The interpreter's twin: Core/Interpreter/Alu.</summary>
internal static class AluEmitter
{
    /// <summary>Emits the instruction if it is one of these; false otherwise.</summary>
    public static bool TryEmit(RegionContext c, in Instruction i, bool flagsLive)
    {
        switch (i.Mnemonic)
        {
            case Mnemonic.Add:
                Sum(c, i, OpCodes.Add, FlagKind.Add8, flagsLive);
                return true;
            case Mnemonic.Sub:
                Sum(c, i, OpCodes.Sub, FlagKind.Sub8, flagsLive);
                return true;
            case Mnemonic.Cmp:
                Compare(c, i, flagsLive);
                return true;
            case Mnemonic.And:
                Logic(c, i, OpCodes.And, flagsLive);
                return true;
            case Mnemonic.Test:
                Test(c, i, flagsLive);
                return true;
            case Mnemonic.Or:
                Logic(c, i, OpCodes.Or, flagsLive);
                return true;
            case Mnemonic.Xor:
                Logic(c, i, OpCodes.Xor, flagsLive);
                return true;
            case Mnemonic.Inc:
                Step(c, i, OpCodes.Add, OpCodes.Sub, FlagKind.Inc8, flagsLive);
                return true;
            case Mnemonic.Dec:
                Step(c, i, OpCodes.Sub, OpCodes.Add, FlagKind.Dec8, flagsLive);
                return true;
            case Mnemonic.Adc:
                WithCarry(c, i, OpCodes.Add, flagsLive);
                return true;
            case Mnemonic.Sbb:
                WithCarry(c, i, OpCodes.Sub, flagsLive);
                return true;
            case Mnemonic.Neg:
                Negate(c, i, flagsLive);
                return true;
            case Mnemonic.Not:
                Destination not = Destination.Begin(c, i);
                not.Value.Emit(c);
                c.Il.Emit(OpCodes.Not);
                not.Finish(c, i);
                return true;
            default:
                return false;
        }
    }

    /// <summary>The kind for a width, given the 8-bit one.</summary>
    public static int Sized(int kind8, int size) => kind8 + (size == 1 ? 0 : size / 2);

    private static void Sum(RegionContext c, in Instruction i, OpCode operation, int kind8, bool flagsLive)
    {
        if (operation == OpCodes.Sub && IsSameRegister(i))
        {
            Zero(c, i, flagsLive);
            return;
        }

        Destination destination = Destination.Begin(c, i);
        FlagExpression b = OperandEmitter.Value(c, i, 1, destination.Size);
        FlagExpression a = destination.Value;
        int kind = Sized(kind8, destination.Size);

        // A 32-bit register takes the result, from which the operand that it held follows: nothing need be copied.
        bool fromResult = flagsLive && destination.Register32(c) is { } register && !b.Uses(register);
        c.Flags = flagsLive && !fromResult ? new FlagState(kind, a, b, null) : FlagState.Dead;
        c.KeepFlags = true;
        a.Emit(c);
        b.Emit(c);
        c.Il.Emit(operation);
        FlagExpression result = destination.Finish(c, i);
        if (fromResult)
        {
            c.Flags = new FlagState(kind, FlagExpression.Binary(operation == OpCodes.Add ? OpCodes.Sub : OpCodes.Add, result, b), b, result);
        }
        else if (flagsLive)
        {
            c.Flags = c.Flags with { Result = result };
        }
    }

    private static void Compare(RegionContext c, in Instruction i, bool flagsLive)
    {
        int size = OperandEmitter.Size(i, 0);
        FlagExpression a = OperandEmitter.Value(c, i, 0, size);
        FlagExpression b = OperandEmitter.Value(c, i, 1, size);
        c.Flags = flagsLive ? new FlagState(Sized(FlagKind.Sub8, size), a, b, null) : FlagState.Dead;
    }

    private static void Test(RegionContext c, in Instruction i, bool flagsLive)
    {
        int size = OperandEmitter.Size(i, 0);
        FlagExpression result;
        if (IsSameRegister(i))
        {
            result = OperandEmitter.RegisterValue(c, i.GetOpRegister(0));
        }
        else
        {
            FlagExpression a = OperandEmitter.Value(c, i, 0, size);
            FlagExpression b = OperandEmitter.Value(c, i, 1, size);
            result = FlagExpression.Binary(OpCodes.And, a, b);
        }

        c.Flags = flagsLive ? new FlagState(FlagKind.Logic, result.SignExtended(size), null, null) : FlagState.Dead;
    }

    private static void Logic(RegionContext c, in Instruction i, OpCode operation, bool flagsLive)
    {
        if (operation == OpCodes.Xor && IsSameRegister(i))
        {
            Zero(c, i, flagsLive);
            return;
        }

        Destination destination = Destination.Begin(c, i);
        FlagExpression b = OperandEmitter.Value(c, i, 1, destination.Size);
        c.Flags = FlagState.Dead;
        destination.Value.Emit(c);
        b.Emit(c);
        c.Il.Emit(operation);
        FlagExpression result = destination.Finish(c, i);
        if (flagsLive)
        {
            c.Flags = new FlagState(FlagKind.Logic, result.SignExtended(destination.Size), null, null);
        }
    }

    /// <summary>xor r, r and sub r, r: the result is known, whatever r was.</summary>
    private static void Zero(RegionContext c, in Instruction i, bool flagsLive)
    {
        c.Flags = FlagState.Dead;
        c.Il.Emit(OpCodes.Ldc_I4_0);
        OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
        if (flagsLive)
        {
            c.Flags = new FlagState(FlagKind.Logic, FlagExpression.Of(0), null, null);
        }
    }

    /// <summary>ADC and SBB: three operands are more than a kind can hold, so result and carries are described.</summary>
    private static void WithCarry(RegionContext c, in Instruction i, OpCode operation, bool flagsLive)
    {
        ILGenerator il = c.Il;
        Destination destination = Destination.Begin(c, i);
        int size = destination.Size;
        FlagExpression b = OperandEmitter.Value(c, i, 1, size);
        FlagExpression a = destination.Value;
        LocalBuilder result = c.Temporary();
        a.Emit(c);
        b.Emit(c);
        il.Emit(operation);
        c.Flags.CarryBit(c).Emit(c);
        il.Emit(operation);
        il.Emit(OpCodes.Stloc, result);
        FlagExpression r = FlagExpression.Of(result);
        bool add = operation == OpCodes.Add;
        FlagExpression aux = size == 4
            ? FlagExpression.Call(add ? MethodNames.AddAux : MethodNames.SubAux, a, b, r)
            : FlagExpression.Call(add ? MethodNames.NarrowAddAux : MethodNames.NarrowSubAux, a, b, r, FlagExpression.Of((uint)size * 8));
        c.Flags = flagsLive ? new FlagState(FlagKind.Raw, r.SignExtended(size), aux, null) : FlagState.Dead;
        c.KeepFlags = true;
        il.Emit(OpCodes.Ldloc, result);
        destination.Finish(c, i);
    }

    private static void Step(RegionContext c, in Instruction i, OpCode operation, OpCode inverse, int kind8, bool flagsLive)
    {
        Destination destination = Destination.Begin(c, i);
        FlagExpression a = destination.Value;
        int kind = Sized(kind8, destination.Size);
        bool fromResult = destination.Register32(c) != null;

        // CF survives. What it is derived from may be overwritten here, so it goes through the store as part of the state.
        FlagExpression carry = flagsLive ? c.Flags.Carry(c) : FlagExpression.Of(0);
        c.Flags = flagsLive ? new FlagState(kind, fromResult ? FlagExpression.Of(0) : a, carry, null) : FlagState.Dead;
        c.KeepFlags = true;
        a.Emit(c);
        c.Il.Emit(OpCodes.Ldc_I4_1);
        c.Il.Emit(operation);
        FlagExpression result = destination.Finish(c, i);
        if (flagsLive)
        {
            c.Flags = new FlagState(kind, fromResult ? FlagExpression.Binary(inverse, result, 1) : c.Flags.A, c.Flags.B, result);
        }
    }

    private static void Negate(RegionContext c, in Instruction i, bool flagsLive)
    {
        Destination destination = Destination.Begin(c, i);
        FlagExpression a = destination.Value;
        int kind = Sized(FlagKind.Sub8, destination.Size);
        c.Flags = flagsLive ? new FlagState(kind, FlagExpression.Of(0), a, null) : FlagState.Dead;
        c.KeepFlags = true;
        a.Emit(c);
        c.Il.Emit(OpCodes.Neg);
        FlagExpression result = destination.Finish(c, i);
        if (flagsLive)
        {
            c.Flags = c.Flags with { Result = result };
        }
    }

    private static bool IsSameRegister(in Instruction i) =>
        i.GetOpKind(0) == OpKind.Register && i.GetOpKind(1) == OpKind.Register && i.GetOpRegister(0) == i.GetOpRegister(1);
}
