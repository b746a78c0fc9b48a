using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter.Simd;
using Lguest.Jit.Core.Simd;
using Lguest.Jit.Core.Simd.Floating;

namespace Lguest.Jit.Translator.Emit.Simd;

/// <summary>
/// SSE and SSE2 on XMM registers: moves and integers as the shared operations, which RyuJIT inlines; floating point by the
/// Host's arithmetic while MXCSR is everyday's and the result a plain number, else the instruction leaves to be interpreted. MMX has
/// no templates.
/// </summary>
internal static class SimdEmitter
{
    /// <summary>Emits the instruction if there is a template; false otherwise, with nothing emitted.</summary>
    public static bool TryEmit(RegionContext c, in Instruction i)
    {
        if (!SimdLowering.Offers(i.Code) || !UsesXmm(i) || i.Mnemonic is Mnemonic.Maskmovdqu)
        {
            return false;
        }

        switch (i.Mnemonic)
        {
            case Mnemonic.Comiss or Mnemonic.Ucomiss:
                Compare(c, i, typeof(OrderedCompare<float>));
                return true;
            case Mnemonic.Comisd or Mnemonic.Ucomisd:
                Compare(c, i, typeof(OrderedCompare<double>));
                return true;
        }

        if (i.GetOpKind(0) == OpKind.Memory)
        {
            Store(c, i);
            return true;
        }

        Type operation = SimdTable.Find(i);
        if (!typeof(IFloatOperation).IsAssignableFrom(operation))
        {
            Vector(c, i, operation);
            return true;
        }

        if (SimdTable.Quick(operation, i) is not { } quick)
        {
            return false;
        }

        Quick(c, i, quick);
        return true;
    }

    /// <summary>Some operand is an XMM register, and none is an MMX one.</summary>
    private static bool UsesXmm(in Instruction i)
    {
        bool any = false;
        for (int k = 0; k < i.OpCount; k++)
        {
            if (i.GetOpKind(k) == OpKind.Register)
            {
                if (i.GetOpRegister(k).IsMM())
                {
                    return false;
                }

                any |= i.GetOpRegister(k).IsXMM();
            }
        }

        return any;
    }

    private static void Vector(RegionContext c, in Instruction i, Type operation)
    {
        Ready(c);
        bool immediate = i.GetOpKind(i.OpCount - 1) == OpKind.Immediate8;
        LocalBuilder source = ReadSource(c, i);
        if (operation == typeof(Movdqa))
        {
            c.Il.Emit(OpCodes.Ldloc, source);
            PopDestination(c, i);
            if (i.GetOpRegister(0).IsXMM())
            {
                c.Simd.Facts.Copy(source, c.Simd[i.GetOpRegister(0)]);
            }

            return;
        }

        PushDestination(c, i, source);
        c.Il.Emit(OpCodes.Ldloc, source);
        if (immediate)
        {
            c.Il.Emit(OpCodes.Ldc_I4, (int)i.Immediate8);
        }

        c.Il.Emit(OpCodes.Call, SimdMethods.Apply(operation, immediate));
        c.Il.Emit(OpCodes.Stloc, c.Simd.Landing);
        c.Il.Emit(OpCodes.Ldloc, c.Simd.Landing);
        bool numbers = i.Mnemonic is Mnemonic.Unpcklpd or Mnemonic.Unpckhpd && i.GetOpKind(1) == OpKind.Register
            && AreNumbers(c, i.GetOpRegister(0), i.Mnemonic == Mnemonic.Unpcklpd) && AreNumbers(c, i.GetOpRegister(1), i.Mnemonic == Mnemonic.Unpcklpd);
        PopDestination(c, i);
        if (numbers)
        {
            c.Simd.Facts.Set(c.Simd[i.GetOpRegister(0)], isDouble: true, all: true);
        }
    }

    private static bool AreNumbers(RegionContext c, Register register, bool lowest) => c.Simd.Facts.AreNumbers(c.Simd[register], isDouble: true, scalar: lowest);

