using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>What a block's head op is at the moment; kept in its <see cref="Op.Info"/>.</summary>
internal enum HeadKind : ushort
{
    /// <summary><see cref="BlockHead.Enter"/>.</summary>
    Plain,

    /// <summary><see cref="BlockHead.Count"/>.</summary>
    Counting,

    /// <summary>Leads into translated code; Displacement is the number of the entry.</summary>
    Translated,
}

/// <summary>The op before the first instruction of every block: budget and safepoint.</summary>
internal static unsafe class BlockHead
{
    /// <summary>Makes the head a plain one.</summary>
    public static void SetPlain(Op* head)
    {
        head->Handler = &Enter;
        head->Info = (ushort)HeadKind.Plain;
    }

    /// <summary>Makes the head count down from <paramref name="from"/> (≥ 1).</summary>
    public static void SetCounting(Op* head, uint from)
    {
        head->Displacement = from;
        head->Handler = &Count;
        head->Info = (ushort)HeadKind.Counting;
    }

    /// <summary>Makes the head lead into translated code.</summary>
    /// <param name="head">The head.</param>
    /// <param name="code">Host address of the code.</param>
    /// <param name="entry">Number of the entry, 0 to 255.</param>
    public static void SetTranslated(Op* head, nint code, uint entry)
    {
        head->Displacement = entry;
        head->Handler = (delegate*<GuestCpu*, Op*, Op*>)code;
        head->Info = (ushort)HeadKind.Translated;
    }

    /// <summary>The number of the entry that a translated head leads to.</summary>
    public static uint Entry(Op* head) => head->Displacement;

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
        DeferredFlags.Settle(cpu);
        return Flow.Next(cpu, op);
    }

    /// <summary>
    /// The same with a count: Displacement counts down to the moment when the block is worth compiling, which leaves to
    /// the engine with <see cref="ExitReason.Hot"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* Count(GuestCpu* cpu, Op* op)
    {
        return --op->Displacement == 0 ? Hot(cpu, op) : Enter(cpu, op);
    }

    /// <summary>Leaves before the block that this head stands for: it has been run often enough.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* Hot(GuestCpu* cpu, Op* op)
    {
        cpu->Eip = op->Eip;
        cpu->Exit = ExitReason.Hot;
        return null;
    }

    /// <summary>What the head of an invalidated block has become: the dispatcher finds the block that is there now.</summary>
    public static Op* Stale(GuestCpu* cpu, Op* op)
    {
        cpu->Eip = op->Eip;
        return Flow.Dispatch(cpu);
    }

    /// <summary>
    /// Makes the head of an invalidated block lead to its successor, which has the same key but would not fit into its memory:
    /// links that lead to the old one are good for the new one.
    /// </summary>
    public static void SetForward(Op* head, Op* successor)
    {
        // The ops behind the head are dead.
        *(Op**)(head + 1) = successor;
        head->Handler = &Forward;
    }

    private static Op* Forward(GuestCpu* cpu, Op* op)
    {
        Op* successor = *(Op**)(op + 1);
        return successor->Handler(cpu, successor);
    }

    /// <summary>Translated code behind this head wants the flags in another form. Then it gets them, and is entered once more.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static Op* Normalise(GuestCpu* cpu, Op* op)
    {
        DeferredFlags.Normalise(cpu);
        return op->Handler(cpu, op);
    }

    /// <summary>The same by way of whoever called: for code that does not chain.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Op* NormaliseAndReturn(GuestCpu* cpu, Op* op)
    {
        DeferredFlags.Normalise(cpu);
        return op;
    }

    /// <summary>Leaves before the block that this head stands for.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Op* Refuse(GuestCpu* cpu, Op* op)
    {
        cpu->Eip = op->Eip;
        cpu->LoopMark = 0;
        cpu->Exit = ExitReason.Budget;
        return null;
    }
}
