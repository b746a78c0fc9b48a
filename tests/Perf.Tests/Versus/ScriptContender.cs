using System.Diagnostics;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Perf.Versus;

namespace Lguest.Jit.Perf.Tests.Versus;

/// <summary>A contender that is a shell script, and does what a test wants one to do.</summary>
internal sealed class ScriptContender(string script, string name = "script") : Contender
{
    public override string Name => name;

    public override int GoodExitCode => 7;

    /// <summary>The iterations it was asked for, in turn.</summary>
    public List<int> Asked { get; } = [];

    public override ProcessStartInfo Command(GuestProgram program, int iterations, int rounds)
    {
        Asked.Add(iterations);
        return new ProcessStartInfo("/bin/sh", ["-c", script]);
    }
}
