using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Guests.Harness;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Switcher;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Perf.Versus;

/// <summary>
/// Our side of the comparison: runs one program on one engine, with its console on stdout as it prints, like an emulator;
/// then says how many instructions each round was.
/// </summary>
internal static class GuestCommand
{
    public const string Name = "guest";

    /// <summary>What the last line begins with.</summary>
    public const string InstructionsPrefix = "instructions ";

    /// <returns>0 if the Guest powered off.</returns>
    public static int Run(string name, int iterations, int rounds, bool jit)
    {
        EndWithParent();
        GuestProgram program = GuestPrograms.Named(name);
        using Stream output = Console.OpenStandardOutput();
        var lineEnds = new List<long>();
        ProgramRun run = ProgramRun.Of(
            program,
            iterations,
            paging: true,
            machine => jit ? new TieredEngine(machine) : new InterpreterEngine(machine),
            rounds: rounds,
            printed: (character, instructions) =>
            {
                // Unbuffered, character by character, as QEMU's port 0xE9 is.
                output.WriteByte((byte)character);
                output.Flush();
                if (character == '\n')
                {
                    lineEnds.Add(instructions);
                }
            });

        if (run.End.Kind != GuestEndKind.PoweredOff)
        {
            Console.Error.WriteLine($"{run.End.Kind}: {run.End.Message}");
            return 1;
        }

        IEnumerable<long> perRound = lineEnds.Chunk(2).Where(static pair => pair.Length == 2).Select(static pair => pair[1] - pair[0]);
        Console.WriteLine(InstructionsPrefix + string.Join(' ', perRound));
        return 0;
    }

    /// <summary>Whoever started us holds our stdin open. Should they be killed, nobody wants the result.</summary>
    private static void EndWithParent()
    {
        var watcher = new Thread(static () =>
        {
            using Stream input = Console.OpenStandardInput();
            Span<byte> buffer = stackalloc byte[64];
            while (input.Read(buffer) > 0)
            {
            }

            Environment.Exit(1);
        })
        { IsBackground = true, Name = "parent" };
        watcher.Start();
    }
}
