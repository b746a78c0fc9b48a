using Iced.Intel;
using Lguest.Jit.Translator.Discover;
using FlowControl = Iced.Intel.FlowControl;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// How the blocks of a region hang together: the order to emit them in (each behind what falls into it), the circles, the
/// entries, and the safepoints.
/// </summary>
internal sealed class RegionGraph
{
    /// <summary>Return sites compared one after the other; with more, they are looked up in a table.</summary>
    private const int MaximumComparedSites = 8;

    private readonly IReadOnlyList<Instruction[]> _code;
    private readonly Dictionary<uint, int> _number = [];
    private readonly List<int>[] _successors;
    private readonly int[] _predecessors;
    private readonly bool[] _mayLeave;
    private readonly bool[] _safepoint;
    private readonly int[] _longest;
    private readonly bool[] _inLoop;
    private readonly HashSet<int> _tabled = [];
    private readonly List<int> _sites = [];
    private readonly List<int> _callees = [];
    private readonly uint[] _likely;
    private readonly InlinedCalls? _inlined;

    public RegionGraph(RegionPlan plan, IReadOnlyList<Instruction[]> code, Optimisations optimisations)
    {
        _code = code;
        int count = code.Count;
        for (int i = 0; i < count; i++)
        {
            _number[plan.Blocks[i].Eip] = i;
        }

        _successors = new List<int>[count];
        _predecessors = new int[count];
        _mayLeave = new bool[count];
        _safepoint = new bool[count];
        _longest = new int[count];
        _inLoop = new bool[count];
        _likely = new uint[count];
        for (int i = 0; i < count; i++)
        {
            Connect(i);
        }

        if (optimisations.InlinedCalls && optimisations.ReturnSites && (plan.FollowsPaths || optimisations.InlinesAllCalls))
        {
            ConnectLikelyTargets(plan, optimisations);
            _inlined = new InlinedCalls(this, code, _likely);
            ConnectReturns();
        }
        else
        {
            FindSites(plan, optimisations);
        }

        Arrange();
        FindEntries();
        if (optimisations.AsksAtBlocks)
        {
            Array.Fill(_safepoint, true);
        }

        for (int i = 0; i < count; i++)
        {
            Longest(i);
            _inLoop[i] = ReachesItself(i);
            if (_safepoint[i])
            {
                LongestTail = Math.Max(LongestTail, _longest[i] - code[i].Length);
            }
        }
    }

    /// <summary>Instructions of a block.</summary>
    public int Length(int block) => _code[block].Length;

    /// <summary>Where a block starts.</summary>
    public uint Eip(int block) => _code[block][0].IP32;

    /// <summary>Block numbers in the order of emission; the seed first.</summary>
    public List<int> Order { get; } = [];

    /// <summary>Blocks that the method can be entered at, in the order of entry numbers; the seed first.</summary>
    public List<int> Entries { get; } = [0];

    /// <summary>Where calls of the region return to, if a return is to compare its target with them.</summary>
    public List<uint> ComparedSites { get; } = [];

    /// <summary>Where the return at the end of this block is likely to lead to, by numbers: it is at the end of functions that are called from there. Without it all returns compare with <see cref="ComparedSites"/>.</summary>
    public IReadOnlyList<int> SitesOf(int block) => _inlined?.Sites.GetValueOrDefault(block) ?? [];

    /// <summary>Does the block end with a call that comes back inside of the region?</summary>
    public bool IsInlinedCall(int block) => _inlined?.IsInlined(block) == true;

    /// <summary>Ways of calls and returns are ways as any other here: with them go what is known of flags and memory.</summary>
    public bool InlinesCalls => _inlined != null;

    /// <summary>Blocks that indirect branches and returns find through a table.</summary>
    public IReadOnlySet<int> Tabled => _tabled;

    /// <summary>Blocks that a branch (not a return or an indirect branch) leads to from <paramref name="block"/>.</summary>
    public IReadOnlyList<int> Successors(int block) => _successors[block];

    /// <summary>Can the end of the block lead out of the region, or to a place known only then?</summary>
    public bool MayLeave(int block) => _mayLeave[block];

    /// <summary>Blocks at whose start the Guest can be interrupted; there is one in every circle.</summary>
    public bool IsSafepoint(int block) => _safepoint[block];

