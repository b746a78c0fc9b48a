using Iced.Intel;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Emit;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>The x87 runs of a region, planned and assembled before any IL is emitted.</summary>
internal sealed class X87Region
{
    private readonly List<Dictionary<int, (X87Run Run, X87Element Element)>> _blocks = [];

    /// <param name="code">The region's blocks.</param>
    /// <param name="graph">How they hang together.</param>
    /// <param name="optimisations">Which of them are wanted.</param>
    /// <param name="isPlain">Does an instruction have no memory operand, or a flat one with a 32-bit address?</param>
    public X87Region(IReadOnlyList<Instruction[]> code, RegionGraph graph, Optimisations optimisations, Func<Instruction, bool> isPlain)
    {
        if (!optimisations.X87Thunks || !X87Host.IsThere)
        {
            return;
        }

        var planner = new X87Planner(optimisations);
        var all = new List<X87Run>();
        foreach (Instruction[] block in code)
        {
            List<X87Run> runs = planner.Plan(block, isPlain);
            _blocks.Add(runs.SelectMany(static run => run.Elements, static (run, e) => (run, e)).ToDictionary(static pair => pair.e.Index));
            all.AddRange(runs);
        }

        Runs = all;
        List<X87Loop> loops = optimisations.X87Loops && !optimisations.AsksAtBlocks ? X87LoopPlanner.Find(code, graph) : [];
        Thunks = X87Assembler.Assemble(all, loops, graph);
        if (Thunks == null)
        {
            _blocks.Clear();
            return;
        }

        Loops = loops;
        foreach (X87LoopExit exit in loops.SelectMany(static loop => loop.Exits))
        {
            graph.AddWayIn(exit.Eip);
        }
    }

    /// <summary>No instruction is part of a run.</summary>
    public static IReadOnlyDictionary<int, (X87Run Run, X87Element Element)> NoElements { get; } = new Dictionary<int, (X87Run Run, X87Element Element)>();

    public IReadOnlyList<X87Run> Runs { get; } = [];

    /// <summary>Loops that a thunk runs as a whole.</summary>
    public IReadOnlyList<X87Loop> Loops { get; } = [];

    /// <summary>The thunks; whoever takes them has to dispose of them. Null: there are none.</summary>
    public ExecutableMemory? Thunks { get; }

    /// <summary>The elements of a block's runs by the number of the instruction in the block.</summary>
    public IReadOnlyDictionary<int, (X87Run Run, X87Element Element)> Elements(int block) => block < _blocks.Count ? _blocks[block] : NoElements;

    /// <summary>Makes what the code of the ways out refers to.</summary>
    /// <param name="allocations">Takes it, to be freed with the method.</param>
    public void AllocateRecords(List<nint> allocations)
    {
        foreach (X87Run run in Thunks == null ? [] : Runs)
        {
            allocations.Add(run.Records = X87Replay.Records(run));
        }
    }
}
