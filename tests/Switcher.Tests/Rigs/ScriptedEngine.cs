using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Switcher.Tests.Rigs;

/// <summary>What the "Guest" does until its next exit.</summary>
internal unsafe delegate ExitReason Step(GuestCpu* cpu);

/// <summary>An engine that executes no instructions: each entry takes the next step of a script.</summary>
internal sealed unsafe class ScriptedEngine : IExecutionEngine
{
    private readonly Queue<Step> _script = new();

    /// <summary>Was the engine entered once more after the last step? What the last step caused has been done then.</summary>
    public bool IsOver { get; private set; }

    /// <summary>When the script has ended: go on like this instead of asking for a stop.</summary>
    public Step? Forever { get; set; }

    public List<long> Budgets { get; } = [];

    public void Add(params ReadOnlySpan<Step> steps)
    {
        IsOver = false;
        foreach (Step step in steps)
        {
            _script.Enqueue(step);
        }
    }

    public ExitReason Run(GuestCpu* cpu, long budget)
    {
        Budgets.Add(budget);
        if (_script.TryDequeue(out Step? step))
        {
            return step(cpu);
        }

        if (Forever != null)
        {
            return Forever(cpu);
        }

        IsOver = true;
        return ExitReason.Attention;
    }

    public void Dispose()
    {
    }
}
