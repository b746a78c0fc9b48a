using Iced.Intel;
using FlowControl = Iced.Intel.FlowControl;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// Calls whose callee and return site are both in the region: which of its returns may lead back to the site. A Guest may return to where
/// it likes, so the address is still compared; this only says with what.
/// </summary>
internal sealed class InlinedCalls
{
    private readonly RegionGraph _graph;
    private readonly IReadOnlyList<Instruction[]> _code;
    private readonly Dictionary<int, List<int>> _sites = [];
    private readonly HashSet<int> _calls = [];

    /// <param name="graph">The region, with branches and likely targets connected.</param>
    /// <param name="code">Its blocks.</param>
    /// <param name="likely">Where the end of each block is likely to lead to, or 0.</param>
    public InlinedCalls(RegionGraph graph, IReadOnlyList<Instruction[]> code, IReadOnlyList<uint> likely)
    {
        _graph = graph;
        _code = code;
        for (int block = 0; block < code.Count; block++)
        {
            if (IsCall(block) && graph.Successors(block).Count == 1 && graph.TryFind(code[block][^1].NextIP32, out int site))
            {
                Connect(block, graph.Successors(block)[0], site);
            }
            else if (code[block][^1].FlowControl == FlowControl.Return && graph.TryFind(likely[block], out int caller))
            {
                Add(block, caller);
            }
        }
    }

    /// <summary>Return sites by the block with the return, both by number.</summary>
    public IReadOnlyDictionary<int, List<int>> Sites => _sites;

    /// <summary>Does the block end with a call that a return inside is compared with?</summary>
    public bool IsInlined(int block) => _calls.Contains(block);

    private bool IsCall(int block) => _code[block][^1].FlowControl is FlowControl.Call or FlowControl.IndirectCall;

    private void Connect(int call, int callee, int site)
    {
        var seen = new HashSet<int> { callee };
        var work = new Stack<int>(seen);
        while (work.TryPop(out int block))
        {
            if (_code[block][^1].FlowControl == FlowControl.Return)
            {
                Add(block, site);
                _calls.Add(call);
                continue;
            }

            // Over a call in the function, not into it.
            IEnumerable<int> onward = IsCall(block)
                ? _graph.TryFind(_code[block][^1].NextIP32, out int back) ? [back] : []
                : _graph.Successors(block);
            foreach (int next in onward.Where(seen.Add))
            {
                work.Push(next);
            }
        }
    }

    private void Add(int block, int site)
    {
        if (!_sites.TryGetValue(block, out List<int>? sites))
        {
            _sites.Add(block, sites = []);
        }

        if (!sites.Contains(site))
        {
            sites.Add(site);
        }
    }
}
