using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.SystemLevel;

/// <summary>INT n, INT3, INT1, INTO: the Switcher decides what becomes of them.</summary>
internal static unsafe class SoftwareInterrupts
{
    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Int] = static (OpWriter w, in Instruction i) => Emit(w, i.Immediate8);
        table[(int)Mnemonic.Int3] = static (OpWriter w, in Instruction _) => Emit(w, Vectors.Breakpoint);
        table[(int)Mnemonic.Int1] = static (OpWriter w, in Instruction _) => Emit(w, Vectors.Debug);
        table[(int)Mnemonic.Into] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(TrapOnOverflow)));
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
        w.Emit(HandlerBinder.Branch(typeof(TrapAlways))).Immediate = (uint)vector;
        w.Ended = true;
    }
}

/// <summary>INT n, INT3, INT1.</summary>
internal readonly unsafe struct TrapAlways : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op) => SoftwareInterrupts.Raise(cpu, op, (int)op->Immediate);
}

/// <summary>INTO.</summary>
internal readonly unsafe struct TrapOnOverflow : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op) => !LazyFlags.Overflow(cpu) || SoftwareInterrupts.Raise(cpu, op, Vectors.Overflow);
}
