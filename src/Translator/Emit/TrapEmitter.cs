using System.Reflection;
using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Core.Traps;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// INT n, IRET, the hypercall, SYSENTER and SYSEXIT at the end of a block: state goes to memory, and the interpreter's handler
/// delivers and says which block comes next. The region is left with its answer, as through a link.
/// </summary>
internal static unsafe class TrapEmitter
{
    /// <summary>Emits the last instruction of a block; false if it is none of these.</summary>
    public static bool TryEmit(RegionContext c, in Instruction i, OpWriter writer, List<nint> allocations)
    {
        if (Handler(i) is not { } handler)
        {
            return false;
        }

        writer.Begin(c.Plan.Mode);
        writer.BeginInstruction(i);
        LoweringTable.Find(i.Mnemonic)!(writer, i);

        // The op, and the slot behind it that is its inline cache; nobody else has them, so each place predicts for itself.
        Op* ops = Fallback.Copy(writer, allocations, room: 0);
        ops[0].Remaining = (ushort)c.Remaining;

        ILGenerator il = c.Il;
        c.Exits.SpillRegisters();
        c.Exits.SpillFlagsDeferred();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldc_I8, (long)ops);
        il.Emit(OpCodes.Conv_I);
        il.Emit(OpCodes.Call, handler);
        c.Onward.Chain();
        return true;
    }

    private static MethodInfo? Handler(in Instruction i) => i.Mnemonic switch
    {
        Mnemonic.Int when i.Immediate8 == Vectors.Hypercall => s_hypercall,
        Mnemonic.Int or Mnemonic.Int3 or Mnemonic.Int1 => s_interrupt,
        Mnemonic.Iretd => s_return,
        Mnemonic.Sysenter => s_enter,
        Mnemonic.Sysexit => s_exit,
        _ => null,
    };

    private static readonly MethodInfo s_hypercall = MethodNames.Find(typeof(TrapHandlers), nameof(TrapHandlers.Hypercall));
    private static readonly MethodInfo s_interrupt = MethodNames.Find(typeof(TrapHandlers), nameof(TrapHandlers.Interrupt));
    private static readonly MethodInfo s_return = MethodNames.Find(typeof(TrapHandlers), nameof(TrapHandlers.InterruptReturn));
    private static readonly MethodInfo s_enter = MethodNames.Find(typeof(FastSystemCall), nameof(FastSystemCall.Enter));
    private static readonly MethodInfo s_exit = MethodNames.Find(typeof(FastSystemCall), nameof(FastSystemCall.Exit));
}
