using System.Diagnostics;
using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Core.Traps;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>What a tiered engine does between two blocks.</summary>
internal unsafe delegate void TierHook(GuestCpu* cpu);

/// <summary>Is told of a block that is about to run.</summary>
internal unsafe delegate void BlockVisitor(GuestBlock* block);

/// <summary>
/// The pre-decoding threaded interpreter: the engine of <c>--engine interpreter</c>, the first tier of the translator, and
/// its oracle.
/// </summary>
internal sealed unsafe class InterpreterEngine : IExecutionEngine
{
    /// <summary>
    /// Instructions that are handed out at once (<see cref="GuestCpu.BudgetLeft"/>). Translated code looks at nothing but what is left of them, and when they
    /// are used up we look who wants the Guest's attention: often enough for a timer, too seldom to be felt.
    /// </summary>
    private const long Slice = 16384;

    private readonly BlockCache _cache;
    private readonly int _blockLimit;
    private long _beyond;

    /// <param name="machine">What to run. One engine a machine.</param>
    /// <param name="blockLimit">Instructions a block may have; 1 makes every instruction a block of its own (for tests).</param>
    public InterpreterEngine(GuestMachine machine, int blockLimit = OpWriter.MaximumInstructions)
    {
        _cache = new BlockCache(machine);
        _blockLimit = blockLimit;
    }

    public BlockCache Cache => _cache;

    /// <summary>Called between blocks when one has become hot (<see cref="ExitReason.Hot"/>), with eip at it.</summary>
    public TierHook? Tier { get; init; }

    /// <summary>Called between blocks after a miss that somebody wants to learn from (<see cref="GuestCpu.MissRecord"/>).</summary>
    public TierHook? Missed { get; init; }

    /// <summary>Called between blocks when translated code has used up its slice of the budget, with eip where it would go on.</summary>
    public TierHook? SliceEnded { get; init; }

    /// <summary>Blocks that are to be interpreted one by one from here, whatever their heads lead to, so that <see cref="Visitor"/> sees the way that the Guest takes.</summary>
    public int Steps { get; set; }

    /// <summary>Is told of them.</summary>
    public BlockVisitor? Visitor { get; init; }

    /// <summary>Called between blocks when <see cref="AttentionBits.Engine"/> has been raised.</summary>
    public TierHook? Settle { get; init; }

    /// <inheritdoc/>
    public ExitReason Run(GuestCpu* cpu, long budget)
    {
        cpu->RunBudget = 0;
        cpu->BudgetLeft = 0;
        _beyond = budget;
        cpu->Cut = ExitReason.Continue;
        cpu->PendingLink = null;
        cpu->Tier = ExecutionTier.Interpreter;
        ExitReason reason;
        do
        {
            reason = Step(cpu);
        }
        while (reason is ExitReason.Continue or ExitReason.BlockCut || (reason == ExitReason.Fault && DirectTraps.TryDeliverFault(cpu)));

        DeferredFlags.Settle(cpu);

        // Not the budget we were given: a hypercall made on the way has settled the count up to there.
        cpu->Retired += cpu->RunBudget - cpu->BudgetLeft;
        cpu->RunBudget = 0;
        cpu->BudgetLeft = 0;
        cpu->Tier = ExecutionTier.Switcher;
        return reason;
    }

    /// <inheritdoc/>
    public void Forget(bool exactly) => _cache.Reset();

    public void Dispose() => _cache.Dispose();

    private ExitReason Step(GuestCpu* cpu)
    {
        if (cpu->BudgetLeft <= 0)
        {
            // Not at the very start of a run: who leaves often comes by the Host's own timer often enough, and must not pay for a look at the clock each time.
            if (cpu->RunBudget != 0 && AlarmRings(cpu))
            {
                return ExitReason.Attention;
            }

            if (!TakeSlice(cpu))
            {
                return ExitReason.Budget;
            }
        }

        int attention = Volatile.Read(ref cpu->Attention);
        if (attention == AttentionBits.Engine)
        {
            // Down first: what is raised from here on is found by the hook, or brings us back.
            _ = Interlocked.CompareExchange(ref cpu->Attention, 0, AttentionBits.Engine);
            Settle?.Invoke(cpu);
        }
        else if (attention != 0)
        {
            return ExitReason.Attention;
        }

        if ((cpu->SystemFlags & Eflags.Trap) != 0)
        {
            return SingleStep(cpu);
        }

        if (_blockLimit < OpWriter.MaximumInstructions || !_cache.IsCacheable)
        {
            return RunPartial(cpu, (int)Math.Min(cpu->BudgetLeft, _blockLimit));
        }

        GuestBlock* block = _cache.Find();
        if (block == null)
        {
            return cpu->Exit;
        }

        Execute(cpu, block->Head);
        while (cpu->Exit == ExitReason.Miss)
        {
            if (cpu->MissRecord != 0)
            {
                Missed?.Invoke(cpu);
            }

            // The interpreter's turn, whatever the head of that block leads to.
            block = _cache.Find();
            if (block == null)
            {
                return cpu->Exit;
            }

            Op* op = BlockHead.Enter(cpu, block->Head);
            if (op != null)
            {
                Execute(cpu, op);
            }
        }

        switch (cpu->Exit)
        {
            case ExitReason.Hot:
                Tier?.Invoke(cpu);
                return ExitReason.Continue;
            case ExitReason.Budget when Volatile.Read(ref cpu->Attention) == 0:
                // A head refused because less than its block is left; a region, because less than its longest way is.
                SliceEnded?.Invoke(cpu);
                if (AlarmRings(cpu))
                {
                    return ExitReason.Attention;
                }

                if (!TakeSlice(cpu))
                {
                    return ExitReason.Budget;
                }

                if (Steps > 0 && cpu->BudgetLeft > Slice / 8)
                {
                    return WalkPath(cpu);
                }

                if (cpu->BudgetLeft > Slice / 2)
                {
                    // More than any region may want.
                    return ExitReason.Continue;
                }

                block = _cache.Find();
                if (block == null)
                {
                    return cpu->Exit;
                }

                if (block->Count <= cpu->BudgetLeft)
                {
                    Op* body = BlockHead.Enter(cpu, block->Head);
                    if (body != null)
                    {
                        Execute(cpu, body);
                    }

                    return Resume(cpu);
                }

                return RunPartial(cpu, (int)Math.Min(cpu->BudgetLeft, OpWriter.MaximumInstructions));
            case ExitReason.Budget:
                // The next step returns attention or budget.
                return ExitReason.Continue;
            default:
                return cpu->Exit;
        }
    }

