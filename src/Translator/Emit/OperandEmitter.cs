using System.Reflection.Emit;
using Iced.Intel;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>Loads and stores of instruction operands: registers in locals, immediates, and memory through the soft TLB.</summary>
internal static class OperandEmitter
{
    /// <summary>Pushes a register's value, zero-extended to 32 bits.</summary>
    public static void LoadRegister(RegionContext c, Register register)
    {
        ILGenerator il = c.Il;
        il.Emit(OpCodes.Ldloc, c.Register(RegionContext.RegisterNumber(register)));
        switch (register.GetSize())
        {
            case 1 when register is >= Register.AH and <= Register.BH:
                il.Emit(OpCodes.Ldc_I4_8);
                il.Emit(OpCodes.Shr_Un);
                il.Emit(OpCodes.Conv_U1);
                break;
            case 1:
                il.Emit(OpCodes.Conv_U1);
                break;
            case 2:
                il.Emit(OpCodes.Conv_U2);
                break;
        }
    }

    /// <summary>Pops a value into a register, or the part of it that is named; higher bits of the value are ignored.</summary>
    public static void StoreRegister(RegionContext c, Register register)
    {
        ILGenerator il = c.Il;
        LocalBuilder local = c.Register(RegionContext.RegisterNumber(register));
        if (register.GetSize() == 4)
        {
            il.Emit(OpCodes.Stloc, local);
            return;
        }

        int keep = ~0xFF;
        if (register is >= Register.AH and <= Register.BH)
        {
            il.Emit(OpCodes.Conv_U1);
            il.Emit(OpCodes.Ldc_I4_8);
            il.Emit(OpCodes.Shl);
            keep = ~0xFF00;
        }
        else if (register.GetSize() == 1)
        {
            il.Emit(OpCodes.Conv_U1);
        }
        else
        {
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
        ILGenerator il = c.Il;
        bool any = false;
        if (i.MemoryBase != Register.None)
        {
            il.Emit(OpCodes.Ldloc, c.Register(RegionContext.RegisterNumber(i.MemoryBase)));
            any = true;
        }

        if (i.MemoryIndex != Register.None)
        {
            il.Emit(OpCodes.Ldloc, c.Register(RegionContext.RegisterNumber(i.MemoryIndex)));
            int scale = System.Numerics.BitOperations.Log2((uint)i.MemoryIndexScale);
            if (scale != 0)
            {
                il.Emit(OpCodes.Ldc_I4, scale);
                il.Emit(OpCodes.Shl);
            }

            if (any)
            {
                il.Emit(OpCodes.Add);
            }

            any = true;
        }

        int displacement = (int)i.MemoryDisplacement32;
        if (!any)
        {
            il.Emit(OpCodes.Ldc_I4, displacement);
        }
        else if (displacement != 0)
        {
            il.Emit(OpCodes.Ldc_I4, displacement);
            il.Emit(OpCodes.Add);
        }
    }

    /// <summary>
    /// Pops a linear address; leaves its Host address in <see cref="RegionContext.Host"/>, or leaves the region if the soft TLB
    /// has no entry or the access crosses its page.
    /// </summary>
    public static void Translate(RegionContext c, int size, bool write)
    {
        ILGenerator il = c.Il;
        Label miss = c.MissLabel();
        il.Emit(OpCodes.Stloc, c.Address);

        // entry = table[address >> 12]
        il.Emit(OpCodes.Ldloc, write ? c.WriteTable : c.ReadTable);
        il.Emit(OpCodes.Ldloc, c.Address);
        il.Emit(OpCodes.Ldc_I4, 12);
        il.Emit(OpCodes.Shr_Un);
        il.Emit(OpCodes.Conv_U8);
        il.Emit(OpCodes.Ldc_I4_3);
        il.Emit(OpCodes.Shl);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Conv_I);
        il.Emit(OpCodes.Ldind_I8);
        il.Emit(OpCodes.Stloc, c.Host);
        il.Emit(OpCodes.Ldloc, c.Host);
        il.Emit(OpCodes.Brfalse, miss);
        if (size > 1)
        {
            il.Emit(OpCodes.Ldloc, c.Address);
            il.Emit(OpCodes.Ldc_I4, 0xFFF);
            il.Emit(OpCodes.And);
            il.Emit(OpCodes.Ldc_I4, 0x1000 - size);
            il.Emit(OpCodes.Bgt_Un, miss);
        }

        il.Emit(OpCodes.Ldloc, c.Host);
        il.Emit(OpCodes.Ldloc, c.Address);
        il.Emit(OpCodes.Conv_U8);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Stloc, c.Host);
    }

    /// <summary>Pushes the value at <see cref="RegionContext.Host"/>, zero-extended.</summary>
    public static void LoadHost(RegionContext c, int size)
    {
        ILGenerator il = c.Il;
        il.Emit(OpCodes.Ldloc, c.Host);
        il.Emit(OpCodes.Conv_I);
        if (size > 1)
        {
            il.Emit(OpCodes.Unaligned, (byte)1);
        }

        il.Emit(size switch
        {
            1 => OpCodes.Ldind_U1,
            2 => OpCodes.Ldind_U2,
            _ => OpCodes.Ldind_U4,
        });
    }

    /// <summary>Stores the value of a local at <see cref="RegionContext.Host"/>.</summary>
    public static void StoreHost(RegionContext c, LocalBuilder value, int size)
    {
        ILGenerator il = c.Il;
        il.Emit(OpCodes.Ldloc, c.Host);
        il.Emit(OpCodes.Conv_I);
        il.Emit(OpCodes.Ldloc, value);
        if (size > 1)
        {
            il.Emit(OpCodes.Unaligned, (byte)1);
        }

        il.Emit(size switch
        {
            1 => OpCodes.Stind_I1,
            2 => OpCodes.Stind_I2,
            _ => OpCodes.Stind_I4,
        });
    }

    /// <summary>Pushes operand <paramref name="operand"/>: register, memory or immediate, zero-extended from its size.</summary>
    public static void LoadOperand(RegionContext c, in Instruction i, int operand, int size)
    {
        switch (i.GetOpKind(operand))
        {
            case OpKind.Register:
                LoadRegister(c, i.GetOpRegister(operand));
                break;
            case OpKind.Memory:
                EffectiveAddress(c, i);
                Translate(c, size, write: false);
                LoadHost(c, size);
                break;
            default:
                c.Il.Emit(OpCodes.Ldc_I4, (int)Core.Interpreter.Alu.AluLowering.Immediate(i, operand, size));
                break;
        }
    }

    /// <summary>Bytes of an operand.</summary>
    public static int Size(in Instruction i, int operand) =>
        i.GetOpKind(operand) == OpKind.Register ? i.GetOpRegister(operand).GetSize() : i.MemorySize.GetSize();
}
