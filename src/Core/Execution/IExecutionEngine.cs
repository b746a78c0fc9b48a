using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Execution;

/// <summary>Something that executes Guest instructions: the interpreter, or the tiered translator. The Switcher never asks which.</summary>
internal unsafe interface IExecutionEngine : IDisposable
{
    /// <summary>Runs from <c>cpu->Eip</c> until an exit, for at most <paramref name="budget"/> instructions (≥ 1).</summary>
    /// <returns>Any reason but <see cref="ExitReason.Continue"/> and <see cref="ExitReason.BlockCut"/>.</returns>
    ExitReason Run(GuestCpu* cpu, long budget);

    /// <summary>Drops all that was decoded and translated, as if the engine were new. Costs time, changes nothing else.</summary>
    /// <param name="exactly">From now on let the budget end in front of any block of translated code, even if that is slower.</param>
    void Forget(bool exactly)
    {
        // An engine that keeps nothing has nothing to forget.
    }
}
