using System.Buffers.Binary;
using System.Reflection;
using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using FlowControl = Iced.Intel.FlowControl;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>MOV MOVZX MOVSX LEA XCHG BSWAP, sign extensions, SETcc, CMOVcc, NOP: nothing here writes flags.</summary>
internal static class MoveEmitter
{
    private static readonly MethodInfo s_reverse = typeof(BinaryPrimitives).GetMethod(nameof(BinaryPrimitives.ReverseEndianness), [typeof(uint)])!;

    /// <summary>Emits the instruction if there is a template; false otherwise.</summary>
    public static bool TryEmit(RegionContext c, in Instruction i)
    {
        ILGenerator il = c.Il;
        switch (i.Mnemonic)
        {
            case Mnemonic.Mov:
                return Move(c, i);
            case Mnemonic.Movzx:
            case Mnemonic.Movsx:
                Extend(c, i);
                return true;
            case Mnemonic.Lea:
                OperandEmitter.EffectiveAddress(c, i);
                OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
                return true;
            case Mnemonic.Nop:
            case Mnemonic.Endbr32:
            case Mnemonic.Pause:
                return true;
            case Mnemonic.Cdq:
                il.Emit(OpCodes.Ldloc, c.Register(Reg.Eax));
                il.Emit(OpCodes.Ldc_I4, 31);
                il.Emit(OpCodes.Shr);
                OperandEmitter.StoreRegister(c, Register.EDX);
                return true;
            case Mnemonic.Cwde:
                il.Emit(OpCodes.Ldloc, c.Register(Reg.Eax));
                il.Emit(OpCodes.Conv_I2);
                OperandEmitter.StoreRegister(c, Register.EAX);
                return true;
            case Mnemonic.Cbw:
                il.Emit(OpCodes.Ldloc, c.Register(Reg.Eax));
                il.Emit(OpCodes.Conv_I1);
                OperandEmitter.StoreRegister(c, Register.AX);
                return true;
            case Mnemonic.Bswap when i.GetOpRegister(0).GetSize() == 4:
                OperandEmitter.LoadRegister(c, i.GetOpRegister(0));
                il.Emit(OpCodes.Call, s_reverse);
                OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
                return true;
            case Mnemonic.Xchg:
                Exchange(c, i);
                return true;
            default:
                return Conditional(c, i);
        }
    }

    private static bool Move(RegionContext c, in Instruction i)
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

        OperandEmitter.TranslateMemory(c, i, size, write: true);
        MemoryEmitter.Store(c, OperandEmitter.Value(c, i, 1, size), size);
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

    /// <summary>With memory it is a read-modify-write like any other here: there is one CPU, so LOCK has nothing to lock out.</summary>
    private static void Exchange(RegionContext c, in Instruction i)
    {
        ILGenerator il = c.Il;
        int memory = i.GetOpKind(0) == OpKind.Memory ? 0 : i.GetOpKind(1) == OpKind.Memory ? 1 : -1;
        if (memory < 0)
        {
            // Both values are taken before either is stored; AL with AH is why temporaries are needed.
            LocalBuilder first = c.Temporary();
            LocalBuilder second = c.Temporary();
            OperandEmitter.LoadRegister(c, i.GetOpRegister(0));
            il.Emit(OpCodes.Stloc, first);
            OperandEmitter.LoadRegister(c, i.GetOpRegister(1));
            il.Emit(OpCodes.Stloc, second);
            il.Emit(OpCodes.Ldloc, second);
            OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
            il.Emit(OpCodes.Ldloc, first);
            OperandEmitter.StoreRegister(c, i.GetOpRegister(1));
            return;
        }

        Register register = i.GetOpRegister(1 - memory);
        int size = register.GetSize();
        OperandEmitter.TranslateMemory(c, i, size, write: true);
        LocalBuilder old = c.Temporary();
        MemoryEmitter.Load(c, size);
        il.Emit(OpCodes.Stloc, old);
        MemoryEmitter.Store(c, OperandEmitter.RegisterValue(c, register), size);
        il.Emit(OpCodes.Ldloc, old);
        OperandEmitter.StoreRegister(c, register);
    }

    private static bool Conditional(RegionContext c, in Instruction i)
    {
        if (i.ConditionCode == ConditionCode.None || i.FlowControl != FlowControl.Next)
        {
            return false;
        }

        if (i.OpCount == 1 && i.GetOpKind(0) == OpKind.Register)
        {
            ConditionEmitter.Push(c, i.ConditionCode);
            OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
            return true;
        }

        if (i.OpCount == 1)
        {
            OperandEmitter.TranslateMemory(c, i, 1, write: true);
            LocalBuilder value = c.Temporary();
            ConditionEmitter.Push(c, i.ConditionCode);
            c.Il.Emit(OpCodes.Stloc, value);
            MemoryEmitter.Store(c, FlagExpression.Of(value), 1);
            return true;
        }

        if (i.OpCount != 2 || OperandEmitter.Size(i, 0) != 4)
        {
            return false;
        }

        ConditionalMove(c, i);
        return true;
    }

    private static void ConditionalMove(RegionContext c, in Instruction i)
    {
        ILGenerator il = c.Il;

        // The source is read in any case, and may fault.
        FlagExpression source = OperandEmitter.Value(c, i, 1, 4);
        Label skip = il.DefineLabel();
        Label take = il.DefineLabel();
        Comparison comparison = ConditionEmitter.Compare(c, c.Flags, i.ConditionCode);

        // What the flags depend on is copied on both ways, or it would be missing on one of them.
        int number = RegionContext.RegisterNumber(i.GetOpRegister(0));
        c.OverwriteRegister(number, lowByteStays: false);
        ConditionEmitter.Branch(c, comparison, take);
        il.Emit(OpCodes.Br, skip);
        il.MarkLabel(take);
        source.Emit(c);
        il.Emit(OpCodes.Stloc, c.Register(number));
        il.MarkLabel(skip);
    }
}
