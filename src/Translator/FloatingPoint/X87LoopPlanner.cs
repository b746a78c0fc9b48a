using Iced.Intel;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Translator.Emit;
using FlowControl = Iced.Intel.FlowControl;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>Finds the loops of a region that a thunk can run as a whole.</summary>
internal sealed class X87LoopPlanner
{
    private readonly IReadOnlyList<Instruction[]> _code;
    private readonly RegionGraph _graph;
    private readonly RegisterUse _use = new();
    private readonly bool[] _eligible;
    private readonly List<X87Operation>[] _operations;

    private X87LoopPlanner(IReadOnlyList<Instruction[]> code, RegionGraph graph)
    {
        _code = code;
        _graph = graph;
        _operations = [.. code.Select(static block => new List<X87Operation>())];
        _eligible = [.. code.Select((block, number) => IsEligible(block, _operations[number]))];
    }

    /// <summary>The loops of a region; no block is in two of them.</summary>
    public static List<X87Loop> Find(IReadOnlyList<Instruction[]> code, RegionGraph graph)
    {
        var loops = new List<X87Loop>();
        if (!code.Any(static block => Array.Exists(block, static i => X87Planner.IsX87(i))))
        {
            return loops;
        }

        var planner = new X87LoopPlanner(code, graph);
        foreach (int head in graph.Order)
        {
            if (planner._eligible[head] && graph.IsSafepoint(head) && (planner.TryPlan(head, inner: false) ?? planner.TryPlan(head, inner: true)) is { } loop)
            {
                loops.Add(loop);
                foreach (int block in loop.Blocks)
                {
                    planner._eligible[block] = false;
                }
            }
        }

        return loops;
    }

    private X87Loop? TryPlan(int head, bool inner)
    {
        HashSet<int> blocks = Circle(head, inner);
        List<int> order = _graph.Order.FindAll(blocks.Contains);
        if (order.Count == 0 || order.Sum(block => _operations[block].Count) < 2)
        {
            return null;
        }

        if (X87LoopStack.Follow(head, order, block => _operations[block], block => _graph.Successors(block).Where(blocks.Contains)) is not { } stack)
        {
            return null;
        }

        ushort used = 0;
        ushort written = 0;
        foreach (Instruction i in order.SelectMany(block => _code[block]))
        {
            (ushort u, ushort w) = _use.Of(i);
            used |= u;
            written |= w;
        }

        var loop = new X87Loop(_code)
        {
            Blocks = order,
            Entries = order.FindAll(_graph.IsSafepoint),
            Stack = stack,
            Used = (ushort)(used | written),
            Written = written,
        };

        // What it cannot do it finds out while it does it.
        bool possible = new X87LoopAssembler(new Assembler(64), loop, _graph).TryAssemble(out _);
        loop.Exits.Clear();
        return possible ? loop : null;
    }

    /// <summary>The blocks on circles through a block: all, or those that come back to it from behind, as an innermost loop does.</summary>
    private HashSet<int> Circle(int head, bool inner)
    {
        HashSet<int> ahead = Reach([head], block => _graph.Successors(block));
        if (inner)
        {
            List<int> backEdges = [.. ahead.Where(block => _graph.Successors(block).Contains(head) && _graph.Order.IndexOf(block) >= _graph.Order.IndexOf(head))];
            HashSet<int> body = Reach(backEdges, block => block == head ? [] : Predecessors(block));
            body.IntersectWith(ahead);
            return body.Contains(head) ? body : [];
        }

        HashSet<int> behind = Reach(Predecessors(head), Predecessors);
        behind.IntersectWith(ahead);
        return behind.Contains(head) ? behind : [];
    }

    private IEnumerable<int> Predecessors(int block) => Enumerable.Range(0, _code.Count).Where(from => _graph.Successors(from).Contains(block));

    private HashSet<int> Reach(IEnumerable<int> from, Func<int, IEnumerable<int>> next)
    {
        var seen = new HashSet<int>(from.Where(block => _eligible[block]));
        var work = new Stack<int>(seen);
        while (work.TryPop(out int block))
        {
            foreach (int other in next(block))
            {
                if (_eligible[other] && seen.Add(other))
                {
                    work.Push(other);
                }
            }
        }

        return seen;
    }

    private static bool IsEligible(Instruction[] block, List<X87Operation> operations)
    {
        for (int k = 0; k < block.Length; k++)
        {
            ref readonly Instruction i = ref block[k];
            if (!RegionEmitter.HasPlainMemory(i) || i.HasLockPrefix || i.HasRepPrefix || i.HasRepnePrefix)
            {
                return false;
            }

            if (X87Planner.IsCandidate(i, out X87Operation op))
            {
                // Old comparisons are for FNSTSW, which sees the Host's TOP.
                if (X87Traits.Compares(op) && op.Kind != X87Kind.CompareToFlags)
                {
                    return false;
                }

                operations.Add(op);
            }
            else if (i.FlowControl != FlowControl.Next ? !IsBranch(i) : !IsSimple(i))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsBranch(in Instruction i) => i.OpCount == 1 && i.GetOpKind(0) == OpKind.NearBranch32
        && (i.FlowControl == FlowControl.UnconditionalBranch || (i.FlowControl == FlowControl.ConditionalBranch && i.IsJccShortOrNear));

    /// <summary>Integer instructions that the Host has as well, and that cannot fail.</summary>
    private static bool IsSimple(in Instruction i)
    {
        if (i.Mnemonic == Mnemonic.Wait || (i.Mnemonic == Mnemonic.Nop && i.OpCount == 0))
        {
            return true;
        }

        bool extends = i.Mnemonic is Mnemonic.Movzx or Mnemonic.Movsx;
        for (int k = 0; k < i.OpCount; k++)
        {
            bool fits = i.GetOpKind(k) switch
            {
                OpKind.Register => i.GetOpRegister(k).IsGPR32() || (extends && k == 1 && i.GetOpRegister(k) is Register.AL or Register.CL or Register.DL or Register.BL),
                OpKind.Memory => i.Mnemonic == Mnemonic.Lea ? i.MemoryBase.IsGPR32() || i.MemoryIndex.IsGPR32() : extends || i.MemorySize.GetSize() == 4,
                OpKind.Immediate8 or OpKind.Immediate32 or OpKind.Immediate8to32 => true,
                _ => false,
            };
            if (!fits)
            {
                return false;
            }
        }

        return i.Mnemonic switch
        {
            Mnemonic.Mov or Mnemonic.Movzx or Mnemonic.Movsx or Mnemonic.Lea => true,
            Mnemonic.Add or Mnemonic.Sub or Mnemonic.Cmp or Mnemonic.And or Mnemonic.Or or Mnemonic.Xor or Mnemonic.Test => true,
            Mnemonic.Adc or Mnemonic.Sbb or Mnemonic.Inc or Mnemonic.Dec or Mnemonic.Neg or Mnemonic.Not => true,
            Mnemonic.Shl or Mnemonic.Shr or Mnemonic.Sar => i.GetOpKind(1) == OpKind.Immediate8 && (i.Immediate8 & 31) != 0,
            Mnemonic.Imul => i.OpCount >= 2 && i.GetOpKind(0) == OpKind.Register,
            _ => false,
        };
    }
}
