using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Strings;

/// <summary>
/// Runs string operations once or repeated. A repeated one is max(1, iterations) instructions (design §12.1) and can be
/// left between any two iterations, with eip still at it.
/// </summary>
/// <remarks>
/// The books: the block head has paid for one iteration. Each further one takes 1 from BudgetLeft, which therefore
/// never goes below zero here. Whoever leaves early gives back what the head paid for the rest of the block, and
/// for this instruction too if not one iteration was completed.
/// </remarks>
internal static unsafe class StringHandlers
{
    public static Op* Once<TOperation>(GuestCpu* cpu, Op* op)
        where TOperation : struct, IStringOperation
    {
        if (!TOperation.Step(cpu, op))
        {
            return Flow.Faulted(cpu, op);
        }

        return cpu->Cut == ExitReason.Continue ? Flow.Next(cpu, op) : Flow.Leave(cpu, op);
    }

    public static Op* Repeat<TOperation>(GuestCpu* cpu, Op* op)
        where TOperation : struct, IStringOperation
    {
        uint count = StringIndex.Get(cpu, op, Reg.Ecx);
        if (count == 0)
        {
            return Flow.Next(cpu, op);
        }

        uint flagsResult = cpu->FlagsResult;
        uint flagsAux = cpu->FlagsAux;
        uint paid = 1;
        while (true)
        {
            long allowed = Math.Max(1, cpu->BudgetLeft + paid);
            uint ran = TOperation.Bulk(cpu, op, (uint)Math.Min(count, allowed));
            if (ran == 0)
            {
                if (!TOperation.Step(cpu, op))
                {
                    // SDM vol. 2, REP: a fault in the middle leaves the flags as before the instruction.
                    cpu->FlagsResult = flagsResult;
                    cpu->FlagsAux = flagsAux;
                    cpu->Cut = ExitReason.Continue;
                    cpu->Eip = op->Eip;
                    cpu->BudgetLeft += op->Remaining - 1 + (long)paid;
                    return null;
                }

                ran = 1;
            }

            cpu->BudgetLeft -= ran - paid;
            paid = 0;
            count -= ran;
            SetCount(cpu, op, count);
            if (count == 0 || (TOperation.Compares && LazyFlags.Zero(cpu) != ((op->Traits & OpTraits.Rep) != 0)))
            {
                return cpu->Cut == ExitReason.Continue ? Flow.Next(cpu, op) : Flow.Leave(cpu, op);
            }

            if (cpu->BudgetLeft <= 0 || cpu->Cut != ExitReason.Continue || Volatile.Read(ref cpu->Attention) != 0)
            {
                return Unfinished(cpu, op);
            }
        }
    }

    /// <summary>Leaves between two iterations; the instruction is met again at the same eip with what is left of ECX.</summary>
    private static Op* Unfinished(GuestCpu* cpu, Op* op)
    {
        cpu->Eip = op->Eip;
        cpu->BudgetLeft += op->Remaining - 1;
        cpu->ResumeFlagAt = cpu->Retired + cpu->RunBudget - cpu->BudgetLeft;
        cpu->Exit = cpu->Cut != ExitReason.Continue ? cpu->Cut
            : cpu->BudgetLeft == 0 ? ExitReason.Budget : ExitReason.Continue;
        cpu->Cut = ExitReason.Continue;
        return null;
    }

    private static void SetCount(GuestCpu* cpu, Op* op, uint count) =>
        cpu->Gpr[Reg.Ecx] = (op->Traits & OpTraits.Address16) != 0 ? (cpu->Gpr[Reg.Ecx] & 0xFFFF0000) | count : count;
}
