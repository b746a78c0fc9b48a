using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Flags;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// BT, BTS, BTR and BTC at 32 bits: how a kernel looks at its flag words and CPU masks. They are about CF alone; that they leave ZF is architectural, that they leave
/// the others is what the silicon does. The interpreter's twin: Core/Interpreter/Bits (BitByImmediate, BitOfRegister, BitOfMemory).
/// </summary>
internal static class BitTestEmitter
{
    /// <summary>Emits the instruction if there is a template; false otherwise.</summary>
    public static bool TryEmit(RegionContext c, in Instruction i, bool flagsLive)
    {
        if (!c.Optimisations.BitTemplates || i.Mnemonic is not (Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc) || OperandEmitter.Size(i, 0) != 4)
        {
            return false;
        }

        bool writes = i.Mnemonic != Mnemonic.Bt;
        bool memory = i.GetOpKind(0) == OpKind.Memory;
        bool constant = i.GetOpKind(1) != OpKind.Register;
        FlagExpression bit = constant
            ? FlagExpression.Of((uint)i.GetImmediate(1) & 31)
            : FlagExpression.Binary(OpCodes.And, OperandEmitter.RegisterValue(c, i.GetOpRegister(1)), 31);
        FlagExpression value = memory ? Fetch(c, i, constant, writes) : OperandEmitter.RegisterValue(c, i.GetOpRegister(0));
        FlagState before = c.Flags;
        if (flagsLive)
        {
            FlagExpression carry = FlagExpression.Binary(OpCodes.Shl, FlagExpression.Binary(OpCodes.Shr_Un, value, bit), 31);
            c.Flags = new FlagState(FlagKind.Raw, before.RawResult(c), FlagExpression.Call(MethodNames.WithCarry, before.RawAux(c), carry), null) { CarryWord = carry };
        }
        else
        {
            c.Flags = FlagState.Dead;
        }

        if (!writes)
        {
            return true;
        }

        c.KeepFlags = true;
        FlagExpression mask = FlagExpression.Binary(OpCodes.Shl, FlagExpression.Of(1), bit);
        FlagExpression result = i.Mnemonic switch
        {
            Mnemonic.Bts => FlagExpression.Binary(OpCodes.Or, value, mask),
            Mnemonic.Btr => FlagExpression.Binary(OpCodes.And, value, FlagExpression.Binary(OpCodes.Xor, mask, uint.MaxValue)),
            _ => FlagExpression.Binary(OpCodes.Xor, value, mask),
        };
        if (memory)
        {
            MemoryEmitter.Store(c, result, 4);
        }
        else
        {
            result.Emit(c);
            OperandEmitter.StoreRegister(c, i.GetOpRegister(0));
        }

        return true;
    }

    /// <summary>
    /// The word with the bit, in a temporary. A register is a signed offset into a bit string, of which the memory operand says only where it begins
    /// (SDM vol. 2, table 3-2).
    /// </summary>
    private static FlagExpression Fetch(RegionContext c, in Instruction i, bool constant, bool writes)
    {
        if (constant)
        {
            OperandEmitter.TranslateMemory(c, i, 4, writes);
        }
        else
        {
            OperandEmitter.EffectiveAddress(c, i);
            OperandEmitter.LoadRegister(c, i.GetOpRegister(1));
            c.Il.Emit(OpCodes.Ldc_I4_5);
            c.Il.Emit(OpCodes.Shr);
            c.Il.Emit(OpCodes.Ldc_I4_2);
            c.Il.Emit(OpCodes.Shl);
            c.Il.Emit(OpCodes.Add);
            MemoryEmitter.TranslateAlone(c, 4, writes);
        }

        MemoryEmitter.Load(c, 4);
        LocalBuilder word = c.Temporary();
        c.Il.Emit(OpCodes.Stloc, word);
        return FlagExpression.Of(word);
    }
}
