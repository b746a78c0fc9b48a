using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Launcher.Tests.Tour;

/// <summary>What becomes of an exit before the Switcher sees it. False: it never does, the Guest runs on.</summary>
internal unsafe delegate bool Lie(GuestCpu* cpu, ExitReason reason);

/// <summary>An engine that works, but does not always say the truth about it: to see whether anyone notices.</summary>
internal sealed unsafe class LyingEngine(IExecutionEngine inner, Lie lie) : IExecutionEngine
{
    public ExitReason Run(GuestCpu* cpu, long budget)
    {
        long end = cpu->Retired + budget;
        while (true)
        {
            ExitReason reason = inner.Run(cpu, end - cpu->Retired);
            if (lie(cpu, reason))
            {
                return reason;
            }
        }
    }

    public void Forget(bool exactly) => inner.Forget(exactly);

    public void Dispose() => inner.Dispose();
}
