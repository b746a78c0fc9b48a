using System.Reflection;
using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Interpreter.Strings;
using Lguest.Jit.Core.State;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// REP MOVS, STOS and LODS: a kernel copies doublewords and then the bytes that are left over, of which there are mostly none. So nothing is done for ECX 0, and
/// a short copy is a call that no register has to be stored for; all else is the handler's, as it always was (<see cref="Fallback"/>).
/// </summary>
internal static class StringEmitter
{
    private static readonly MethodInfo s_move = MethodNames.Find(typeof(ShortStrings), nameof(ShortStrings.TryMove));
    private static readonly MethodInfo s_fill = MethodNames.Find(typeof(ShortStrings), nameof(ShortStrings.TryFill));

    /// <summary>Is it one of these, counting in ECX?</summary>
    public static bool IsRepeated(in Instruction i)
    {
        if (!i.HasRepPrefix || !i.IsStringInstruction || i.Mnemonic is Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsd or Mnemonic.Scasb or Mnemonic.Scasw or Mnemonic.Scasd)
        {
            return false;
        }

        for (int k = 0; k < i.OpCount; k++)
        {
            if (i.GetOpKind(k) is OpKind.MemorySegSI or OpKind.MemoryESDI)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Emits what goes to the label that it returns when all has been done, and goes on when the handler has to see to it. Both ways agree on where the flags are and what has been
    /// paid for; at the label nothing may be expected to have been stored, or loaded again.
    /// </summary>
    public static Label Begin(RegionContext c, in Instruction i)
    {
        c.KeepFlagsOfFields();
        c.ChargePending();
        ILGenerator il = c.Il;
        Label done = il.DefineLabel();
        il.Emit(OpCodes.Ldloc, c.Register(Reg.Ecx));
        il.Emit(OpCodes.Brfalse, done);
        if (i.MemorySegment is Register.FS or Register.GS)
        {
            return done;
        }

        switch (i.Mnemonic)
        {
            case Mnemonic.Movsb:
                Move(c, 0, done);
                break;
            case Mnemonic.Movsd:
                Move(c, 2, done);
                break;
            case Mnemonic.Stosd:
                Fill(c, done);
                break;
        }

        return done;
    }

    private static void Move(RegionContext c, int shift, Label done)
    {
        Label handler = Affordable(c);
        c.Il.Emit(OpCodes.Ldarg_0);
        c.Il.Emit(OpCodes.Ldloc, c.Register(Reg.Esi));
        c.Il.Emit(OpCodes.Ldloc, c.Register(Reg.Edi));
        c.Il.Emit(OpCodes.Ldloc, c.Register(Reg.Ecx));
        c.Il.Emit(OpCodes.Ldc_I4, shift);
        c.Il.Emit(OpCodes.Call, s_move);
        c.Il.Emit(OpCodes.Brfalse, handler);
        Advance(c, Reg.Esi, shift);
        Finish(c, shift, handler, done);
    }

    private static void Fill(RegionContext c, Label done)
    {
        Label handler = Affordable(c);
        c.Il.Emit(OpCodes.Ldarg_0);
        c.Il.Emit(OpCodes.Ldloc, c.Register(Reg.Eax));
        c.Il.Emit(OpCodes.Ldloc, c.Register(Reg.Edi));
        c.Il.Emit(OpCodes.Ldloc, c.Register(Reg.Ecx));
        c.Il.Emit(OpCodes.Call, s_fill);
        c.Il.Emit(OpCodes.Brfalse, handler);
        Finish(c, 2, handler, done);
    }

    /// <summary>Each iteration is an instruction: goes to the label that it returns unless the slice has so many left.</summary>
    private static Label Affordable(RegionContext c)
    {
        Label handler = c.Il.DefineLabel();
        c.Il.Emit(OpCodes.Ldloc, c.Budget);
        c.Il.Emit(OpCodes.Conv_I8);
        c.Il.Emit(OpCodes.Ldloc, c.Register(Reg.Ecx));
        c.Il.Emit(OpCodes.Conv_U8);
        c.Il.Emit(OpCodes.Blt, handler);
        return handler;
    }

    private static void Finish(RegionContext c, int shift, Label handler, Label done)
    {
        ILGenerator il = c.Il;
        Advance(c, Reg.Edi, shift);

        // The block has paid for one of them.
        il.Emit(OpCodes.Ldloc, c.Budget);
        il.Emit(OpCodes.Ldloc, c.Register(Reg.Ecx));
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Ldc_I4_1);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Stloc, c.Budget);
        il.Emit(OpCodes.Ldc_I4_0);
        il.Emit(OpCodes.Stloc, c.Register(Reg.Ecx));
        il.Emit(OpCodes.Br, done);
        il.MarkLabel(handler);
    }

    private static void Advance(RegionContext c, int register, int shift)
    {
        ILGenerator il = c.Il;
        il.Emit(OpCodes.Ldloc, c.Register(register));
        il.Emit(OpCodes.Ldloc, c.Register(Reg.Ecx));
        il.Emit(OpCodes.Ldc_I4, shift);
        il.Emit(OpCodes.Shl);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Stloc, c.Register(register));
    }
}
