using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Guests.Harness;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Switcher;
using Lguest.Jit.Translator.Tests.Rigs;

namespace Lguest.Jit.Translator.Tests.Programs;

/// <summary>The benchmark programs on translated code: the result of their reference, the instruction count of the interpreter.</summary>
public sealed unsafe class JitProgramTests
{
    private const uint ReturnAddress = 0x8000;

    public static TheoryData<string> Names => [.. GuestPrograms.All.Select(static program => program.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_program_gives_its_checksum_in_exactly_as_many_instructions_as_interpreted(string name)
    {
        GuestProgram program = GuestPrograms.Named(name);
        foreach (bool paging in new[] { false, true })
        {
            ProgramRun interpreted = ProgramRun.Of(program, 1, paging, static machine => new InterpreterEngine(machine));
            foreach (uint threshold in new uint[] { 0, 50 })
            {
                ProgramRun run = ProgramRun.Of(program, 1, paging, machine => new TieredEngine(machine, threshold));
                Assert.Equal(GuestEndKind.PoweredOff, run.End.Kind);
                Assert.Equal(program.Checksum(1), run.Checksum);
                Assert.Equal(interpreted.Instructions, run.Instructions);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Any_budget_stops_after_the_same_instruction_with_the_same_registers_and_flags(string name)
    {
        byte[] image = GuestPrograms.Named(name).Build(1);
        using var interpreter = new Rig(static machine => new InterpreterEngine(machine), ProgramLayout.MemorySize);
        using var cold = new Rig(static machine => new TieredEngine(machine, threshold: 0), ProgramLayout.MemorySize);
        using var warm = new Rig(static machine => new TieredEngine(machine, threshold: 50), ProgramLayout.MemorySize);
        Rig[] rigs = [interpreter, cold, warm];
        foreach (Rig rig in rigs)
        {
            rig.Write(ProgramLayout.Code, image);
            rig.Write(ReturnAddress, [0xCC]);
            rig.Begin(ProgramLayout.Code);
            rig.Cpu->Gpr[Reg.Esp] = ProgramLayout.StackTop - 4;
            rig.Write(ProgramLayout.StackTop - 4, BitConverter.GetBytes(ReturnAddress));
        }

        var random = new Random(name.Length);
        for (int slice = 0; slice < 200; slice++)
        {
            // Short ones to stop inside of blocks, long ones to get somewhere.
            long budget = slice % 3 == 0 ? random.Next(1, 20_000) : random.Next(1, 60);
            string expected = interpreter.State(interpreter.Run(budget));
            Assert.Equal(expected, cold.State(cold.Run(budget)));
            Assert.Equal(expected, warm.State(warm.Run(budget)));
        }
    }

    [Theory]
    [MemberData(nameof(Shapes.Names), MemberType = typeof(Shapes))]
    public void Programs_come_to_their_checksums_in_every_shape(string shape)
    {
        // Two of them each time, others for the next shape.
        int first = shape.Sum(static c => c) % GuestPrograms.All.Count;
        foreach (GuestProgram program in new[] { GuestPrograms.All[first], GuestPrograms.All[(first + 5) % GuestPrograms.All.Count] })
        {
            long instructions = ProgramRun.Of(program, 1, paging: true, static machine => new InterpreterEngine(machine)).Instructions;
            foreach (uint threshold in new uint[] { 0, 30 })
            {
                ProgramRun run = ProgramRun.Of(program, 1, paging: true, machine => new TieredEngine(machine, threshold, optimisations: Shapes.Of(shape)));
                Assert.Equal((program.Name, program.Checksum(1), instructions), (program.Name, run.Checksum ?? 0, run.Instructions));
            }
        }
    }

    [Fact]
    public void The_instruction_limit_ends_a_translated_program_after_exactly_that_many()
    {
        var random = new Random(5);
        for (int i = 0; i < 20; i++)
        {
            long limit = random.Next(1, 1_000_000);
            ProgramRun run = ProgramRun.Of(
                GuestPrograms.Named("sieve"), 1, paging: true, static machine => new TieredEngine(machine, threshold: 20), new GuestOptions { MaxInstructions = limit });
            Assert.Equal(GuestEndKind.InstructionLimit, run.End.Kind);
            Assert.Equal(limit, run.Instructions);
        }
    }
}
