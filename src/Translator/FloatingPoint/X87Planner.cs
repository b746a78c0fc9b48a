using Iced.Intel;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Interpreter.FloatingPoint;
using Lguest.Jit.Translator.Emit;
using FlowControl = Iced.Intel.FlowControl;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>
/// Finds the runs of a block. A run grows over whatever integer instructions may go ahead of it: those that have a template,
/// and whose memory accesses, if any, cannot meet those of the x87 instructions that wait.
/// </summary>
internal sealed class X87Planner
{
    /// <summary>Keeps a thunk well below a microsecond: no collection can begin while one runs.</summary>
    private const int MaximumCost = 80;

    private const int WindowBytes = 256;
    private const uint PageMask = ~0xFFFu;

    private readonly Optimisations _optimisations;
    private readonly RegisterUse _use = new();
    private readonly int[] _versions = new int[8];
    private X87Run? _open;

    public X87Planner(Optimisations optimisations) => _optimisations = optimisations;

    /// <summary>The runs of a block, in order.</summary>
    /// <param name="code">The block.</param>
    /// <param name="isPlain">Does an instruction have no memory operand, or a flat one with a 32-bit address?</param>
    public List<X87Run> Plan(Instruction[] code, Func<Instruction, bool> isPlain)
    {
        var runs = new List<X87Run>();
        Array.Clear(_versions);
        _open = null;
        for (int i = 0; i < code.Length; i++)
        {
            Instruction instruction = code[i];
            bool ends = i == code.Length - 1 && instruction.FlowControl != FlowControl.Next;
            if (ends || !isPlain(instruction))
            {
                _open = null;
            }
            else if (IsCandidate(instruction, out X87Operation operation))
            {
                if (_open == null || !TryAdd(_open, i, instruction, operation))
                {
                    _open = new X87Run();
                    runs.Add(_open);
                    if (!TryAdd(_open, i, instruction, operation))
                    {
                        throw new InvalidOperationException($"No run can begin with {instruction} at 0x{instruction.IP32:x}.");
                    }
                }

                // What compilers put behind FCOMI, to pop the other operand, may come along.
                if (X87Traits.Compares(operation) && operation.Kind != X87Kind.CompareToFlags)
                {
                    _open = null;
                }
            }
            else if (_open != null && !MayGoAhead(_open, instruction))
            {
                _open = null;
            }

            ushort written = _use.Of(instruction).Written;
            for (int r = 0; r < 8; r++)
            {
                _versions[r] += (written >> r) & 1;
            }
        }

        return runs;
    }

    /// <summary>An x87 instruction that a thunk can execute.</summary>
    public static bool IsCandidate(in Instruction i, out X87Operation operation)
    {
        operation = default;
        if (!IsX87(i))
        {
            return false;
        }

        ushort bytes = EscapeBytes.Of(i);
        operation = X87Decoder.Classify((byte)(bytes >> 8), (byte)bytes);
        return X87Traits.CanBeInThunk(operation);
    }

    /// <summary>One of D8..DF.</summary>
    public static bool IsX87(in Instruction i) => EscapeBytes.Has(i.Code);

    private bool TryAdd(X87Run run, int index, in Instruction instruction, in X87Operation operation)
    {
        X87Address address = operation.Width == 0 ? default : AddressOf(instruction);
        var element = new X87Element(index, run.Elements.Count, instruction, operation, address);
        int cost = X87Traits.Cost(operation);
        bool isMove = operation.Width == 0 && !X87Traits.CanRaise(operation);
        if (run.Cost + cost > MaximumCost || (run.SetsFlags && !isMove))
        {
            return false;
        }

        List<X87Window>? windows = operation.Width == 0 ? run.Windows : Windows([.. run.Elements, element]);
        if (windows.Count > FpuThunkState.MaximumWindows || !run.Stack.TryApply(operation))
        {
            return false;
        }

        run.Elements.Add(element);
        run.Cost += cost;
        run.Windows = windows;
        foreach (X87Element member in run.Elements)
        {
            Assign(member, windows);
        }

        return true;
    }

    private X87Address AddressOf(in Instruction i) => new(
        i.MemoryBase,
        Version(i.MemoryBase),
        i.MemoryIndex,
        Version(i.MemoryIndex),
        i.MemoryIndex == Register.None ? 1 : i.MemoryIndexScale);

    private int Version(Register register) => register == Register.None ? 0 : _versions[RegionContext.RegisterNumber(register)];

    /// <summary>Puts operands off the same registers together as far as they lie in <see cref="WindowBytes"/>.</summary>
    private List<X87Window> Windows(List<X87Element> elements)
    {
        var windows = new List<X87Window>();
        IEnumerable<X87Element> operands = elements.Where(static e => e.Operation.Width != 0);
        foreach (IGrouping<X87Address, X87Element> group in operands.GroupBy(static e => e.Address))
        {
            uint start = 0;
            int size = 0;
            bool write = false;
            Instruction sample = default;

            // In the order of addresses, as they wrap around.
            foreach (X87Element e in group.OrderBy(static e => (int)e.Instruction.MemoryDisplacement32))
            {
                uint displacement = e.Instruction.MemoryDisplacement32;
                int end = (int)(displacement - start) + e.Operation.Width;
                if (size != 0 && MayJoin(group.Key, start, displacement, size, end, e.Operation))
                {
                    size = Math.Max(size, end);
                    write |= e.Operation.IsStore;
                    continue;
                }

                Finish();
                (start, size, write, sample) = (displacement, e.Operation.Width, e.Operation.IsStore, e.Instruction);
            }

            Finish();

            void Finish()
            {
                if (size != 0)
                {
                    windows.Add(new X87Window(windows.Count, group.Key, sample, start, size, write));
                }
            }
        }

        return windows;
    }

