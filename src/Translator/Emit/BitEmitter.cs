using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// BSF and BSR, SHLD and SHRD at 32 bits, and the instructions that are about one flag: CMC, CLC, STC, CLD, STD. What compilers and their
/// libraries make 64-bit arithmetic and string loops of. The interpreter's twin: Core/Semantics (BitScan, DoubleShift).
/// </summary>
internal static class BitEmitter
{
    /// <summary>Emits the instruction if there is a template; false otherwise.</summary>
    public static bool TryEmit(RegionContext c, in Instruction i, bool flagsLive)
    {
        if (!c.Optimisations.BitTemplates)
        {
            return false;
        }

        switch (i.Mnemonic)
        {
            case Mnemonic.Bsf or Mnemonic.Bsr when OperandEmitter.Size(i, 0) == 4:
                Scan(c, i, flagsLive);
                return true;
            case Mnemonic.Shld or Mnemonic.Shrd when OperandEmitter.Size(i, 0) == 4:
                DoubleShift(c, i, flagsLive);
                return true;
            case Mnemonic.Cmc:
                SetCarry(c, flagsLive, static aux => FlagExpression.Binary(OpCodes.Xor, aux, LazyFlags.CarryOut | LazyFlags.CarryIn));
                return true;
            case Mnemonic.Clc:
                SetCarry(c, flagsLive, static aux => FlagExpression.Call(MethodNames.WithCarry, aux, FlagExpression.Of(0)));
                return true;
            case Mnemonic.Stc:
                SetCarry(c, flagsLive, static aux => FlagExpression.Call(MethodNames.WithCarry, aux, FlagExpression.Of(LazyFlags.CarryOut)));
                return true;
            case Mnemonic.Cld:
                Direction(c, OpCodes.And, ~Eflags.Direction);
                return true;
            case Mnemonic.Std:
                Direction(c, OpCodes.Or, Eflags.Direction);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Does the instruction write all flags, whatever its operands?</summary>
    public static bool WritesAllFlags(in Instruction i) => i.Mnemonic switch
    {
        Mnemonic.Bsf or Mnemonic.Bsr => OperandEmitter.Size(i, 0) == 4,
        Mnemonic.Shld or Mnemonic.Shrd => OperandEmitter.Size(i, 0) == 4 && i.GetOpKind(2) != OpKind.Register && (i.GetImmediate(2) & 31) != 0,
        _ => false,
    };

    private static void Scan(RegionContext c, in Instruction i, bool flagsLive)
    {
        bool forward = i.Mnemonic == Mnemonic.Bsf;
        FlagExpression source = OperandEmitter.Value(c, i, 1, 4);
        FlagExpression before = OperandEmitter.RegisterValue(c, i.GetOpRegister(0));
        c.Flags = flagsLive
            ? new FlagState(FlagKind.Logic, FlagExpression.Call(forward ? MethodNames.AfterForwardScan : MethodNames.AfterReverseScan, source), null, null)
            : FlagState.Dead;
        c.KeepFlags = true;
        FlagExpression.Call(forward ? MethodNames.ScanForward : MethodNames.ScanReverse, source, before).Emit(c);
        OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
    }

    private static void DoubleShift(RegionContext c, in Instruction i, bool flagsLive)
    {
        bool left = i.Mnemonic == Mnemonic.Shld;
        bool constant = i.GetOpKind(2) != OpKind.Register;
        Destination destination = Destination.Begin(c, i);
        FlagExpression value = destination.Value;
        FlagExpression filler = OperandEmitter.Value(c, i, 1, 4);
        uint by = constant ? (uint)i.GetImmediate(2) & 31 : 0;
        FlagExpression count = constant ? FlagExpression.Of(by) : FlagExpression.Of(c.Register(Reg.Ecx));
        FlagExpression result = !constant
            ? FlagExpression.Call(left ? MethodNames.ShiftLeftDouble : MethodNames.ShiftRightDouble, value, filler, count)
            : by == 0
                ? value
                : FlagExpression.Binary(
                    OpCodes.Or,
                    FlagExpression.Binary(left ? OpCodes.Shl : OpCodes.Shr_Un, value, by),
                    FlagExpression.Binary(left ? OpCodes.Shr_Un : OpCodes.Shl, filler, 32 - by));
        if (!flagsLive)
        {
            c.Flags = FlagState.Dead;
        }
        else if (!constant || by != 0)
        {
            // By 0 changes nothing, so where the count is not known the flags before it are part of the description.
            FlagState before = c.Flags;
            FlagExpression leftwards = FlagExpression.Of(left ? 1u : 0);
            c.Flags = new FlagState(
                FlagKind.Raw,
                FlagExpression.CallWithCpu(MethodNames.DoubleShiftedResult, leftwards, value, filler, count, constant ? FlagExpression.Of(0) : before.RawResult(c)),
                FlagExpression.CallWithCpu(MethodNames.DoubleShiftedAux, leftwards, value, filler, count, constant ? FlagExpression.Of(0) : before.RawAux(c)),
                null);
        }

        c.KeepFlags = true;
        result.Emit(c);
        destination.Finish(c, i);
    }

    private static void SetCarry(RegionContext c, bool flagsLive, Func<FlagExpression, FlagExpression> change)
    {
        FlagState before = c.Flags;
        c.Flags = flagsLive ? new FlagState(FlagKind.Raw, before.RawResult(c), change(before.RawAux(c)), null) : FlagState.Dead;
    }

    /// <summary>DF is not among the flags that are put off: string instructions look at it in the CPU struct.</summary>
    private static void Direction(RegionContext c, OpCode operation, uint operand)
    {
        c.Il.Emit(OpCodes.Ldarg_0);
        c.Offset(MethodNames.SystemFlags);
        FlagExpression.Binary(operation, FlagExpression.Field(MethodNames.SystemFlags), operand).Emit(c);
        c.Il.Emit(OpCodes.Stind_I4);
    }
}
