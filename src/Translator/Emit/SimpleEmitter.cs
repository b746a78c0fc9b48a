using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Semantics;
using Lguest.Jit.Core.State;
using FlowControl = Iced.Intel.FlowControl;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>MOV MOVZX MOVSX LEA PUSH POP XCHG, sign extensions, SETcc, CMOVcc, shifts, IMUL, BSWAP, NOP. False: no template.</summary>
internal static class SimpleEmitter
{
    public static bool TryEmit(RegionContext c, in Instruction i, bool flagsLive, Scratch scratch)
    {
        switch (i.Mnemonic)
        {
            case Mnemonic.Mov:
                return Move(c, i, scratch);
            case Mnemonic.Movzx:
            case Mnemonic.Movsx:
                Extend(c, i);
                return true;
            case Mnemonic.Lea:
                OperandEmitter.EffectiveAddress(c, i);
                OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
                return true;
            case Mnemonic.Push:
                return Push(c, i, scratch);
            case Mnemonic.Pop:
                return Pop(c, i);
            case Mnemonic.Leave:
                return Leave(c, i, scratch);
            case Mnemonic.Nop:
            case Mnemonic.Endbr32:
            case Mnemonic.Pause:
                return true;
            case Mnemonic.Cdq:
                c.Il.Emit(OpCodes.Ldloc, c.Register(Reg.Eax));
                c.Il.Emit(OpCodes.Ldc_I4, 31);
                c.Il.Emit(OpCodes.Shr);
                c.Il.Emit(OpCodes.Stloc, c.Register(Reg.Edx));
                return true;
            case Mnemonic.Cwde:
                c.Il.Emit(OpCodes.Ldloc, c.Register(Reg.Eax));
                c.Il.Emit(OpCodes.Conv_I2);
                c.Il.Emit(OpCodes.Stloc, c.Register(Reg.Eax));
                return true;
            case Mnemonic.Bswap when i.GetOpRegister(0).GetSize() == 4:
                OperandEmitter.LoadRegister(c, i.GetOpRegister(0));
                c.Il.Emit(OpCodes.Call, typeof(System.Buffers.Binary.BinaryPrimitives).GetMethod("ReverseEndianness", [typeof(uint)])!);
                OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
                return true;
            case Mnemonic.Xchg when i.GetOpKind(0) == OpKind.Register:
                OperandEmitter.LoadRegister(c, i.GetOpRegister(0));
                OperandEmitter.LoadRegister(c, i.GetOpRegister(1));
                OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
                OperandEmitter.StoreRegister(c, i.GetOpRegister(1));
                return true;
            case Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Rol or Mnemonic.Ror:
                return ShiftRegister(c, i, flagsLive, scratch);
            case Mnemonic.Imul when i.OpCount >= 2 && OperandEmitter.Size(i, 0) == 4:
                return MultiplyShort(c, i, flagsLive, scratch);
            default:
                if (i.ConditionCode != ConditionCode.None && i.OpCount == 1 && i.FlowControl == FlowControl.Next && i.GetOpKind(0) == OpKind.Register)
                {
                    FlagEmitter.Push(c, i.ConditionCode);
                    OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
                    return true;
                }

                if (i.ConditionCode != ConditionCode.None && i.OpCount == 2 && OperandEmitter.Size(i, 0) == 4)
                {
                    ConditionalMove(c, i, scratch);
                    return true;
                }

                return false;
        }
    }

    private static bool Move(RegionContext c, in Instruction i, Scratch scratch)
    {
        bool general = (i.GetOpKind(0) != OpKind.Register || OpWriter.IsGeneral(i.GetOpRegister(0)))
            && (i.GetOpKind(1) != OpKind.Register || OpWriter.IsGeneral(i.GetOpRegister(1)));
        if (!general)
        {
            return false;
        }

        int size = OperandEmitter.Size(i, 0);
        if (i.GetOpKind(0) == OpKind.Register)
        {
            OperandEmitter.LoadOperand(c, i, 1, size);
            OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
            return true;
        }

        OperandEmitter.EffectiveAddress(c, i);
        OperandEmitter.Translate(c, size, write: true);
        OperandEmitter.LoadOperand(c, i, 1, size);
        c.Il.Emit(OpCodes.Stloc, scratch.Result);
        OperandEmitter.StoreHost(c, scratch.Result, size);
        return true;
    }

