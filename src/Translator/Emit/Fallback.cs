using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using Iced.Intel;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// Instructions without a template of their own run by the interpreter's handler from inside translated code: state goes
/// to memory, the handler runs on an op made for this place, and what it may have changed comes back.
/// </summary>
internal static unsafe class Fallback
{
    private static readonly MethodInfo s_run = MethodNames.Find(typeof(Fallback), nameof(Run));

    /// <summary>Runs ops up to <paramref name="stop"/>. Null: the instruction left (fault, cut), everything is in memory.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Op* Run(GuestCpu* cpu, Op* op, Op* stop)
    {
        do
        {
            op = op->Handler(cpu, op);
        }
        while (op != null && op != stop);

        return op;
    }

    /// <summary>The op behind the instruction's own: where its handler hands over, and <see cref="Run"/> stops.</summary>
    public static Op* Stop(GuestCpu* cpu, Op* op) => op;

    /// <summary>Emits the instruction; false if it ends its block, which the region then leaves to the interpreter.</summary>
    public static bool TryEmit(RegionContext c, in Instruction i, OpWriter writer, List<nint> allocations, ushort written)
    {
        Lower? lower = LoweringTable.Find(i);
        if (lower == null)
        {
            return false;
        }

        writer.Begin(c.Plan.Mode);
        writer.BeginInstruction(i);
        lower(writer, i);
        if (writer.Ended)
        {
            return false;
        }

        Op* ops = Place(c, writer, allocations, out int count);
        ILGenerator il = c.Il;

        // (RCL and RCR once all the way round write OF, though the tables say that they do nothing. DF is not among the flags that wait to be worked out.)
        bool touchesFlags = ((i.RflagsRead & ~RflagsBits.DF) | i.RflagsModified) != RflagsBits.None || i.Mnemonic is Mnemonic.Rcl or Mnemonic.Rcr;

        c.SettleEntry();

        // What the flags depend on has to outlive the registers that are read back afterwards.
        c.KeepFlags = !touchesFlags;
        for (int r = 0; r < 8; r++)
        {
            if ((written & (1 << r)) != 0 && c.Has(r))
            {
                c.OverwriteRegister(r, lowByteStays: false);
            }
        }

        Label? done = StringEmitter.IsRepeated(i) ? StringEmitter.Begin(c, i) : null;
        c.Exits.SpillRegisters();
        if (touchesFlags)
        {
            c.Exits.SpillFlagsSettled();
        }
        else
        {
            c.Exits.SpillFlagsDeferred();
        }

        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldc_I8, (long)ops);
        il.Emit(OpCodes.Conv_I);
        if (count == 1)
        {
            il.Emit(OpCodes.Ldc_I8, (long)ops->Handler);
            il.Emit(OpCodes.Conv_I);
            il.EmitCalli(OpCodes.Calli, CallingConventions.Standard, typeof(nint), [typeof(nint), typeof(nint)], null);
        }
        else
        {
            il.Emit(OpCodes.Ldc_I8, (long)(ops + count));
            il.Emit(OpCodes.Conv_I);
            il.Emit(OpCodes.Call, s_run);
        }

        c.Onward.LeftUnless(OpCodes.Brtrue);
        for (int r = 0; r < 8; r++)
        {
            if ((written & (1 << r)) != 0 && c.Has(r))
            {
                c.LoadRegisterFromMemory(r);
            }
        }

        if (touchesFlags)
        {
            c.LoadFlagsFromMemory();
        }

        c.Simd.Forget();
        if (MayWriteXmm(i))
        {
            c.Simd.LoadAll();
        }

        // Iterations of string instructions are charged as they go.
        c.LoadBudget();
        if (done is { } label)
        {
            il.MarkLabel(label);
        }

        return true;
    }

    private static bool MayWriteXmm(in Instruction i) =>
        i.Mnemonic == Mnemonic.Fxrstor || (i.OpCount > 0 && i.GetOpKind(0) == OpKind.Register && i.GetOpRegister(0).IsXMM());

    /// <summary>Copies the ops just written to memory that the method owns, with room for some more behind them.</summary>
    public static Op* Copy(OpWriter writer, List<nint> allocations, int room)
    {
        var ops = (Op*)HostAllocations.Take((nuint)((writer.Length + room) * sizeof(Op)), (nuint)sizeof(Op));
        allocations.Add((nint)ops);
        writer.Ops.CopyTo(new Span<Op>(ops, writer.Length));
        return ops;
    }

    private static Op* Place(RegionContext c, OpWriter writer, List<nint> allocations, out int count)
    {
        count = writer.Length;
        Op* ops = Copy(writer, allocations, room: 1);
        for (int k = 0; k < count; k++)
        {
            ops[k].Remaining = (ushort)c.Remaining;
        }

        ops[count] = new Op { Handler = &Stop };
        return ops;
    }
}
