using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;
using Lguest.Jit.Core.Traps;

namespace Lguest.Jit.Core.Interpreter.SystemLevel;

/// <summary>INT n, INT3, INT1, INTO: what cannot be delivered on the spot is the Switcher's to decide.</summary>
internal static unsafe class SoftwareInterrupts
{
    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Int] = static (OpWriter w, in Instruction i) => Emit(w, i.Immediate8);
        table[(int)Mnemonic.Int3] = static (OpWriter w, in Instruction _) => Emit(w, Vectors.Breakpoint);
        table[(int)Mnemonic.Int1] = static (OpWriter w, in Instruction _) => Emit(w, Vectors.Debug);
        table[(int)Mnemonic.Into] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Bind(typeof(TrapHandlers), nameof(TrapHandlers.Overflow)));
    }

    /// <summary>Asks for vector <paramref name="vector"/> on behalf of the instruction at <paramref name="op"/>. Always false.</summary>
    public static bool Raise(GuestCpu* cpu, Op* op, int vector)
    {
        cpu->Exit = ExitReason.SoftwareInterrupt;
        cpu->FaultVector = vector;
        cpu->TrapLength = op->Length;
        return false;
    }

    private static void Emit(OpWriter w, int vector)
    {
        string handler = vector == Vectors.Hypercall ? nameof(TrapHandlers.Hypercall) : nameof(TrapHandlers.Interrupt);
        ref Op op = ref w.Emit(HandlerBinder.Bind(typeof(TrapHandlers), handler));
        op.Immediate = (uint)vector;

        // A hypercall goes on behind itself, a trap at a handler that is known when it is taken.
        w.EmitLink(op.NextEip);
        w.Ended = true;
    }
}