    private static void Quick(RegionContext c, in Instruction i, Type operation)
    {
        ILGenerator il = c.Il;
        Ready(c);
        Guard(c, SimdMethods.Number(operation, nameof(IQuickOperation.GuardBits)));
        LocalBuilder source = ReadSource(c, i);
        if (SimdArithmetic.Offers(c, i))
        {
            c.Simd.Arithmetic.Emit(i, source, operation);
            return;
        }

        PushDestination(c, i, source);
        il.Emit(OpCodes.Ldloc, source);
        il.Emit(OpCodes.Ldc_I4, i.GetOpKind(i.OpCount - 1) == OpKind.Immediate8 ? i.Immediate8 : 0);
        il.Emit(OpCodes.Call, MethodNames.Find(operation, nameof(IQuickOperation.Compute)));
        il.Emit(OpCodes.Stloc, c.Simd.Landing);
        PushDestination(c, i, source);
        il.Emit(OpCodes.Ldloc, source);
        il.Emit(OpCodes.Ldloc, c.Simd.Landing);
        il.Emit(OpCodes.Call, MethodNames.Find(operation, nameof(IQuickOperation.IsPlain)));
        c.Exits.MissUnless(OpCodes.Brtrue);
        il.Emit(OpCodes.Ldloc, c.Simd.Landing);
        PopDestination(c, i);
        if (i.Mnemonic == Mnemonic.Cvtsi2sd)
        {
            c.Simd.Facts.Set(c.Simd[i.GetOpRegister(0)], isDouble: true, all: false);
        }
    }

    private static void Compare(RegionContext c, in Instruction i, Type compare)
    {
        ILGenerator il = c.Il;
        Ready(c);
        Guard(c, Mxcsr.EverydayBits & ~Mxcsr.PrecisionFlag);
        LocalBuilder source = ReadSource(c, i);
        LocalBuilder left = c.Simd[i.GetOpRegister(0)];
        bool isDouble = compare == typeof(OrderedCompare<double>);
        if (!c.Simd.Facts.AreNumbers(left, isDouble, scalar: true) || !c.Simd.Facts.AreNumbers(source, isDouble, scalar: true))
        {
            il.Emit(OpCodes.Ldloc, left);
            il.Emit(OpCodes.Ldloc, source);
            il.Emit(OpCodes.Call, MethodNames.Find(compare, nameof(OrderedCompare<float>.IsPlain)));
            c.Exits.MissUnless(OpCodes.Brtrue);
        }

        il.Emit(OpCodes.Ldloc, left);
        il.Emit(OpCodes.Ldloc, source);
        il.Emit(OpCodes.Call, MethodNames.Find(compare, nameof(OrderedCompare<float>.QuickResult)));
        il.Emit(OpCodes.Stloc, c.SavedA);
        il.Emit(OpCodes.Ldloc, left);
        il.Emit(OpCodes.Ldloc, source);
        il.Emit(OpCodes.Call, MethodNames.Find(compare, nameof(OrderedCompare<float>.QuickAux)));
        il.Emit(OpCodes.Stloc, c.SavedB);
        c.Flags = new FlagState(FlagKind.Raw, FlagExpression.Of(c.SavedA), FlagExpression.Of(c.SavedB), null);
    }

    private static void Store(RegionContext c, in Instruction i)
    {
        ILGenerator il = c.Il;
        Ready(c);
        int size = i.MemorySize.GetSize();
        Translate(c, i, size, write: true);
        MemoryEmitter.PushHostAddress(c);
        LocalBuilder value = c.Simd[i.GetOpRegister(1)];
        il.Emit(OpCodes.Ldloc, value);
        if (i.Mnemonic is Mnemonic.Movhps or Mnemonic.Movhpd)
        {
            il.Emit(OpCodes.Ldloc, value);
            il.Emit(OpCodes.Call, SimdMethods.Apply(typeof(HighQuadword), immediate: false));
        }

        SimdIntrinsics.Store(il, size);
    }

