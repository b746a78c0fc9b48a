using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>An instruction as a type with one method: how everything that is not hot enough for its own handler is written.</summary>
internal unsafe interface IInstruction
{
    /// <summary>
    /// Executes. False: a fault is recorded, no architectural state has changed (except what SDM lets a restartable
    /// instruction change). Instructions bound with <see cref="InstructionHandlers.Branch{T}"/> set <c>cpu->Eip</c>.
    /// </summary>
    static abstract bool Execute(GuestCpu* cpu, Op* op);
}

/// <summary>Makes handlers out of <see cref="IInstruction"/> types.</summary>
internal static unsafe class InstructionHandlers
{
    /// <summary>An instruction that goes on to the next one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* Plain<T>(GuestCpu* cpu, Op* op)
        where T : struct, IInstruction
    {
        if (!T.Execute(cpu, op))
        {
            return Flow.Faulted(cpu, op);
        }

        return cpu->Cut == ExitReason.Continue ? Flow.Next(cpu, op) : Flow.Leave(cpu, op);
    }

    /// <summary>
    /// An instruction that may change the mode, or set TF, but mostly does not: goes on to the next one if what the block was decoded
    /// for still holds, else leaves.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* ModeSensitive<T>(GuestCpu* cpu, Op* op)
        where T : struct, IInstruction
    {
        CpuMode mode = cpu->Mode;
        if (!T.Execute(cpu, op))
        {
            return Flow.Faulted(cpu, op);
        }

        bool same = cpu->Mode == mode && (cpu->SystemFlags & Eflags.Trap) == 0;
        return same && cpu->Cut == ExitReason.Continue ? Flow.Next(cpu, op) : Flow.Leave(cpu, op);
    }

    /// <summary>An instruction that ends its block and sets eip, or changes the mode; it leaves through the dispatcher.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* Branch<T>(GuestCpu* cpu, Op* op)
        where T : struct, IInstruction
    {
        if (!T.Execute(cpu, op))
        {
            return Flow.Faulted(cpu, op);
        }

        // A write on the way (a far call's frame, say) may have cut blocks or touched a device.
        cpu->Exit = cpu->Cut;
        cpu->Cut = ExitReason.Continue;
        return null;
    }
}
