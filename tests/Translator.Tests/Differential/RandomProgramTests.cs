using System.Globalization;
using System.Text;
using Iced.Intel;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Translator.Tests.Rigs;
using Xunit.Abstractions;

namespace Lguest.Jit.Translator.Tests.Differential;

/// <summary>The same random programs on both engines, compared to the last flag.</summary>
public sealed unsafe class RandomProgramTests(ITestOutputHelper output)
{
    /// <summary>More of them for those who ask: the factor by which the count grows.</summary>
    private const string Variable = "LGUEST_JIT_RANDOM_PROGRAMS";

    private const int PerMachine = 100;
    private const uint Spacing = 0x800;
    private const int Budget = 300;

    [Theory]
    [InlineData(0u, 500, 1200)]
    [InlineData(1u, 400, 1000)]
    [InlineData(3u, 400, 1000)]
    public void Random_programs_do_the_same_interpreted_and_translated(uint threshold, int everyDay, int soak)
    {
        int programs = Soak.Count(everyDay, soak);
        programs *= int.TryParse(Environment.GetEnvironmentVariable(Variable), CultureInfo.InvariantCulture, out int factor) ? factor : 1;
        long installed = 0;
        int first = 0;

        // Where the compiler thread hardly gets a turn it takes a few more of them.
        for (; first < programs || (installed <= programs / 2 && first < 20 * programs); first += PerMachine)
        {
            installed += RunSome((int)threshold * 1_000_000 + first, PerMachine, threshold, null);
        }

        output.WriteLine($"{first} programs, {installed} regions");
        Assert.True(installed > programs / 2, $"Only {installed} regions came into use.");
    }

    [Theory]
    [MemberData(nameof(Shapes.Names), MemberType = typeof(Shapes))]
    public void Random_programs_do_the_same_in_every_shape(string shape)
    {
        // Other programs for each.
        int seed = 50_000_000 + 10_000 * shape.Sum(static c => c);
        Assert.True(RunSome(seed, Soak.Count(40, 60), 0, Shapes.Of(shape)) > 20);
        _ = RunSome(seed + 1000, Soak.Count(50, 100), 2, Shapes.Of(shape));
    }

    private static long RunSome(int firstSeed, int count, uint threshold, Optimisations? optimisations)
    {
        using var interpreter = new Rig(static machine => new InterpreterEngine(machine));
        using var translator = new Rig(machine => new TieredEngine(machine, threshold, optimisations: optimisations));
        for (int i = 0; i < count; i++)
        {
            uint origin = Rig.Code + 0x20000 + (uint)i * Spacing;
            byte[] code = RandomProgram.Generate(firstSeed + i, origin);
            Assert.InRange(code.Length, 1, (int)Spacing);
            int runs = threshold == 0 ? 3 : 8;
            for (int run = 0; run < runs; run++)
            {
                if (threshold != 0 && run == 5)
                {
                    // Time for the compiler thread; what it has not done by then is interpreted, which is right as well.
                    Thread.Sleep(2);
                }

                string expected = Once(interpreter, code, origin, firstSeed + i + run * 7919, run == 0);
                string actual = Once(translator, code, origin, firstSeed + i + run * 7919, run == 0);
                if (expected != actual)
                {
                    Assert.Fail($"seed {firstSeed + i}, run {run}, threshold {threshold}\ninterpreter: {expected}\ntranslator:  {actual}\n{Listing(code, origin)}");
                }
            }
        }

        return ((TieredEngine)translator.Engine).Regions.Installed;
    }

    private static string Once(Rig rig, byte[] code, uint origin, int seed, bool load)
    {
        var random = new Random(seed);
        byte[] window = new byte[RandomProgram.WindowLength];
        random.NextBytes(window);
        rig.Write(RandomProgram.Window, window);
        rig.Write(RandomProgram.LastPage, window.AsSpan(0, 0x1000));
        rig.Write(Rig.StackTop - 0x100, window.AsSpan(0, 0x200));
        if (load)
        {
            rig.Write(origin, code);
        }

        rig.Begin(origin);
        RandomProgram.Seed(rig.Cpu, random);
        string state = rig.State(rig.Run(Budget));
        return $"{state} {rig.Memory(RandomProgram.Window, RandomProgram.WindowLength)} {rig.Memory(RandomProgram.LastPage, 0x1000)} {rig.Memory(Rig.StackTop - 0x1000, 0x2000)}";
    }

    private static string Listing(byte[] code, uint origin)
    {
        var text = new StringBuilder();
        var decoder = Iced.Intel.Decoder.Create(32, new ByteArrayCodeReader(code));
        decoder.IP = origin;
        while (decoder.IP < origin + (uint)code.Length)
        {
            Instruction instruction = decoder.Decode();
            text.AppendLine(CultureInfo.InvariantCulture, $"{instruction.IP32:X8} {instruction}");
        }

        return text.ToString();
    }
}
