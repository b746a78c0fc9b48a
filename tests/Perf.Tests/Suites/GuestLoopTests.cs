using Lguest.Jit.Perf.Suites;

namespace Lguest.Jit.Perf.Tests.Suites;

/// <summary>Loops that are measured have to do the same on both engines, or there is nothing to compare.</summary>
public sealed class GuestLoopTests
{
    private const int Operations = 1 << 14;

    public static TheoryData<string> Suites => [.. All.Select(static type => type.Name)];

    private static IEnumerable<Type> All => typeof(LoopSuite).Assembly.GetTypes().Where(static t => t.IsSubclassOf(typeof(LoopSuite)));

    [Theory]
    [MemberData(nameof(Suites))]
    public void Every_loop_leaves_the_same_registers_on_both_engines(string suite)
    {
        var instance = (LoopSuite)Activator.CreateInstance(All.Single(t => t.Name == suite))!;
        Assert.NotEmpty(instance.Loops);
        Assert.All(instance.Loops, static loop =>
        {
            (uint[] registers, long instructions) = Run(EngineKind.Interpreter, loop.Value);
            (uint[] translated, long counted) = Run(EngineKind.Jit, loop.Value);
            Assert.Equal(registers, translated);
            Assert.Equal(instructions, counted);
        });
    }

    private static (uint[] Registers, long Instructions) Run(EngineKind engine, GuestLoop loop)
    {
        using var guest = new BenchGuest(engine);
        guest.Load(loop);

        // In pieces, so that what the compiler thread has finished is put to use in between.
        for (int piece = 0; piece < 8; piece++)
        {
            guest.RunTurns(Operations / loop.Operations / 8 + 1);
        }

        return (guest.Registers(), guest.TurnInstructions);
    }
}
