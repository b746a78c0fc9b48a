using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>The op before the first instruction of every block: budget and safepoint.</summary>
internal static unsafe class BlockHead
{
    /// <summary>Charges the whole block (Immediate: its instructions), or leaves if that is too much or somebody asks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* Enter(GuestCpu* cpu, Op* op)
    {
        long left = cpu->BudgetLeft - op->Immediate;
        if (left < 0 || Volatile.Read(ref cpu->Attention) != 0)
        {
            return Refuse(cpu, op);
        }

        cpu->BudgetLeft = left;
        return Flow.Next(cpu, op);
    }

    /// <summary>What the head of an invalidated block has become: the dispatcher finds the block that is there now.</summary>
    public static Op* Stale(GuestCpu* cpu, Op* op)
    {
        cpu->Eip = op->Eip;
        return Flow.Dispatch(cpu);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* Refuse(GuestCpu* cpu, Op* op)
    {
        cpu->Eip = op->Eip;
        cpu->Exit = ExitReason.Budget;
        return null;
    }
}
