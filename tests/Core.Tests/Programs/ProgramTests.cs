using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Guests.Harness;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Core.Tests.Programs;

/// <summary>The benchmark programs come to the results that C# comes to.</summary>
public sealed class ProgramTests
{
    public static TheoryData<string> Names => [.. GuestPrograms.All.Select(static program => program.Name)];

    public static TheoryData<string, bool> Programs()
    {
        var data = new TheoryData<string, bool>();
        foreach (GuestProgram program in GuestPrograms.All)
        {
            data.Add(program.Name, false);
            data.Add(program.Name, true);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public void A_program_on_the_interpreter_leaves_the_checksum_of_its_reference(string name, bool paging)
    {
        GuestProgram program = GuestPrograms.Named(name);
        ProgramRun run = ProgramRun.Of(program, 2, paging, static machine => new InterpreterEngine(machine));
        Assert.Equal(new GuestEnd(GuestEndKind.PoweredOff, run.End.Message), run.End);
        Assert.Equal(program.Checksum(2), run.Checksum);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_second_round_comes_to_the_same_result_as_the_first(string name)
    {
        GuestProgram program = GuestPrograms.Named(name);
        ProgramRun run = ProgramRun.Of(program, 2, paging: true, static machine => new InterpreterEngine(machine), rounds: 2);
        Assert.Equal(program.Checksum(2), run.Checksum);
    }

    [Theory]
    [InlineData("bytecode")]
    [InlineData("memory-rep")]
    [InlineData("recursion")]
    public void Blocks_of_one_instruction_change_nothing_but_the_time(string name)
    {
        GuestProgram program = GuestPrograms.Named(name);
        ProgramRun whole = ProgramRun.Of(program, 1, paging: true, static machine => new InterpreterEngine(machine));
        ProgramRun single = ProgramRun.Of(program, 1, paging: true, static machine => new InterpreterEngine(machine, blockLimit: 1));
        Assert.Equal(program.Checksum(1), single.Checksum);
        Assert.Equal(whole.Instructions, single.Instructions);
    }

    [Fact]
    public void The_instruction_limit_ends_a_program_after_exactly_that_many()
    {
        ProgramRun run = ProgramRun.Of(
            GuestPrograms.Named("sieve"), 1, paging: true, static machine => new InterpreterEngine(machine), new GuestOptions { MaxInstructions = 1_234_567 });
        Assert.Equal(GuestEndKind.InstructionLimit, run.End.Kind);
        Assert.Equal(1_234_567, run.Instructions);
    }

    [Fact]
    public void What_a_program_says_of_its_length_is_within_a_fifth()
    {
        // The length chooses how many iterations fill a benchmark's time, so it must not be far off.
        Assert.All(GuestPrograms.All, static program =>
        {
            // Twelve iterations see all that a program may do in turn; the long ones do the same each time.
            int more = program.InstructionsPerIteration < 2_000_000 ? 12 : 1;
            long one = Instructions(program, 1);
            double mean = (Instructions(program, 1 + more) - one) / (double)more;
            Assert.InRange(mean, 0.8 * program.InstructionsPerIteration, 1.2 * program.InstructionsPerIteration);
        });

        static long Instructions(GuestProgram program, int iterations) =>
            ProgramRun.Of(program, iterations, paging: false, static machine => new InterpreterEngine(machine)).Instructions;
    }
}