    /// <summary>Is the block entered in one way only, so that what was known there is known here?</summary>
    public bool HasOneWayIn(int block) => _predecessors[block] == 1 && !_safepoint[block];

    /// <summary>The block at this address, if there is one, is reached from somewhere else as well.</summary>
    public void AddWayIn(uint eip)
    {
        if (_number.TryGetValue(eip, out int block))
        {
            _predecessors[block]++;
        }
    }

    /// <summary>Does the block lie on a circle, so that what it remembers serves it again?</summary>
    public bool IsInLoop(int block) => _inLoop[block];

    /// <summary>The most instructions that can run from the start of this block to the next safepoint or out of the region.</summary>
    public int LongestPath(int block) => _longest[block];

    /// <summary>The most instructions that can run behind a safepoint's own block before somebody asks for the budget again.</summary>
    public int LongestTail { get; private set; }

    /// <summary>Where the indirect branch at the end of a block is likely to lead to, if that is in the region; else 0.</summary>
    public uint LikelyTarget(int block) => _likely[block];

    /// <summary>The block that starts at this address, if it is in the region.</summary>
    public bool TryFind(uint eip, out int block) => _number.TryGetValue(eip, out block);

    /// <summary>The block that starts at this address; it is in the region.</summary>
    public int Find(uint eip) => _number[eip];

    private static bool IsRelative(in Instruction last) => last.OpCount > 0 && last.GetOpKind(0) == OpKind.NearBranch32;

    private void Connect(int block)
    {
        Instruction last = _code[block][^1];
        var to = new List<int>(2);
        _successors[block] = to;
        bool relative = IsRelative(last);
        switch (last.FlowControl)
        {
            case FlowControl.ConditionalBranch when relative:
                Add(last.NextIP32);
                Add(last.NearBranch32);
                break;
            case FlowControl.UnconditionalBranch or FlowControl.Call when relative:
                Add(last.NearBranch32);
                break;
            case FlowControl.Next:
                Add(last.NextIP32);
                break;
            default:
                _mayLeave[block] = true;
                break;
        }

        void Add(uint eip)
        {
            if (_number.TryGetValue(eip, out int successor))
            {
                to.Add(successor);
                _predecessors[successor]++;
            }
            else
            {
                _mayLeave[block] = true;
            }
        }
    }

    private void ConnectLikelyTargets(RegionPlan plan, Optimisations optimisations)
    {
        for (int i = 0; i < plan.Blocks.Count; i++)
        {
            if (optimisations.LikelyTargets && _number.TryGetValue(plan.Blocks[i].LikelyTarget, out int target))
            {
                _likely[i] = plan.Blocks[i].LikelyTarget;
                if (_code[i][^1].FlowControl != FlowControl.Return)
                {
                    _successors[i].Add(target);
                    _predecessors[target]++;
                }
            }
        }
    }

    private void ConnectReturns()
    {
        foreach ((int block, List<int> sites) in _inlined!.Sites)
        {
            foreach (int site in sites)
            {
                _successors[block].Add(site);
                _predecessors[site]++;
            }
        }
    }

