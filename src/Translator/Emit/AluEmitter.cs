using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Flags;

namespace Lguest.Jit.Translator.Emit;

/// <summary>ADD SUB CMP AND OR XOR TEST INC DEC NEG NOT ADC SBB. The interpreter's twin: Core/Interpreter/Alu.</summary>
internal static class AluEmitter
{
    /// <summary>Emits the instruction if it is one of these; false otherwise.</summary>
    public static bool TryEmit(RegionContext c, in Instruction i, bool flagsLive, Scratch scratch)
    {
        switch (i.Mnemonic)
        {
            case Mnemonic.Add:
                Binary(c, i, OpCodes.Add, FlagKind.Add8, writes: true, flagsLive, scratch);
                return true;
            case Mnemonic.Sub:
                Binary(c, i, OpCodes.Sub, FlagKind.Sub8, writes: true, flagsLive, scratch);
                return true;
            case Mnemonic.Cmp:
                Binary(c, i, OpCodes.Sub, FlagKind.Sub8, writes: false, flagsLive, scratch);
                return true;
            case Mnemonic.And:
                Binary(c, i, OpCodes.And, FlagKind.Logic, writes: true, flagsLive, scratch);
                return true;
            case Mnemonic.Test:
                Binary(c, i, OpCodes.And, FlagKind.Logic, writes: false, flagsLive, scratch);
                return true;
            case Mnemonic.Or:
                Binary(c, i, OpCodes.Or, FlagKind.Logic, writes: true, flagsLive, scratch);
                return true;
            case Mnemonic.Xor:
                Binary(c, i, OpCodes.Xor, FlagKind.Logic, writes: true, flagsLive, scratch);
                return true;
            case Mnemonic.Inc:
                Step(c, i, OpCodes.Add, FlagKind.Inc8, flagsLive, scratch);
                return true;
            case Mnemonic.Dec:
                Step(c, i, OpCodes.Sub, FlagKind.Dec8, flagsLive, scratch);
                return true;
            case Mnemonic.Adc when OperandEmitter.Size(i, 0) == 4:
                WithCarry(c, i, OpCodes.Add, flagsLive, scratch);
                return true;
            case Mnemonic.Sbb when OperandEmitter.Size(i, 0) == 4:
                WithCarry(c, i, OpCodes.Sub, flagsLive, scratch);
                return true;
            case Mnemonic.Neg:
                Negate(c, i, flagsLive, scratch);
                return true;
            case Mnemonic.Not:
                Complement(c, i, scratch);
                return true;
            default:
                return false;
        }
    }

    /// <summary>The kind for a width, given the 8-bit one.</summary>
    public static int Sized(int kind8, int size) => kind8 == FlagKind.Logic ? kind8 : kind8 + (size == 1 ? 0 : size / 2);

    private static void Binary(RegionContext c, in Instruction i, OpCode operation, int kind8, bool writes, bool flagsLive, Scratch scratch)
    {
        ILGenerator il = c.Il;
        int size = OperandEmitter.Size(i, 0);
        bool memory = i.GetOpKind(0) == OpKind.Memory;

        // xor r, r and sub r, r: the result is known, whatever r was.
        if (!memory && writes && i.GetOpKind(1) == OpKind.Register && i.GetOpRegister(0) == i.GetOpRegister(1) && i.Mnemonic is Mnemonic.Xor or Mnemonic.Sub)
        {
            il.Emit(OpCodes.Ldc_I4_0);
            OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
            if (flagsLive)
            {
                SetFlags(c, FlagKind.Logic, null, null);
            }

            return;
        }

        if (memory)
        {
            OperandEmitter.EffectiveAddress(c, i);
            OperandEmitter.Translate(c, size, writes);
            OperandEmitter.LoadHost(c, size);
        }
        else
        {
            OperandEmitter.LoadRegister(c, i.GetOpRegister(0));
        }

        il.Emit(OpCodes.Stloc, scratch.A);
        OperandEmitter.LoadOperand(c, i, 1, size);
        il.Emit(OpCodes.Stloc, scratch.B);
        if (writes || kind8 == FlagKind.Logic)
        {
            il.Emit(OpCodes.Ldloc, scratch.A);
            il.Emit(OpCodes.Ldloc, scratch.B);
            il.Emit(operation);
            il.Emit(OpCodes.Stloc, scratch.Result);
        }

        if (writes)
        {
            if (memory)
            {
                OperandEmitter.StoreHost(c, scratch.Result, size);
            }
            else
            {
                il.Emit(OpCodes.Ldloc, scratch.Result);
                OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
            }
        }

        if (!flagsLive)
        {
            return;
        }

        if (kind8 == FlagKind.Logic)
        {
            SignExtend(il, scratch.Result, size);
            il.Emit(OpCodes.Stloc, c.FlagA);
            SetKind(c, FlagKind.Logic);
        }
        else
        {
            SetFlags(c, Sized(kind8, size), scratch.A, scratch.B);
        }
    }

