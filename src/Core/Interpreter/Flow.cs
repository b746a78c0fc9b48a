using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>The ways on from an op: to the next one, or out of the block.</summary>
internal static unsafe class Flow
{
    /// <summary>Goes on with the next op of the block. In tail position this compiles to a jump.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Op* Next(GuestCpu* cpu, Op* op) => (op + 1)->Handler(cpu, op + 1);

    /// <summary>The instruction did not complete; the fault record (or the kill) stands in the CPU.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Op* Faulted(GuestCpu* cpu, Op* op)
    {
        cpu->Eip = op->Eip;
        cpu->BudgetLeft += op->Remaining;
        return null;
    }

    /// <summary>
    /// The instruction completed after a cold access: goes on, unless that access asks to leave here (the block was cut,
    /// or a device was touched).
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Op* AfterCold(GuestCpu* cpu, Op* op) => cpu->Cut == ExitReason.Continue ? op + 1 : Leave(cpu, op);

    /// <summary>Leaves the block after this completed instruction, for the reason in <see cref="GuestCpu.Cut"/>.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Op* Leave(GuestCpu* cpu, Op* op)
    {
        cpu->Eip = op->NextEip;
        cpu->BudgetLeft += op->Remaining - 1;
        cpu->Exit = cpu->Cut;
        cpu->Cut = ExitReason.Continue;
        return null;
    }

    /// <summary>The instruction was the last of its block and has set eip itself: look the next block up.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Op* Dispatch(GuestCpu* cpu)
    {
        cpu->Exit = ExitReason.Continue;
        return null;
    }

    /// <summary>Instructions completed before the one at <paramref name="op"/>, for the time-stamp counter.</summary>
    public static long RetiredBefore(GuestCpu* cpu, Op* op) => cpu->Retired + cpu->RunBudget - (cpu->BudgetLeft + op->Remaining);
}
