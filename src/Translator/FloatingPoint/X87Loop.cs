using Iced.Intel;
using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>
/// Blocks that go in circles and consist of x87 instructions, simple integer ones and branches: one thunk runs all of it, for as long as the budget
/// lasts, with the register stack and the general registers in the Host's own.
/// </summary>
/// <param name="code">All blocks of the region.</param>
internal sealed class X87Loop(IReadOnlyList<Instruction[]> code)
{
    /// <summary>Numbers of the blocks in the region, in the order of emission.</summary>
    public required IReadOnlyList<int> Blocks { get; init; }

    /// <summary>Blocks that the thunk can be entered at, each a safepoint.</summary>
    public required IReadOnlyList<int> Entries { get; init; }

    /// <summary>What the register stack must be like.</summary>
    public required X87LoopStack Stack { get; init; }

    /// <summary>Bits of the general registers that it uses at all.</summary>
    public required ushort Used { get; init; }

    /// <summary>Bits of those that it changes.</summary>
    public required ushort Written { get; init; }

    /// <summary>Where the thunk can come back: it answers 1 + the number of the way, or 0 if it has done nothing.</summary>
    public List<X87LoopExit> Exits { get; } = [];

    /// <summary>Host address of the thunk, by block.</summary>
    public Dictionary<int, nint> Thunks { get; } = [];

    /// <summary>The instructions of a block.</summary>
    public Instruction[] Code(int block) => code[block];

    /// <summary>The number of a way out, a new one if need be.</summary>
    public int ExitNumber(X87LoopExit exit)
    {
        int number = Exits.IndexOf(exit);
        if (number < 0)
        {
            number = Exits.Count;
            Exits.Add(exit);
        }

        return number;
    }
}

/// <summary>A way out of a loop.</summary>
/// <param name="Eip">Where the Guest goes on.</param>
/// <param name="Remaining">
/// Instructions from there to the end of the block, which have been charged: a memory operand was not accessible, and it is the interpreter's turn.
/// 0: the loop has come to an end, or its budget has.
/// </param>
internal readonly record struct X87LoopExit(uint Eip, int Remaining);

/// <summary>The register stack at a point of a loop. Registers are cells, as in <see cref="X87Stack"/>, numbered from the top where the first entry begins.</summary>
/// <param name="Top">The cell that is ST(0).</param>
/// <param name="Full">Bits of the cells in use; of those that the loop touches at all.</param>
internal readonly record struct X87LoopState(int Top, int Full);

/// <summary>What is known of the register stack in a loop: on whatever way a block is reached, it is in the same state there.</summary>
internal sealed class X87LoopStack
{
    private const int Cells = 8;

    private readonly X87Need[] _needs = new X87Need[Cells];
    private readonly Dictionary<int, X87LoopState> _states = [];

    /// <summary>Bits of the cells that the loop touches.</summary>
    public int Touched => Bits(X87Need.Full) | Bits(X87Need.Empty);

    /// <summary>Bits of the cells that may get another value.</summary>
    public int Changed { get; private set; }

    /// <summary>The state at the start of a block.</summary>
    public X87LoopState this[int block] => _states[block];

    /// <summary>Follows a loop on all its ways; null: its stack depends on the way, or it is bound to meet an empty register or a full one.</summary>
    /// <param name="first">The block that cells are numbered from.</param>
    /// <param name="blocks">All blocks.</param>
    /// <param name="operations">The x87 operations of a block.</param>
    /// <param name="successors">The blocks of the loop that it leads to.</param>
    public static X87LoopStack? Follow(
        int first, IReadOnlyList<int> blocks, Func<int, IReadOnlyList<X87Operation>> operations, Func<int, IEnumerable<int>> successors)
    {
        // Whenever a cell is touched for the first time, all states in which it was untouched become more precise.
        var stack = new X87LoopStack();
        for (int known = -1; known != stack.Touched;)
        {
            known = stack.Touched;
            if (!stack.TryFollow(first, operations, successors))
            {
                return null;
            }
        }

        return blocks.All(stack._states.ContainsKey) ? stack : null;
    }

    /// <summary>The state behind an instruction; null: it meets an empty register or a full one.</summary>
    public X87LoopState? Behind(X87LoopState state, in X87Operation op)
    {
        int Cell(int index) => (state.Top + index) & (Cells - 1);

        if (X87Traits.Pushes(op))
        {
            int target = Cell(Cells - 1);
            bool readable = !X87Stack.ReadsIndex(op) || Expect(ref state, Cell(op.Index), full: true);
            if (!readable || !Expect(ref state, target, full: false))
            {
                return null;
            }

            Changed |= 1 << target;
            return new X87LoopState(target, state.Full | (1 << target));
        }

        if (!Expect(ref state, Cell(0), full: true) || (X87Stack.ReadsIndex(op) && !Expect(ref state, Cell(op.Index), full: true)))
        {
            return null;
        }

        if (op.Kind == X87Kind.Exchange)
        {
            Changed |= (1 << Cell(0)) | (1 << Cell(op.Index));
        }
        else if (X87Traits.Writes(op) is { } written)
        {
            Changed |= 1 << Cell(written);
        }

        for (int i = 0; i < op.Pops; i++)
        {
            if ((state.Full & (1 << state.Top)) == 0)
            {
                return null;
            }

            state = new X87LoopState(Cell(1), state.Full & ~(1 << state.Top));
        }

        return state;
    }

    private int Bits(X87Need need) => Enumerable.Range(0, Cells).Where(cell => _needs[cell] == need).Sum(static cell => 1 << cell);

    private bool Expect(ref X87LoopState state, int cell, bool full)
    {
        if (_needs[cell] == X87Need.Nothing)
        {
            _needs[cell] = full ? X87Need.Full : X87Need.Empty;
            state = state with { Full = full ? state.Full | (1 << cell) : state.Full & ~(1 << cell) };
        }

        return (state.Full & (1 << cell)) != 0 == full;
    }

    private bool TryFollow(int first, Func<int, IReadOnlyList<X87Operation>> operations, Func<int, IEnumerable<int>> successors)
    {
        int known = Touched;
        _states.Clear();
        _states[first] = new X87LoopState(0, Bits(X87Need.Full));
        var work = new Stack<int>([first]);
        while (work.TryPop(out int block))
        {
            X87LoopState state = _states[block];
            foreach (X87Operation op in operations(block))
            {
                if (Behind(state, op) is not { } next)
                {
                    return false;
                }

                state = next;
            }

            foreach (int successor in successors(block))
            {
                if (_states.TryAdd(successor, state))
                {
                    work.Push(successor);
                }
                else if (_states[successor] is var other && (other.Top != state.Top || ((other.Full ^ state.Full) & known) != 0))
                {
                    return false;
                }
            }
        }

        return true;
    }
}