    /// <summary>ADC and SBB at 32 bits: result and carries are computed, as three operands are more than a kind can hold.</summary>
    private static void WithCarry(RegionContext c, in Instruction i, OpCode operation, bool flagsLive, Scratch scratch)
    {
        ILGenerator il = c.Il;
        bool memory = i.GetOpKind(0) == OpKind.Memory;
        if (memory)
        {
            OperandEmitter.EffectiveAddress(c, i);
            OperandEmitter.Translate(c, 4, write: true);
            OperandEmitter.LoadHost(c, 4);
        }
        else
        {
            OperandEmitter.LoadRegister(c, i.GetOpRegister(0));
        }

        il.Emit(OpCodes.Stloc, scratch.A);
        OperandEmitter.LoadOperand(c, i, 1, 4);
        il.Emit(OpCodes.Stloc, scratch.B);
        il.Emit(OpCodes.Ldloc, scratch.A);
        il.Emit(OpCodes.Ldloc, scratch.B);
        il.Emit(operation);
        FlagEmitter.PushCarry(c);
        il.Emit(operation);
        il.Emit(OpCodes.Stloc, scratch.Result);
        if (memory)
        {
            OperandEmitter.StoreHost(c, scratch.Result, 4);
        }
        else
        {
            il.Emit(OpCodes.Ldloc, scratch.Result);
            OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
        }

        if (flagsLive)
        {
            il.Emit(OpCodes.Ldloc, scratch.A);
            il.Emit(OpCodes.Ldloc, scratch.B);
            il.Emit(OpCodes.Ldloc, scratch.Result);
            il.Emit(OpCodes.Call, operation == OpCodes.Add ? MethodNames.AddAux : MethodNames.SubAux);
            il.Emit(OpCodes.Stloc, c.FlagB);
            il.Emit(OpCodes.Ldloc, scratch.Result);
            il.Emit(OpCodes.Stloc, c.FlagA);
            SetKind(c, FlagKind.Raw);
        }
    }

    private static void Step(RegionContext c, in Instruction i, OpCode operation, int kind8, bool flagsLive, Scratch scratch)
    {
        ILGenerator il = c.Il;
        int size = OperandEmitter.Size(i, 0);
        bool memory = i.GetOpKind(0) == OpKind.Memory;
        if (memory)
        {
            OperandEmitter.EffectiveAddress(c, i);
            OperandEmitter.Translate(c, size, write: true);
            OperandEmitter.LoadHost(c, size);
        }
        else
        {
            OperandEmitter.LoadRegister(c, i.GetOpRegister(0));
        }

        il.Emit(OpCodes.Stloc, scratch.A);
        il.Emit(OpCodes.Ldloc, scratch.A);
        il.Emit(OpCodes.Ldc_I4_1);
        il.Emit(operation);
        il.Emit(OpCodes.Stloc, scratch.Result);
        if (memory)
        {
            OperandEmitter.StoreHost(c, scratch.Result, size);
        }
        else
        {
            il.Emit(OpCodes.Ldloc, scratch.Result);
            OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
        }

        if (flagsLive)
        {
            // CF survives: it has to be known before the new kind overwrites what it is derived from.
            FlagEmitter.KeepCarry(c);
            SetFlags(c, Sized(kind8, size), scratch.A, null);
        }
    }

    private static void Negate(RegionContext c, in Instruction i, bool flagsLive, Scratch scratch)
    {
        ILGenerator il = c.Il;
        int size = OperandEmitter.Size(i, 0);
        Unary(c, i, size, scratch, OpCodes.Neg);
        if (flagsLive)
        {
            il.Emit(OpCodes.Ldc_I4_0);
            il.Emit(OpCodes.Stloc, c.FlagA);
            il.Emit(OpCodes.Ldloc, scratch.A);
            il.Emit(OpCodes.Stloc, c.FlagB);
            SetKind(c, Sized(FlagKind.Sub8, size));
        }
    }

    private static void Complement(RegionContext c, in Instruction i, Scratch scratch) =>
        Unary(c, i, OperandEmitter.Size(i, 0), scratch, OpCodes.Not);

    private static void Unary(RegionContext c, in Instruction i, int size, Scratch scratch, OpCode operation)
    {
        ILGenerator il = c.Il;
        bool memory = i.GetOpKind(0) == OpKind.Memory;
        if (memory)
        {
            OperandEmitter.EffectiveAddress(c, i);
            OperandEmitter.Translate(c, size, write: true);
            OperandEmitter.LoadHost(c, size);
        }
        else
        {
            OperandEmitter.LoadRegister(c, i.GetOpRegister(0));
        }

        il.Emit(OpCodes.Stloc, scratch.A);
        il.Emit(OpCodes.Ldloc, scratch.A);
        il.Emit(operation);
        il.Emit(OpCodes.Stloc, scratch.Result);
        if (memory)
        {
            OperandEmitter.StoreHost(c, scratch.Result, size);
        }
        else
        {
            il.Emit(OpCodes.Ldloc, scratch.Result);
            OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
        }
    }

    /// <summary>Pushes a local, sign-extended from <paramref name="size"/> bytes.</summary>
    public static void SignExtend(ILGenerator il, LocalBuilder value, int size)
    {
        il.Emit(OpCodes.Ldloc, value);
        switch (size)
        {
            case 1:
                il.Emit(OpCodes.Conv_I1);
                break;
            case 2:
                il.Emit(OpCodes.Conv_I2);
                break;
        }
    }

    /// <summary>Records (kind, a, b); null a is 0, null b leaves it.</summary>
    private static void SetFlags(RegionContext c, int kind, LocalBuilder? a, LocalBuilder? b)
    {
        ILGenerator il = c.Il;
        if (a != null)
        {
            il.Emit(OpCodes.Ldloc, a);
        }
        else
        {
            il.Emit(OpCodes.Ldc_I4_0);
        }

        il.Emit(OpCodes.Stloc, c.FlagA);
        if (b != null)
        {
            il.Emit(OpCodes.Ldloc, b);
            il.Emit(OpCodes.Stloc, c.FlagB);
        }

        SetKind(c, kind);
    }

    public static void SetKind(RegionContext c, int kind)
    {
        c.Il.Emit(OpCodes.Ldc_I4, kind);
        c.Il.Emit(OpCodes.Stloc, c.Kind);
        c.KnownKind = kind;
    }
}

/// <summary>Locals for the operands and the result of the instruction being emitted.</summary>
internal sealed record Scratch(LocalBuilder A, LocalBuilder B, LocalBuilder Result);