    /// <summary>What returns and indirect branches of this region can lead to inside it.</summary>
    private void FindSites(RegionPlan plan, Optimisations optimisations)
    {
        for (int i = 0; i < _code.Count; i++)
        {
            Instruction last = _code[i][^1];
            bool call = last.FlowControl is FlowControl.IndirectCall || (last.FlowControl == FlowControl.Call && IsRelative(last));
            if (call && _number.TryGetValue(last.NextIP32, out int site) && !_sites.Contains(site))
            {
                _sites.Add(site);
            }
        }

        bool returns = _code.Any(static code => code[^1].FlowControl == FlowControl.Return);
        if (optimisations.ReturnSites && returns)
        {
            if (_sites.Count <= MaximumComparedSites || !optimisations.BranchTables)
            {
                ComparedSites.AddRange(_sites.Take(MaximumComparedSites).Select(site => plan.Blocks[site].Eip));
            }
            else
            {
                _tabled.UnionWith(_sites);
            }
        }

        if (optimisations.BranchTables)
        {
            for (int i = 0; i < plan.Blocks.Count; i++)
            {
                if (plan.Blocks[i].IsIndirectTarget)
                {
                    _tabled.Add(i);
                }
            }
        }

        for (int i = 0; i < plan.Blocks.Count; i++)
        {
            if (optimisations.LikelyTargets && _number.TryGetValue(plan.Blocks[i].LikelyTarget, out int target))
            {
                _likely[i] = plan.Blocks[i].LikelyTarget;
                _safepoint[target] = true;
            }
        }

        foreach (int site in _sites)
        {
            _safepoint[site] = true;
        }

        // A function that is called from here is called from elsewhere as well, and need not be translated for each of its callers.
        for (int i = 0; i < _code.Count; i++)
        {
            Instruction last = _code[i][^1];
            uint callee = last.FlowControl == FlowControl.Call && IsRelative(last) ? last.NearBranch32
                : last.FlowControl == FlowControl.IndirectCall ? _likely[i] : 0;
            if (callee != 0 && _number.TryGetValue(callee, out int function))
            {
                _safepoint[function] = true;
                _callees.Add(function);
            }
        }

        foreach (int target in _tabled)
        {
            _safepoint[target] = true;
        }
    }

    private void Arrange()
    {
        var placed = new bool[_code.Count];
        var stack = new Stack<int>();
        for (int root = 0; root < _code.Count; root++)
        {
            stack.Push(root);
            while (stack.Count > 0)
            {
                int block = stack.Pop();
                if (placed[block])
                {
                    continue;
                }

                placed[block] = true;
                Order.Add(block);

                // The last one pushed comes next: the way past the branch.
                for (int i = _successors[block].Count - 1; i >= 0; i--)
                {
                    stack.Push(_successors[block][i]);
                }
            }
        }
    }

    private void FindEntries()
    {
        // Where calls come back to is a good place to come in again, if the callee was outside or left.
        foreach (int site in _sites)
        {
            AddEntry(site);
        }

        foreach (int callee in _callees)
        {
            AddEntry(callee);
        }

        var position = new int[_code.Count];
        for (int i = 0; i < Order.Count; i++)
        {
            position[Order[i]] = i;
        }

        _safepoint[0] = true;
        for (int block = 0; block < _code.Count; block++)
        {
            // A repeated string instruction takes from the budget what it likes, so it has to be asked anew behind it.
            bool repeats = Array.Exists(_code[block], static i => i.HasRepPrefix || i.HasRepnePrefix);
            foreach (int successor in _successors[block])
            {
                _safepoint[successor] |= repeats;
                if (position[successor] <= position[block])
                {
                    _safepoint[successor] = true;
                    AddEntry(successor);
                }
            }
        }

        foreach (int target in _tabled)
        {
            AddEntry(target);
        }

        void AddEntry(int block)
        {
            if (!Entries.Contains(block))
            {
                Entries.Add(block);
            }
        }
    }

    /// <summary>By branches, or by a call and the return from it, which is taken for granted here; or by the table.</summary>
    private bool ReachesItself(int block)
    {
        if (_tabled.Count > 0)
        {
            return true;
        }

        var seen = new bool[_code.Count];
        var work = new Stack<int>();
        work.Push(block);
        while (work.Count > 0)
        {
            int from = work.Pop();
            foreach (int to in _successors[from])
            {
                Visit(to);
            }

            if (_likely[from] != 0)
            {
                Visit(_number[_likely[from]]);
            }

            Instruction last = _code[from][^1];
            if (last.FlowControl is FlowControl.Call or FlowControl.IndirectCall && _number.TryGetValue(last.NextIP32, out int site))
            {
                Visit(site);
            }

            if (last.FlowControl == FlowControl.Return)
            {
                _sites.ForEach(Visit);
            }
        }

        return seen[block];

        void Visit(int to)
        {
            if (!seen[to])
            {
                seen[to] = true;
                work.Push(to);
            }
        }
    }

    private int Longest(int block)
    {
        if (_longest[block] == 0)
        {
            int behind = 0;
            foreach (int successor in _successors[block])
            {
                if (!_safepoint[successor])
                {
                    behind = Math.Max(behind, Longest(successor));
                }
            }

            _longest[block] = _code[block].Length + behind;
        }

        return _longest[block];
    }
}
