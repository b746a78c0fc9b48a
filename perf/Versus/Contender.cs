using System.Diagnostics;
using Lguest.Jit.Guests.Programs;

namespace Lguest.Jit.Perf.Versus;

/// <summary>
/// Something that runs a benchmark program as a process of its own, with the Guest's console on its stdout: our
/// engines and other emulators are started, watched, timed and ended by the very same code.
/// </summary>
internal abstract class Contender
{
    /// <summary>For tables, JSON and the command line.</summary>
    public abstract string Name { get; }

    /// <summary>What the process exits with when its Guest has ended well.</summary>
    public abstract int GoodExitCode { get; }

    /// <summary>How to start it.</summary>
    /// <param name="program">What it is to run.</param>
    /// <param name="iterations">How often the program repeats itself in each round, at least 1.</param>
    /// <param name="rounds">How often the program is called.</param>
    public abstract ProcessStartInfo Command(GuestProgram program, int iterations, int rounds);
}
