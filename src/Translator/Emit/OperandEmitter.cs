using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Interpreter.Alu;

namespace Lguest.Jit.Translator.Emit;

/// <summary>Loads and stores of instruction operands: registers in locals, immediates, and memory.</summary>
internal static class OperandEmitter
{
    /// <summary>A register's value, zero-extended to 32 bits.</summary>
    public static FlagExpression RegisterValue(RegionContext c, Register register)
    {
        int number = RegionContext.RegisterNumber(register);
        FlagExpression whole = FlagExpression.Of(c.Register(number));
        int size = register.GetSize();
        if (size != 1)
        {
            return whole.ZeroExtended(size);
        }

        if (IsHighByte(register))
        {
            return FlagExpression.Binary(OpCodes.Shr_Un, whole, 8).ZeroExtended(1);
        }

        return c.LowByte(number) is { } known ? FlagExpression.Of(known) : whole.ZeroExtended(1);
    }

    /// <summary>Pushes a register's value, zero-extended to 32 bits.</summary>
    public static void LoadRegister(RegionContext c, Register register) => RegisterValue(c, register).Emit(c);

    /// <summary>Pops a value into a register, or the part of it that is named; higher bits of the value are ignored.</summary>
    public static void StoreRegister(RegionContext c, Register register)
    {
        ILGenerator il = c.Il;
        int number = RegionContext.RegisterNumber(register);
        LocalBuilder local = c.Register(number);
        if (register.GetSize() == 4)
        {
            c.OverwriteRegister(number, lowByteStays: false);
            il.Emit(OpCodes.Stloc, local);
            return;
        }

        int keep;
        if (IsHighByte(register))
        {
            c.OverwriteRegister(number, lowByteStays: true);
            il.Emit(OpCodes.Conv_U1);
            il.Emit(OpCodes.Ldc_I4_8);
            il.Emit(OpCodes.Shl);
            keep = ~0xFF00;
        }
        else if (register.GetSize() == 1)
        {
            // The byte is kept by itself too: code that works on bytes need not wait for the whole.
            c.Overwrite(c.LowByteLocal(number));
            c.OverwriteRegister(number, lowByteStays: true);
            LocalBuilder low = c.SetLowByte(number);
            il.Emit(OpCodes.Conv_U1);
            il.Emit(OpCodes.Stloc, low);
            il.Emit(OpCodes.Ldloc, low);
            keep = ~0xFF;
        }
        else
        {
            c.OverwriteRegister(number, lowByteStays: false);
            il.Emit(OpCodes.Conv_U2);
            keep = ~0xFFFF;
        }

        il.Emit(OpCodes.Ldloc, local);
        il.Emit(OpCodes.Ldc_I4, keep);
        il.Emit(OpCodes.And);
        il.Emit(OpCodes.Or);
        il.Emit(OpCodes.Stloc, local);
    }

    /// <summary>Pushes the effective address (flat: the linear address) of the memory operand.</summary>
    public static void EffectiveAddress(RegionContext c, in Instruction i)
    {
        PushAddress(c, AddressForm.Of(i));
    }

    /// <summary>Pushes an address.</summary>
    public static void PushAddress(RegionContext c, AddressForm form)
    {
        ILGenerator il = c.Il;
        bool any = false;
        if (form.Base >= 0)
        {
            il.Emit(OpCodes.Ldloc, c.Register(form.Base));
            any = true;
        }

        if (form.Index >= 0)
        {
            il.Emit(OpCodes.Ldloc, c.Register(form.Index));
            if (form.Scale != 0)
            {
                il.Emit(OpCodes.Ldc_I4, form.Scale);
                il.Emit(OpCodes.Shl);
            }

            if (any)
            {
                il.Emit(OpCodes.Add);
            }

            any = true;
        }

        if (!any)
        {
            il.Emit(OpCodes.Ldc_I4, form.Displacement);
        }
        else if (form.Displacement != 0)
        {
            il.Emit(OpCodes.Ldc_I4, form.Displacement);
            il.Emit(OpCodes.Add);
        }
    }

    /// <summary>Makes the memory operand accessible (see <see cref="MemoryEmitter.Translate"/>).</summary>
    public static void TranslateMemory(RegionContext c, in Instruction i, int size, bool write) =>
        MemoryEmitter.Translate(c, AddressForm.Of(i), size, write);

    /// <summary>
    /// The value of operand <paramref name="operand"/>, zero-extended from its size. Memory is read now, into a temporary; a
    /// register is only named.
    /// </summary>
    public static FlagExpression Value(RegionContext c, in Instruction i, int operand, int size)
    {
        switch (i.GetOpKind(operand))
        {
            case OpKind.Register:
                return RegisterValue(c, i.GetOpRegister(operand));
            case OpKind.Memory:
                TranslateMemory(c, i, size, write: false);
                MemoryEmitter.Load(c, size);
                LocalBuilder temporary = c.Temporary();
                c.Il.Emit(OpCodes.Stloc, temporary);
                return FlagExpression.Of(temporary);
            default:
                return FlagExpression.Of(AluLowering.Immediate(i, operand, size));
        }
    }

    /// <summary>Pushes operand <paramref name="operand"/>: register, memory or immediate, zero-extended from its size.</summary>
    public static void LoadOperand(RegionContext c, in Instruction i, int operand, int size)
    {
        if (i.GetOpKind(operand) == OpKind.Memory)
        {
            TranslateMemory(c, i, size, write: false);
            MemoryEmitter.Load(c, size);
        }
        else
        {
            Value(c, i, operand, size).Emit(c);
        }
    }

    /// <summary>Bytes of an operand.</summary>
    public static int Size(in Instruction i, int operand) =>
        i.GetOpKind(operand) == OpKind.Register ? i.GetOpRegister(operand).GetSize() : i.MemorySize.GetSize();

    private static bool IsHighByte(Register register) => register is >= Register.AH and <= Register.BH;
}