    /// <summary>The same bytes always; others with one check only if that is wanted, and never a page more than needed.</summary>
    private bool MayJoin(in X87Address address, uint start, uint displacement, int size, int end, in X87Operation op)
    {
        bool absolute = address.Base == Register.None && address.Index == Register.None;
        bool same = displacement == start && op.Width == size;
        return same || (_optimisations.X87Windows && end <= WindowBytes && !(absolute && ((start ^ (start + (uint)end - 1)) & PageMask) != 0));
    }

    private static void Assign(X87Element element, List<X87Window> windows)
    {
        if (element.Operation.Width == 0)
        {
            return;
        }

        element.Window = windows.First(w => w.Holds(element));
        element.Window.FirstElement = Math.Min(element.Window.FirstElement, element.Number);
    }

    /// <summary>
    /// May an integer instruction be executed before the x87 instructions in front of it? It has to have a template, and it must not
    /// access what they write. What they read is copied if need be. Where it leaves, they are executed on the way out.
    /// </summary>
    private bool MayGoAhead(X87Run run, in Instruction i)
    {
        if (run.SetsFlags)
        {
            return false;
        }

        if (i.Mnemonic == Mnemonic.Wait)
        {
            return true;
        }

        if (!_optimisations.X87Interleaving || !HasTemplate(i))
        {
            return false;
        }

        int memory = Array.FindIndex([i.Op0Kind, i.Op1Kind, i.Op2Kind], static kind => kind == OpKind.Memory);
        if (memory < 0 || memory >= i.OpCount || i.Mnemonic is Mnemonic.Lea or Mnemonic.Nop)
        {
            return true;
        }

        bool write = memory == 0 && i.Mnemonic is not (Mnemonic.Cmp or Mnemonic.Test);
        X87Address address = AddressOf(i);
        uint displacement = i.MemoryDisplacement32;
        int size = i.MemorySize.GetSize();
        List<X87Element> met = run.Elements.FindAll(
            e => e.Operation.Width != 0 && (write || e.Operation.IsStore) && !AreApart(e, address, displacement, size));
        return met.Count == 0 || (write && TryCopy(run, met));
    }

    /// <summary>
    /// Has operands copied where their instructions stand, so that they may be overwritten before the thunk reads them. No element in
    /// front of them may store anything, or they would have to read what is not there yet.
    /// </summary>
    private static bool TryCopy(X87Run run, List<X87Element> operands)
    {
        int firstStore = run.Elements.FindIndex(static e => e.Operation.IsStore);
        int next = run.Elements.Count(static e => e.Copy != null);
        List<X87Element> more = operands.FindAll(static e => e.Copy == null);
        bool possible = next + more.Count <= FpuThunkState.MaximumCopies && operands.TrueForAll(
            e => e.Operation.IsLoad && e.Operation.Width <= sizeof(ulong) && (firstStore < 0 || e.Number < firstStore));
        foreach (X87Element e in possible ? more : [])
        {
            e.Copy = next++;
        }

        return possible;
    }

    /// <summary>Off the same registers, and not overlapping.</summary>
    private static bool AreApart(X87Element e, in X87Address address, uint displacement, int size) =>
        e.Address == address
        && displacement - e.Instruction.MemoryDisplacement32 >= e.Operation.Width
        && e.Instruction.MemoryDisplacement32 - displacement >= (uint)size;

    /// <summary>Instructions that the emitters never leave to a handler.</summary>
    private static bool HasTemplate(in Instruction i)
    {
        for (int k = 0; k < i.OpCount; k++)
        {
            if (i.GetOpKind(k) == OpKind.Register && !OpWriter.IsGeneral(i.GetOpRegister(k)))
            {
                return false;
            }
        }

        return i.Mnemonic switch
        {
            Mnemonic.Mov or Mnemonic.Movzx or Mnemonic.Movsx or Mnemonic.Lea or Mnemonic.Nop or Mnemonic.Cdq or Mnemonic.Cwde => true,
            Mnemonic.Add or Mnemonic.Sub or Mnemonic.Cmp or Mnemonic.And or Mnemonic.Or or Mnemonic.Xor or Mnemonic.Test => true,
            Mnemonic.Inc or Mnemonic.Dec or Mnemonic.Neg or Mnemonic.Not => true,
            Mnemonic.Shl or Mnemonic.Shr or Mnemonic.Sar => i.GetOpKind(1) != OpKind.Register,
            Mnemonic.Imul => i.OpCount >= 2 && i.GetOpRegister(0).GetSize() == 4,
            _ => false,
        };
    }
}