    private static void Extend(RegionContext c, in Instruction i)
    {
        int from = OperandEmitter.Size(i, 1);
        OperandEmitter.LoadOperand(c, i, 1, from);
        if (i.Mnemonic == Mnemonic.Movsx)
        {
            c.Il.Emit(from == 1 ? OpCodes.Conv_I1 : OpCodes.Conv_I2);
        }

        OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
    }

    private static bool Push(RegionContext c, in Instruction i, Scratch scratch)
    {
        OpKind kind = i.GetOpKind(0);
        bool wide = kind switch
        {
            OpKind.Register => OpWriter.IsGeneral(i.GetOpRegister(0)) && i.GetOpRegister(0).GetSize() == 4,
            OpKind.Memory => i.MemorySize.GetSize() == 4,
            _ => i.Code is not (Code.Push_imm16 or Code.Pushw_imm8),
        };
        if (!wide)
        {
            return false;
        }

        if (kind is OpKind.Register or OpKind.Memory)
        {
            OperandEmitter.LoadOperand(c, i, 0, 4);
        }
        else
        {
            c.Il.Emit(OpCodes.Ldc_I4, (int)i.GetImmediate(0));
        }

        c.Il.Emit(OpCodes.Stloc, scratch.Result);
        PushValue(c, scratch);
        return true;
    }

    /// <summary>Pushes scratch.Result onto the Guest's stack.</summary>
    public static void PushValue(RegionContext c, Scratch scratch)
    {
        ILGenerator il = c.Il;
        il.Emit(OpCodes.Ldloc, c.Register(Reg.Esp));
        il.Emit(OpCodes.Ldc_I4_4);
        il.Emit(OpCodes.Sub);
        OperandEmitter.Translate(c, 4, write: true);
        OperandEmitter.StoreHost(c, scratch.Result, 4);
        il.Emit(OpCodes.Ldloc, c.Address);
        il.Emit(OpCodes.Stloc, c.Register(Reg.Esp));
    }

    private static bool Pop(RegionContext c, in Instruction i)
    {
        if (i.GetOpKind(0) != OpKind.Register || !OpWriter.IsGeneral(i.GetOpRegister(0)) || i.GetOpRegister(0).GetSize() != 4)
        {
            return false;
        }

        PopValue(c, 4);
        OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
        return true;
    }

