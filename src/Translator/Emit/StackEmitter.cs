using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Translator.Emit;

/// <summary>PUSH POP LEAVE, and the stack's part of CALL and RET.</summary>
internal static class StackEmitter
{
    /// <summary>Emits the instruction if there is a template; false otherwise.</summary>
    public static bool TryEmit(RegionContext c, in Instruction i) => i.Mnemonic switch
    {
        Mnemonic.Push => Push(c, i),
        Mnemonic.Pop => Pop(c, i),
        Mnemonic.Leave => Leave(c, i),
        _ => false,
    };

    /// <summary>Pushes a value onto the Guest's stack.</summary>
    public static void PushValue(RegionContext c, FlagExpression value)
    {
        MemoryEmitter.Translate(c, AddressForm.Off(Reg.Esp, -4), 4, write: true);
        MemoryEmitter.Store(c, value, 4);
        OperandEmitter.PushAddress(c, AddressForm.Off(Reg.Esp, -4));
        OperandEmitter.StoreRegister(c, Register.ESP);
    }

    /// <summary>Leaves the top of the Guest's stack in a temporary; ESP has moved by <paramref name="drop"/>.</summary>
    public static LocalBuilder PopValue(RegionContext c, uint drop)
    {
        LocalBuilder value = LoadTop(c);
        Drop(c, drop);
        return value;
    }

    /// <summary>Leaves the top of the Guest's stack in a temporary; ESP stays, since something may still go wrong.</summary>
    public static LocalBuilder LoadTop(RegionContext c)
    {
        LocalBuilder value = c.Temporary();
        MemoryEmitter.Translate(c, AddressForm.Off(Reg.Esp, 0), 4, write: false);
        MemoryEmitter.Load(c, 4);
        c.Il.Emit(OpCodes.Stloc, value);
        return value;
    }

    /// <summary>Moves ESP up by so many bytes.</summary>
    public static void Drop(RegionContext c, uint bytes)
    {
        c.Il.Emit(OpCodes.Ldloc, c.Register(Reg.Esp));
        c.Il.Emit(OpCodes.Ldc_I4, (int)bytes);
        c.Il.Emit(OpCodes.Add);
        OperandEmitter.StoreRegister(c, Register.ESP);
    }

    private static bool Push(RegionContext c, in Instruction i)
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

        PushValue(c, kind is OpKind.Register or OpKind.Memory ? OperandEmitter.Value(c, i, 0, 4) : FlagExpression.Of((uint)i.GetImmediate(0)));
        return true;
    }

    private static bool Pop(RegionContext c, in Instruction i)
    {
        if (i.GetOpKind(0) == OpKind.Memory)
        {
            return PopToMemory(c, i);
        }

        if (i.GetOpKind(0) != OpKind.Register || !OpWriter.IsGeneral(i.GetOpRegister(0)) || i.GetOpRegister(0).GetSize() != 4)
        {
            return false;
        }

        c.Il.Emit(OpCodes.Ldloc, PopValue(c, 4));
        OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
        return true;
    }

    /// <summary>
    /// POP m32: how an lguest kernel takes its flags back. ESP moves once nothing can go wrong any more. (An address that has ESP in it is
    /// meant with ESP moved already, and is the interpreter's.)
    /// </summary>
    private static bool PopToMemory(RegionContext c, in Instruction i)
    {
        if (i.MemorySize.GetSize() != 4 || i.MemoryBase == Register.ESP)
        {
            return false;
        }

        LocalBuilder value = LoadTop(c);
        OperandEmitter.TranslateMemory(c, i, 4, write: true);
        MemoryEmitter.Store(c, FlagExpression.Of(value), 4);
        Drop(c, 4);
        return true;
    }

    private static bool Leave(RegionContext c, in Instruction i)
    {
        if (i.Code != Code.Leaved)
        {
            return false;
        }

        ILGenerator il = c.Il;
        LocalBuilder frame = c.Temporary();
        MemoryEmitter.Translate(c, AddressForm.Off(Reg.Ebp, 0), 4, write: false);
        MemoryEmitter.Load(c, 4);
        il.Emit(OpCodes.Stloc, frame);
        il.Emit(OpCodes.Ldloc, c.Register(Reg.Ebp));
        il.Emit(OpCodes.Ldc_I4_4);
        il.Emit(OpCodes.Add);
        OperandEmitter.StoreRegister(c, Register.ESP);
        il.Emit(OpCodes.Ldloc, frame);
        OperandEmitter.StoreRegister(c, Register.EBP);
        return true;
    }
}
