using System.Diagnostics;
using System.Globalization;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Switcher;
using Lguest.Jit.Switcher.Time;

namespace Lguest.Jit.Guests.Harness;

/// <summary>How a benchmark program went on one of our engines.</summary>
/// <param name="End">How the Guest ended.</param>
/// <param name="Checksum">What it printed, in every round the same; null if it did not get that far.</param>
/// <param name="Instructions">Guest instructions, the harness's few included.</param>
/// <param name="Seconds">Host time from the first of them to the last.</param>
internal sealed record ProgramRun(GuestEnd End, uint? Checksum, long Instructions, double Seconds)
{
    /// <summary>Millions of Guest instructions a second.</summary>
    public double Mips => Instructions / Seconds / 1e6;

    /// <summary>Runs a program as an lguest Guest, in this process.</summary>
    /// <param name="program">What.</param>
    /// <param name="iterations">How often.</param>
    /// <param name="paging">Behind page tables, or in lguest's linear mode.</param>
    /// <param name="engine">Makes the engine for the machine.</param>
    /// <param name="options">Limits.</param>
    /// <param name="rounds">How often the program is called.</param>
    /// <param name="printed">Told of each character that the Guest prints, and of the instructions it has executed by then.</param>
    public static ProgramRun Of(
        GuestProgram program,
        int iterations,
        bool paging,
        Func<GuestMachine, IExecutionEngine> engine,
        GuestOptions? options = null,
        int rounds = 1,
        Action<char, long>? printed = null)
    {
        GuestImage image = new LguestHarness().Build(program, iterations, paging, rounds);
        using var machine = new GuestMachine(ProgramLayout.MemorySize, new HostClock());
        if (!machine.Ram.TryWrite(image.LoadAddress, image.Bytes))
        {
            throw new InvalidOperationException("The image does not fit into memory.");
        }

        using IExecutionEngine executes = engine(machine);
        var ports = new HarnessPorts { Printed = character => printed?.Invoke(character, machine.Retired) };
        using var guest = new LguestGuest(machine, executes, ports, options ?? new GuestOptions());
        guest.Start(image.Entry);
        long started = Stopwatch.GetTimestamp();
        GuestEnd end = guest.Run();
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        return new ProgramRun(end, Parse(ports.Output, rounds), machine.Retired, seconds);
    }

    private static uint? Parse(string output, int rounds)
    {
        string[] lines = output.Split('\n');
        bool whole = lines.Length == 2 * rounds + 1
            && Enumerable.Range(0, rounds).All(round => lines[2 * round] == "run" && lines[2 * round + 1] == lines[1]);
        return whole && uint.TryParse(lines[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out uint value) ? value : null;
    }
}
