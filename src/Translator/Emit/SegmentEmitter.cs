using System.Reflection;
using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// MOV, PUSH and POP of DS, ES, FS and GS, of which a kernel has a dozen in each system call: one call that does all that is usual,
/// and a miss for the rest.
/// </summary>
internal static unsafe class SegmentEmitter
{
    private static readonly MethodInfo s_load = MethodNames.Find(typeof(Segments), nameof(Segments.TryLoadData));

    /// <summary>Emits the instruction if there is a template; false otherwise.</summary>
    public static bool TryEmit(RegionContext c, in Instruction i) => i.Mnemonic switch
    {
        Mnemonic.Mov when IsData(i, 0) => Load(c, i),
        Mnemonic.Push when i.GetOpKind(0) == OpKind.Register && i.GetOpRegister(0).IsSegmentRegister() && i.StackPointerIncrement == -4 => Push(c, i),
        Mnemonic.Pop when IsData(i, 0) && i.StackPointerIncrement == 4 => Pop(c, i),
        _ => false,
    };

    private static bool IsData(in Instruction i, int operand) =>
        i.GetOpKind(operand) == OpKind.Register && i.GetOpRegister(operand) is Register.DS or Register.ES or Register.FS or Register.GS;

    private static bool Load(RegionContext c, in Instruction i)
    {
        if (i.GetOpKind(1) != OpKind.Register)
        {
            return false;
        }

        LocalBuilder selector = c.Temporary();
        OperandEmitter.LoadRegister(c, i.GetOpRegister(1));
        c.Il.Emit(OpCodes.Stloc, selector);
        Load(c, i.GetOpRegister(0), selector);
        return true;
    }

    private static bool Push(RegionContext c, in Instruction i)
    {
        LocalBuilder selector = c.Temporary();
        c.Load(MethodNames.Selector(i.GetOpRegister(0)), OpCodes.Ldind_U2, selector);
        StackEmitter.PushValue(c, FlagExpression.Of(selector));
        return true;
    }

    /// <summary>ESP moves only once the selector has been found good.</summary>
    private static bool Pop(RegionContext c, in Instruction i)
    {
        LocalBuilder selector = StackEmitter.LoadTop(c);
        Load(c, i.GetOpRegister(0), selector);
        StackEmitter.Drop(c, 4);
        return true;
    }

    private static void Load(RegionContext c, Register segment, LocalBuilder selector)
    {
        ILGenerator il = c.Il;
        Label on = il.DefineLabel();
        if (segment is Register.DS or Register.ES)
        {
            SkipIfThere(c, segment, selector, on);
        }

        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldc_I4, OpWriter.SegmentNumber(segment));
        il.Emit(OpCodes.Ldloc, selector);
        il.Emit(OpCodes.Conv_U2);
        il.Emit(OpCodes.Call, s_load);
        c.Exits.MissUnless(OpCodes.Brtrue);
        il.MarkLabel(on);
    }

    /// <summary>
    /// A kernel gives itself ring 3's flat data, which the program had before and gets back: four loads in a system call that change nothing. The descriptor has to be what
    /// it was; base and limit of DS and ES are those of a flat segment wherever there are regions (<see cref="CpuMode.Checked"/>).
    /// </summary>
    private static void SkipIfThere(RegionContext c, Register segment, LocalBuilder selector, Label on)
    {
        // Selector and attributes lie side by side. Of a selector that is not the same any entry may be looked at.
        ILGenerator il = c.Il;
        il.Emit(OpCodes.Ldarg_0);
        c.Offset(MethodNames.Selector(segment));
        il.Emit(OpCodes.Ldind_U4);
        il.Emit(OpCodes.Ldloc, selector);
        il.Emit(OpCodes.Conv_U2);
        il.Emit(OpCodes.Ldc_I4, Segments.FlatUserAttributes << 16);
        il.Emit(OpCodes.Or);
        il.Emit(OpCodes.Xor);
        il.Emit(OpCodes.Conv_U8);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldloc, selector);
        il.Emit(OpCodes.Ldc_I4, (GuestCpu.GdtEntries - 1) * sizeof(ulong));
        il.Emit(OpCodes.And);
        il.Emit(OpCodes.Conv_U);
        il.Emit(OpCodes.Add);
        c.Offset(MethodNames.Gdt);
        il.Emit(OpCodes.Ldind_I8);
        il.Emit(OpCodes.Ldc_I8, (long)Segments.AccessedBit);
        il.Emit(OpCodes.Or);
        il.Emit(OpCodes.Ldc_I8, (long)Segments.FlatUserData);
        il.Emit(OpCodes.Xor);
        il.Emit(OpCodes.Or);
        il.Emit(OpCodes.Brfalse, on);
    }
}
