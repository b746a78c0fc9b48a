using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Machine;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>
/// A boot of Linux meets some five hundred handlers for the first time, and each keeps the Guest waiting for half a millisecond, until the runtime has compiled it: a quarter of
/// the boot. Most Hosts have another processor, with nothing to do so early. So a thread of its own runs a <see cref="RehearsalProgram"/>, which has one of
/// everything, on a machine of its own, while the kernel is being loaded and unpacked. What the Guest comes to see is the same with and without.
/// </summary>
internal static unsafe class Rehearsal
{
    private const uint Ram = 2 << 20;

    /// <summary>Far more instructions than there are: the end is an endless loop.</summary>
    private const long Budget = 10_000;

    private static readonly ManualResetEventSlim s_over = new(initialState: true);
    private static int s_begun;

    /// <summary>Begins, in the background, unless that has been done or there is no processor to spare.</summary>
    public static void Begin()
    {
        if (Environment.ProcessorCount > 1 && Interlocked.Exchange(ref s_begun, 1) == 0)
        {
            s_over.Reset();
            new Thread(static () =>
            {
                try
                {
                    Perform();
                }
                catch (OutOfMemoryException)
                {
                    // The Guest will have to do without, and is none the wiser.
                }
                finally
                {
                    s_over.Set();
                }
            })
            { IsBackground = true, Name = "rehearsal" }.Start();
        }
    }

    /// <summary>Waits until none is going on: for work in the background that would take turns with it on the one processor that there is beside the Guest's.</summary>
    /// <exception cref="OperationCanceledException">Waits no more.</exception>
    public static void WaitUntilOver(CancellationToken cancel) => s_over.Wait(cancel);

    /// <summary>Runs the program.</summary>
    /// <returns>Was it run to its end? If not it has a mistake, and costs time and nothing else.</returns>
    public static bool Perform()
    {
        var program = RehearsalProgram.Create();
        using var machine = new GuestMachine(Ram, new NoClock());
        using var engine = new InterpreterEngine(machine);
        program.Code.CopyTo(new Span<byte>(machine.Ram.Base + RehearsalProgram.Start, program.Code.Length));
        machine.Cpu->Eip = RehearsalProgram.Start;
        return engine.Run(machine.Cpu, Budget) == ExitReason.Budget && machine.Cpu->Eip == program.End;
    }

    private sealed class NoClock : IGuestClock
    {
        public uint TscKhz => 1_000_000;

        public ulong ReadTsc(long retired) => (ulong)retired;

        public long WallClockNanoseconds(long retired) => retired;
    }
}
