using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>What is asked of a register's tag where a run begins.</summary>
internal enum X87Need : byte
{
    /// <summary>The run does not touch it.</summary>
    Nothing,

    /// <summary>It is read before it is written.</summary>
    Full,

    /// <summary>It is pushed onto.</summary>
    Empty,
}

/// <summary>
/// The register stack as far as it is known while a run of instructions is followed on paper. Registers are numbered from the stack top
/// at the start of the run: cell i is what ST(i) was there, whatever TOP may be when the run executes.
/// </summary>
internal sealed class X87Stack
{
    private const int Cells = 8;

    private readonly X87Need[] _needs = new X87Need[Cells];
    private readonly bool[] _full = new bool[Cells];
    private readonly int[] _values = [0, 1, 2, 3, 4, 5, 6, 7];
    private int _nextValue = Cells;

    /// <summary>The cell that is ST(0) now.</summary>
    public int Top { get; private set; }

    /// <summary>The cell of ST(<paramref name="index"/>) now.</summary>
    public int Cell(int index) => (Top + index) & (Cells - 1);

    public X87Need Need(int cell) => _needs[cell];

    /// <summary>Is the cell in use now? Of cells that have been touched only.</summary>
    public bool IsFull(int cell) => _full[cell];

    /// <summary>Does the cell hold something else than where the run began?</summary>
    public bool IsChanged(int cell) => _values[cell] != cell;

    /// <summary>Follows one instruction; false, and nothing has happened, if it is bound to meet an empty register or a full one.</summary>
    public bool TryApply(in X87Operation op)
    {
        (bool readsIndex, bool pushes) = (ReadsIndex(op), X87Traits.Pushes(op));
        bool readsTop = !pushes;
        int target = Cell(Cells - 1);
        if ((readsTop && IsKnown(Cell(0), full: false)) || (readsIndex && IsKnown(Cell(op.Index), full: false)) || (pushes && IsKnown(target, full: true)))
        {
            return false;
        }

        if (readsTop)
        {
            Touch(Cell(0), X87Need.Full);
        }

        if (readsIndex)
        {
            Touch(Cell(op.Index), X87Need.Full);
        }

        if (pushes)
        {
            Touch(target, X87Need.Empty);
            Top = target;
            _full[target] = true;
            _values[target] = _nextValue++;
            return true;
        }

        if (op.Kind == X87Kind.Exchange)
        {
            (_values[Cell(0)], _values[Cell(op.Index)]) = (_values[Cell(op.Index)], _values[Cell(0)]);
        }
        else if (X87Traits.Writes(op) is { } written)
        {
            _values[Cell(written)] = _nextValue++;
        }

        for (int i = 0; i < op.Pops; i++)
        {
            _full[Top] = false;
            Top = Cell(1);
        }

        return true;
    }

    /// <summary>FST ST(i) reads its destination as well, for us: it has to be there, so that both can be found in the Host's stack.</summary>
    public static bool ReadsIndex(in X87Operation op) =>
        op.Kind is X87Kind.LoadRegister or X87Kind.StoreRegister or X87Kind.Arithmetic or X87Kind.Compare or X87Kind.CompareToFlags or X87Kind.Exchange;

    private bool IsKnown(int cell, bool full) => _needs[cell] != X87Need.Nothing && _full[cell] == full;

    private void Touch(int cell, X87Need need)
    {
        if (_needs[cell] == X87Need.Nothing)
        {
            _needs[cell] = need;
            _full[cell] = need == X87Need.Full;
        }
    }
}