    /// <summary>Leaves the top of the Guest's stack on the IL stack; ESP has moved by <paramref name="drop"/>.</summary>
    public static void PopValue(RegionContext c, uint drop)
    {
        ILGenerator il = c.Il;
        il.Emit(OpCodes.Ldloc, c.Register(Reg.Esp));
        OperandEmitter.Translate(c, 4, write: false);
        OperandEmitter.LoadHost(c, 4);
        il.Emit(OpCodes.Ldloc, c.Register(Reg.Esp));
        il.Emit(OpCodes.Ldc_I4, (int)drop);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Stloc, c.Register(Reg.Esp));
    }

    private static bool Leave(RegionContext c, in Instruction i, Scratch scratch)
    {
        if (i.Code != Code.Leaved)
        {
            return false;
        }

        ILGenerator il = c.Il;
        il.Emit(OpCodes.Ldloc, c.Register(Reg.Ebp));
        OperandEmitter.Translate(c, 4, write: false);
        OperandEmitter.LoadHost(c, 4);
        il.Emit(OpCodes.Stloc, scratch.Result);
        il.Emit(OpCodes.Ldloc, c.Register(Reg.Ebp));
        il.Emit(OpCodes.Ldc_I4_4);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Stloc, c.Register(Reg.Esp));
        il.Emit(OpCodes.Ldloc, scratch.Result);
        il.Emit(OpCodes.Stloc, c.Register(Reg.Ebp));
        return true;
    }

    /// <summary>
    /// Shifts and rotates of registers. Shifts by a constant defer their flags; rotates and shifts by CL may keep old
    /// ones, so they take the shared semantics, which work on the flags in memory.
    /// </summary>
    private static bool ShiftRegister(RegionContext c, in Instruction i, bool flagsLive, Scratch scratch)
    {
        if (i.GetOpKind(0) != OpKind.Register)
        {
            return false;
        }

        ILGenerator il = c.Il;
        Register register = i.GetOpRegister(0);
        int size = register.GetSize();
        bool constant = i.GetOpKind(1) != OpKind.Register;
        int count = constant ? (int)(i.GetImmediate(1) & 31) : -1;
        if (count == 0)
        {
            return true;
        }

        bool rotate = i.Mnemonic is Mnemonic.Rol or Mnemonic.Ror;
        if (constant && size == 4 && (!flagsLive || !rotate))
        {
            if (flagsLive)
            {
                OperandEmitter.LoadRegister(c, register);
                il.Emit(OpCodes.Stloc, scratch.A);
            }

            PlainShift(c, i, register, count);
            if (flagsLive)
            {
                il.Emit(OpCodes.Ldloc, scratch.A);
                il.Emit(OpCodes.Stloc, c.FlagA);
                il.Emit(OpCodes.Ldc_I4, count);
                il.Emit(OpCodes.Stloc, c.FlagB);
                AluEmitter.SetKind(
                    c,
                    i.Mnemonic switch
                    {
                        Mnemonic.Shr => FlagKind.Shr32,
                        Mnemonic.Sar => FlagKind.Sar32,
                        _ => FlagKind.Shl32,
                    });
            }

            return true;
        }

        // Counts of zero and rotates keep flags: those must be in memory before.
        if (!constant || rotate)
        {
            c.SpillFlags();
        }

        c.FlagsAreInMemory();
        il.Emit(OpCodes.Ldarg_0);
        OperandEmitter.LoadRegister(c, register);
        if (constant)
        {
            il.Emit(OpCodes.Ldc_I4, count);
        }
        else
        {
            il.Emit(OpCodes.Ldloc, c.Register(Reg.Ecx));
        }

        Type owner = rotate ? typeof(Rotate) : typeof(Shift);
        string name = i.Mnemonic switch
        {
            Mnemonic.Shl or Mnemonic.Sal => nameof(Shift.Shl),
            Mnemonic.Shr => nameof(Shift.Shr),
            Mnemonic.Sar => nameof(Shift.Sar),
            Mnemonic.Rol => nameof(Rotate.Rol),
            _ => nameof(Rotate.Ror),
        };
        il.Emit(OpCodes.Call, MethodNames.Find(owner, name).MakeGenericMethod(OpWriter.Width(size)));
        OperandEmitter.StoreRegister(c, register);
        return true;
    }

    private static void PlainShift(RegionContext c, in Instruction i, Register register, int count)
    {
        ILGenerator il = c.Il;
        OperandEmitter.LoadRegister(c, register);
        il.Emit(OpCodes.Ldc_I4, count);
        switch (i.Mnemonic)
        {
            case Mnemonic.Shl or Mnemonic.Sal:
                il.Emit(OpCodes.Shl);
                break;
            case Mnemonic.Shr:
                il.Emit(OpCodes.Shr_Un);
                break;
            case Mnemonic.Sar:
                il.Emit(OpCodes.Shr);
                break;
            default:
                string name = i.Mnemonic == Mnemonic.Rol ? "RotateLeft" : "RotateRight";
                il.Emit(OpCodes.Call, typeof(System.Numerics.BitOperations).GetMethod(name, [typeof(uint), typeof(int)])!);
                break;
        }

        OperandEmitter.StoreRegister(c, register);
    }

    /// <summary>IMUL r, r/m[, imm]. CF = OF, the rest kept: so live flags take the shared semantics.</summary>
    private static bool MultiplyShort(RegionContext c, in Instruction i, bool flagsLive, Scratch scratch)
    {
        if (flagsLive)
        {
            return false;
        }

        // The one that may be memory first: a miss leaves with nothing on the IL stack.
        OperandEmitter.LoadOperand(c, i, 1, 4);
        c.Il.Emit(OpCodes.Stloc, scratch.B);
        OperandEmitter.LoadOperand(c, i, i.OpCount == 3 ? 2 : 0, 4);
        c.Il.Emit(OpCodes.Ldloc, scratch.B);
        c.Il.Emit(OpCodes.Mul);
        OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
        return true;
    }

    private static void ConditionalMove(RegionContext c, in Instruction i, Scratch scratch)
    {
        ILGenerator il = c.Il;
        OperandEmitter.LoadOperand(c, i, 1, 4);
        il.Emit(OpCodes.Stloc, scratch.Result);
        Label take = il.DefineLabel();
        Label end = il.DefineLabel();
        FlagEmitter.BranchIf(c, i.ConditionCode, take);
        il.Emit(OpCodes.Br, end);
        il.MarkLabel(take);
        il.Emit(OpCodes.Ldloc, scratch.Result);
        OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
        il.MarkLabel(end);
    }
}
