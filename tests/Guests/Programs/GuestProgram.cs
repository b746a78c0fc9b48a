using Lguest.Jit.Launcher.Tour;

namespace Lguest.Jit.Guests.Programs;

/// <summary>
/// A CPU-bound program in bare 32-bit machine code, written the way a good compiler writes: no traps, no devices. It is
/// a function of no arguments at <see cref="ProgramLayout.Code"/> that leaves a checksum in eax, and it comes with an
/// independent C# account of what that checksum must be.
/// </summary>
internal abstract class GuestProgram
{
    /// <summary>Short name, for tables and the command line.</summary>
    public abstract string Name { get; }

    /// <summary>About how many instructions one iteration takes: for choosing how many to run.</summary>
    public abstract long InstructionsPerIteration { get; }

    /// <summary>What the program leaves in eax after so many iterations, by an independent implementation.</summary>
    public abstract uint Checksum(int iterations);

    /// <summary>Code and constants, for <see cref="ProgramLayout.Code"/> up to at most <see cref="ProgramLayout.Harness"/>.</summary>
    /// <exception cref="InvalidOperationException">The program outgrew its place.</exception>
    public byte[] Build(int iterations)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(iterations, 1);
        List<byte> constants = [];
        byte[] code = CodeBuilder.Assemble(ProgramLayout.Code, builder =>
        {
            constants.Clear();
            Emit(new ProgramBuilder(builder, constants), iterations);
        });
        const int ConstantOffset = (int)(ProgramLayout.Constants - ProgramLayout.Code);
        if (code.Length > ConstantOffset || constants.Count > ProgramLayout.Harness - ProgramLayout.Constants)
        {
            throw new InvalidOperationException($"{Name}: {code.Length} bytes of code and {constants.Count} of constants do not fit.");
        }

        byte[] image = new byte[ConstantOffset + constants.Count];
        code.CopyTo(image, 0);
        constants.CopyTo(image, ConstantOffset);
        return image;
    }

    public override string ToString() => Name;

    /// <summary>Emits the function: any register but esp may be clobbered.</summary>
    protected abstract void Emit(ProgramBuilder b, int iterations);

    /// <summary>The linear congruential generator that programs and references share (Numerical Recipes' constants).</summary>
    protected static uint NextRandom(uint state) => state * 1664525 + 1013904223;
}