    /// <summary>Where the second operand is: a register, or what has been read into a local, zeros above. A shift by an immediate has none.</summary>
    private static LocalBuilder ReadSource(RegionContext c, in Instruction i)
    {
        ILGenerator il = c.Il;
        switch (i.GetOpKind(1))
        {
            case OpKind.Memory:
                int size = i.MemorySize.GetSize();
                Translate(c, i, size, write: false);
                MemoryEmitter.PushHostAddress(c);
                SimdIntrinsics.Load(il, size);
                break;
            case OpKind.Register when i.GetOpRegister(1).IsXMM():
                return c.Simd[i.GetOpRegister(1)];
            case OpKind.Register:
                OperandEmitter.LoadRegister(c, i.GetOpRegister(1));
                il.Emit(OpCodes.Call, SimdMethods.FromGeneral);
                break;
            default:
                PushDestination(c, i, c.Simd.Source);
                break;
        }

        il.Emit(OpCodes.Stloc, c.Simd.Source);
        c.Simd.Facts.Forget(c.Simd.Source);
        return c.Simd.Source;
    }

    /// <summary>A general register as destination is never read: anything will do.</summary>
    private static void PushDestination(RegionContext c, in Instruction i, LocalBuilder otherwise)
    {
        Register register = i.GetOpRegister(0);
        c.Il.Emit(OpCodes.Ldloc, register.IsXMM() ? c.Simd[register] : otherwise);
    }

    private static void PopDestination(RegionContext c, in Instruction i)
    {
        Register register = i.GetOpRegister(0);
        if (register.IsXMM())
        {
            c.Il.Emit(OpCodes.Stloc, c.Simd[register]);
            c.Simd.Facts.Forget(c.Simd[register]);
            return;
        }

        c.Il.Emit(OpCodes.Call, SimdMethods.ToGeneral);
        OperandEmitter.StoreRegister(c, register);
    }

    /// <summary>Memory of up to 16 bytes; where it has to be aligned and is not, the interpreter raises #GP.</summary>
    private static void Translate(RegionContext c, in Instruction i, int size, bool write)
    {
        OperandEmitter.TranslateMemory(c, i, size, write);
        if (size == 16 && !SimdLowering.IsUnaligned(i.Mnemonic))
        {
            // Pages lie in RAM, and RAM in the Host, at multiples of a page.
            MemoryEmitter.PushHostAddress(c);
            c.Il.Emit(OpCodes.Conv_I4);
            c.Il.Emit(OpCodes.Ldc_I4, 15);
            c.Il.Emit(OpCodes.And);
            c.Exits.MissUnless(OpCodes.Brfalse);
        }
    }

    /// <summary>Once in a block: TS is clear, or #NM is due.</summary>
    private static void Ready(RegionContext c)
    {
        if (c.Simd.IsReady)
        {
            return;
        }

        c.Simd.IsReady = true;
        c.Il.Emit(OpCodes.Ldarg_0);
        c.Offset(SimdMethods.Ts);
        c.Il.Emit(OpCodes.Ldind_I4);
        c.Exits.MissUnless(OpCodes.Brfalse);
    }

    /// <summary>
    /// Once in a block: these bits of MXCSR are everyday's. No template changes them, and what the interpreter adds to them after a
    /// miss are flags that are not looked at.
    /// </summary>
    private static void Guard(RegionContext c, uint bits)
    {
        if ((bits & ~c.Simd.KnownBits) == 0)
        {
            return;
        }

        c.Simd.KnownBits |= bits;
        c.Il.Emit(OpCodes.Ldarg_0);
        c.Offset(SimdMethods.Mxcsr);
        c.Il.Emit(OpCodes.Ldind_I4);
        c.Il.Emit(OpCodes.Ldc_I4, (int)bits);
        c.Il.Emit(OpCodes.And);
        c.Il.Emit(OpCodes.Ldc_I4, (int)(Mxcsr.Everyday & bits));
        c.Exits.MissUnless(OpCodes.Beq);
    }
}
