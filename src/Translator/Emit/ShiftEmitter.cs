using System.Numerics;
using System.Reflection;
using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// SHL SHR SAR at all widths, ROL ROR at 32 bits (narrower by constants nobody asks the flags of), by a constant or by CL. A count of 0 keeps the flags, and rotates keep most of them: what they will be is
/// described in terms of what they were.
/// </summary>
internal static class ShiftEmitter
{
    private static readonly MethodInfo s_rotateLeft = typeof(BitOperations).GetMethod(nameof(BitOperations.RotateLeft), [typeof(uint), typeof(int)])!;
    private static readonly MethodInfo s_rotateRight = typeof(BitOperations).GetMethod(nameof(BitOperations.RotateRight), [typeof(uint), typeof(int)])!;

    /// <summary>Emits the instruction if there is a template; false otherwise.</summary>
    public static bool TryEmit(RegionContext c, in Instruction i, bool flagsLive)
    {
        switch (i.Mnemonic)
        {
            case Mnemonic.Shl or Mnemonic.Sal:
                Shift(c, i, OpCodes.Shl, FlagKind.Shl8, flagsLive);
                return true;
            case Mnemonic.Shr:
                Shift(c, i, OpCodes.Shr_Un, FlagKind.Shr8, flagsLive);
                return true;
            case Mnemonic.Sar:
                Shift(c, i, OpCodes.Shr, FlagKind.Sar8, flagsLive);
                return true;
            case Mnemonic.Rol or Mnemonic.Ror when OperandEmitter.Size(i, 0) == 4:
                Rotate(c, i, flagsLive);
                return true;
            case Mnemonic.Rol or Mnemonic.Ror when !flagsLive && i.GetOpKind(1) != OpKind.Register:
                RotateNarrow(c, i);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Does the instruction write all flags, whatever its operands?</summary>
    public static bool WritesAllFlags(in Instruction i) =>
        i.Mnemonic is Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar && i.GetOpKind(1) != OpKind.Register && (i.GetImmediate(1) & 31) != 0;

    private static void Shift(RegionContext c, in Instruction i, OpCode operation, int kind8, bool flagsLive)
    {
        ILGenerator il = c.Il;
        bool constant = i.GetOpKind(1) != OpKind.Register;
        Destination destination = Destination.Begin(c, i);
        uint count = constant ? (uint)i.GetImmediate(1) & 31 : 0;
        if (constant && count == 0)
        {
            if (destination.IsMemory)
            {
                destination.Value.Emit(c);
                destination.Finish(c, i);
            }

            return;
        }

        FlagExpression by = constant ? FlagExpression.Of(count) : FlagExpression.Of(c.Register(Reg.Ecx));
        FlagExpression value = destination.Value;
        int kind = AluEmitter.Sized(kind8, destination.Size);
        if (!flagsLive)
        {
            c.Flags = FlagState.Dead;
        }
        else if (constant)
        {
            c.Flags = new FlagState(kind, value, by, null);
        }
        else
        {
            FlagState before = c.Flags;
            FlagExpression kindValue = FlagExpression.Of((uint)kind);
            c.Flags = new FlagState(
                FlagKind.Raw,
                FlagExpression.CallWithCpu(MethodNames.ShiftedResult, kindValue, value, by, before.RawResult(c)),
                FlagExpression.CallWithCpu(MethodNames.ShiftedAux, kindValue, value, by, before.RawAux(c)),
                null)
            {
                CarryWord = destination.Size != 4 ? null : FlagExpression.Call(operation == OpCodes.Shl ? MethodNames.ShiftedLeftCarry : MethodNames.ShiftedRightCarry, value, by, before.Carry(c)),
            };
        }

        c.KeepFlags = true;
        (operation == OpCodes.Shr ? value.SignExtended(destination.Size) : value).Emit(c);
        by.Emit(c);
        if (!constant)
        {
            il.Emit(OpCodes.Ldc_I4, 31);
            il.Emit(OpCodes.And);
        }

        il.Emit(operation);
        FlagExpression result = destination.Finish(c, i);
        if (flagsLive && constant)
        {
            c.Flags = c.Flags with { Result = result };
        }
    }

    private static void Rotate(RegionContext c, in Instruction i, bool flagsLive)
    {
        bool left = i.Mnemonic == Mnemonic.Rol;
        bool constant = i.GetOpKind(1) != OpKind.Register;
        Destination destination = Destination.Begin(c, i);
        FlagExpression count = constant ? FlagExpression.Of((uint)i.GetImmediate(1) & 31) : FlagExpression.Of(c.Register(Reg.Ecx));
        FlagState before = c.Flags;
        LocalBuilder rotated = c.Temporary();
        destination.Value.Emit(c);
        count.Emit(c);
        c.Il.Emit(OpCodes.Call, left ? s_rotateLeft : s_rotateRight);
        c.Il.Emit(OpCodes.Stloc, rotated);
        c.Flags = flagsLive
            ? new FlagState(
                FlagKind.Raw,
                before.RawResult(c),
                FlagExpression.Call(left ? MethodNames.AfterRol : MethodNames.AfterRor, before.RawAux(c), FlagExpression.Of(rotated), count),
                null)
            : FlagState.Dead;
        c.KeepFlags = true;
        c.Il.Emit(OpCodes.Ldloc, rotated);
        destination.Finish(c, i);
    }

    private static void RotateNarrow(RegionContext c, in Instruction i)
    {
        Destination destination = Destination.Begin(c, i);
        int bits = destination.Size * 8;
        int count = (int)i.GetImmediate(1) & (bits - 1);
        int left = i.Mnemonic == Mnemonic.Rol ? count : (bits - count) & (bits - 1);
        c.Flags = FlagState.Dead;
        FlagExpression value = destination.Value;
        FlagExpression.Binary(OpCodes.Or, FlagExpression.Binary(OpCodes.Shl, value, (uint)left), FlagExpression.Binary(OpCodes.Shr_Un, value, (uint)(bits - left))).Emit(c);
        destination.Finish(c, i);
    }
}
