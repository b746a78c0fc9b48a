using Lguest.Jit.Guests.Programs;

namespace Lguest.Jit.Perf.Tests.Versus;

/// <summary>A program whose result is known without work.</summary>
internal sealed class TrivialProgram : GuestProgram
{
    public override string Name => "trivial";

    public override long InstructionsPerIteration => 1_000_000;

    public override uint Checksum(int iterations) => 0x00C0FFEE;

    protected override void Emit(ProgramBuilder b, int iterations)
    {
        b.Asm.mov(Iced.Intel.AssemblerRegisters.eax, 0x00C0FFEE);
        b.Asm.ret();
    }
}
