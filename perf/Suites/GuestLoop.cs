using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Launcher.Tour;

namespace Lguest.Jit.Perf.Suites;

/// <summary>Emits what stands before a loop, and the loop, which never ends.</summary>
/// <returns>Where the loop begins. Its first instruction must not be a repeated one.</returns>
internal delegate CodeLabel EmitLoop(CodeBuilder b);

/// <summary>An endless Guest loop that does the same thing a number of times in each turn.</summary>
/// <param name="Operations">How many times; the measured time is divided by it.</param>
/// <param name="Emit">The code, for <see cref="ProgramLayout.Code"/>.</param>
internal sealed record GuestLoop(int Operations, EmitLoop Emit)
{
    /// <summary>A loop of nothing but the same piece of code many times over, so that what closes it hardly counts.</summary>
    /// <param name="operations">How many pieces.</param>
    /// <param name="prologue">Runs once before.</param>
    /// <param name="piece">Given the number of the piece.</param>
    public static GuestLoop Unrolled(int operations, Action<CodeBuilder> prologue, Action<CodeBuilder, int> piece) => new(operations, b =>
    {
        prologue(b);
        CodeLabel start = b.Here();
        for (int i = 0; i < operations; i++)
        {
            piece(b, i);
        }

        b.Asm.jmp(start.Value);
        return start;
    });
}
