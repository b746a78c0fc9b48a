using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Translator.Discover;

namespace Lguest.Jit.Translator.Tiering;

/// <summary>
/// The blocks of what has been given to the compiler thread and has not come back. Neighbours become hot at the same time, and each would be planned with much the same
/// blocks around it before the first of those regions is there to be seen: welcome in a program that goes round in a few of them, but not where a whole kernel waits. On the Guest thread.
/// </summary>
internal sealed unsafe class PlansUnderWay
{
    private readonly Dictionary<nint, int> _plans = [];

    /// <summary>The compiler thread has got it.</summary>
    public void Add(RegionPlan plan)
    {
        foreach (PlannedBlock planned in plan.Blocks)
        {
            _plans[planned.Block] = _plans.GetValueOrDefault(planned.Block) + 1;
        }
    }

    /// <summary>It has come back, with a region or without.</summary>
    public void Remove(RegionPlan plan)
    {
        foreach (PlannedBlock planned in plan.Blocks)
        {
            int others = _plans.GetValueOrDefault(planned.Block) - 1;
            if (others > 0)
            {
                _plans[planned.Block] = others;
            }
            else
            {
                _plans.Remove(planned.Block);
            }
        }
    }

    /// <summary>Is the block in one of them?</summary>
    public bool Contains(GuestBlock* block) => _plans.ContainsKey((nint)block);

    /// <summary>The block arena has been emptied, and what comes back will not be used.</summary>
    public void Clear() => _plans.Clear();
}