    /// <summary>Runs blocks one by one: each gets the budget that it wants, so the head of the next one refuses.</summary>
    private ExitReason WalkPath(GuestCpu* cpu)
    {
        for (int left = Steps; left > 0; left--)
        {
            if (Volatile.Read(ref cpu->Attention) != 0 || (cpu->SystemFlags & Eflags.Trap) != 0 || !_cache.IsCacheable)
            {
                break;
            }

            GuestBlock* block = _cache.Find();
            if (block == null)
            {
                Steps = 0;
                return cpu->Exit;
            }

            long rest = cpu->BudgetLeft - block->Count;
            if (rest < 0)
            {
                break;
            }

            Visitor?.Invoke(block);
            cpu->BudgetLeft = block->Count;
            cpu->RunBudget -= rest;
            Op* op = BlockHead.Enter(cpu, block->Head);
            if (op != null)
            {
                Execute(cpu, op);
            }

            cpu->RunBudget += rest;
            cpu->BudgetLeft += rest;
            ExitReason reason = Resume(cpu);
            if (reason != ExitReason.Continue)
            {
                Steps = 0;
                return reason;
            }
        }

        Steps = 0;
        return ExitReason.Continue;
    }

    /// <summary>
    /// The Host's timer wakes a thread of ours, which then has to get a processor; with the compiler busy on the other one that can take milliseconds. A slice takes
    /// microseconds, and a look at the clock a hundredth of that.
    /// </summary>
    private static bool AlarmRings(GuestCpu* cpu) => cpu->Alarm != 0 && Stopwatch.GetTimestamp() >= cpu->Alarm;

    /// <summary>Fills up what is left of a slice; false: that is nothing, and there is no more.</summary>
    private bool TakeSlice(GuestCpu* cpu)
    {
        long taken = Math.Min(_beyond, Slice - cpu->BudgetLeft);
        _beyond -= taken;
        cpu->BudgetLeft += taken;
        cpu->RunBudget += taken;
        cpu->LoopMark = 0;
        return cpu->BudgetLeft > 0;
    }

    private ExitReason RunPartial(GuestCpu* cpu, int limit)
    {
        Op* op = _cache.BuildPartial(limit);
        if (op == null)
        {
            return cpu->Exit;
        }

        Execute(cpu, op);
        _cache.EndPartial();
        return Resume(cpu);
    }

    /// <summary>What an exit from blocks entered one by one means to the loop in <see cref="Run"/>.</summary>
    private ExitReason Resume(GuestCpu* cpu)
    {
        switch (cpu->Exit)
        {
            case ExitReason.Hot:
                // An indirect branch goes through the jump cache, and from there to heads that count, or are translated.
                Tier?.Invoke(cpu);
                return ExitReason.Continue;
            case ExitReason.Budget or ExitReason.Miss:
                return ExitReason.Continue;
            default:
                return cpu->Exit;
        }
    }

    /// <summary>
    /// EFLAGS.TF: one instruction (one iteration of a rep string), then #DB. A budget of one makes the string instruction
    /// stop by itself. Behind a load of SS there is no #DB, so that nobody sees the new SS with the old ESP; behind the second
    /// of two there is (SDM vol. 3, §6.8.3).
    /// </summary>
    private ExitReason SingleStep(GuestCpu* cpu)
    {
        long rest = cpu->BudgetLeft - 1;
        cpu->BudgetLeft = 1;
        cpu->RunBudget -= rest;
        ExitReason reason = RunPartial(cpu, 1);
        bool completed = cpu->BudgetLeft == 0;
        cpu->RunBudget += rest;
        cpu->BudgetLeft += rest;
        bool withheld = cpu->Retired + cpu->RunBudget - cpu->BudgetLeft == cpu->StackShadowAt;
        return !withheld && completed && reason is ExitReason.Continue or ExitReason.BlockCut or ExitReason.DeviceAccess ? ExitReason.SingleStep : reason;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Execute(GuestCpu* cpu, Op* op)
    {
        do
        {
            op = op->Handler(cpu, op);
        }
        while (op != null);
    }
}
