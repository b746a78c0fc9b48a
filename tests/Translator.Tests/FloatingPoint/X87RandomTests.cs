using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Iced.Intel;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Translator.FloatingPoint;
using Lguest.Jit.Translator.Tests.Rigs;
using Xunit.Abstractions;

namespace Lguest.Jit.Translator.Tests.FloatingPoint;

/// <summary>Thunks are held to the soft-float by random programs: registers, flags, memory, and all that the x87 unit remembers.</summary>
public sealed unsafe class X87RandomTests(ITestOutputHelper output)
{
    /// <summary>More of them for those who ask: the factor by which the count grows.</summary>
    private const string Variable = "LGUEST_JIT_RANDOM_PROGRAMS";

    private const int PerMachine = 100;
    private const uint Spacing = 0x1000;
    private const int Budget = 400;

    [Fact]
    public void Random_x87_programs_do_the_same_interpreted_and_translated()
    {
        int programs = Soak.Count(800, 2000) * (int.TryParse(Environment.GetEnvironmentVariable(Variable), CultureInfo.InvariantCulture, out int factor) ? factor : 1);
        long thunks = 0;
        for (int first = 0; first < programs; first += PerMachine)
        {
            thunks += RunSome(first, Math.Min(PerMachine, programs - first), 0, new Optimisations());
        }

        output.WriteLine($"{programs} programs, {thunks} regions with thunks");
        Assert.True(!X87Host.IsThere || thunks > programs / 2, $"Only {thunks} regions had thunks.");
    }

    [Fact]
    public void Random_x87_loops_do_the_same_interpreted_and_translated()
    {
        long loops = RunSome(900_000, 400, 0, new Optimisations(), loops: true);
        loops += RunSome(950_000, 100, 2, new Optimisations(), loops: true);
        output.WriteLine($"{loops} runs by way of a loop's thunk");
        Assert.True(!X87Host.IsThere || loops > 200, $"Only {loops} runs went by way of a loop's thunk.");
    }

    [Theory]
    [MemberData(nameof(Shapes.Names), MemberType = typeof(Shapes))]
    public void Random_x87_programs_do_the_same_in_every_shape(string shape)
    {
        int seed = 70_000_000 + 10_000 * shape.Sum(static c => c);
        _ = RunSome(seed, Soak.Count(40, 80), 0, Shapes.Of(shape));
        _ = RunSome(seed + 1000, Soak.Count(20, 40), 2, Shapes.Of(shape));
        _ = RunSome(seed + 2000, Soak.Count(30, 60), 0, Shapes.Of(shape), loops: true);
    }

    private static long RunSome(int firstSeed, int count, uint threshold, Optimisations optimisations, bool loops = false)
    {
        using var interpreter = new Rig(static machine => new InterpreterEngine(machine));
        using var translator = new Rig(machine => new TieredEngine(machine, threshold, optimisations: optimisations));
        var engine = (TieredEngine)translator.Engine;
        long entered = 0;
        for (int i = 0; i < count; i++)
        {
            uint origin = Rig.Code + 0x20000 + (uint)i * Spacing;
            byte[] code = loops ? X87LoopProgram.Generate(firstSeed + i, origin) : X87Program.Generate(firstSeed + i, origin);
            Assert.InRange(code.Length, 1, X87Program.BesideCode);
            int runs = threshold == 0 ? 3 : 6;
            for (int run = 0; run < runs; run++)
            {
                if (threshold != 0 && run == 4)
                {
                    Thread.Sleep(2);
                }

                string expected = Once(interpreter, code, origin, firstSeed + i + run * 7919, run == 0, loops);
                translator.Cpu->FpuThunks.LoopExit = 0;
                string actual = Once(translator, code, origin, firstSeed + i + run * 7919, run == 0, loops);
                entered += translator.Cpu->FpuThunks.LoopExit != 0 ? 1 : 0;
                if (expected != actual)
                {
                    Assert.Fail($"seed {firstSeed + i}, run {run}, threshold {threshold}\ninterpreter: {expected}\ntranslator:  {actual}\n{Listing(code, origin)}");
                }
            }

            Assert.Null(engine.Failure);
        }

        return loops ? entered : engine.Regions.All.Count(static region => region.Thunks != null);
    }

    private static string Once(Rig rig, byte[] code, uint origin, int seed, bool load, bool loop)
    {
        var random = new Random(seed);
        rig.Write(X87Program.Window, X87Program.Numbers(random, (int)X87Program.WindowLength));
        rig.Write(X87Program.LastPage, X87Program.Numbers(random, 0x1000));
        rig.Write(Rig.StackTop - 0x100, X87Program.Numbers(random, 0x200));
        if (load)
        {
            rig.Write(origin, code);
        }

        rig.Write(origin + X87Program.BesideCode - 0x100, X87Program.Numbers(random, 0x200));
        rig.Begin(origin);
        if (loop)
        {
            X87LoopProgram.Seed(rig.Cpu, random, origin);
        }
        else
        {
            X87Program.Seed(rig.Cpu, random, origin);
        }

        string state = rig.State(rig.Run(Budget));
        ref FpuState fpu = ref rig.Cpu->Fpu;
        string unit = Convert.ToHexString(MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(ref fpu, 1)));
        return $"{state}\n cw={fpu.ControlWord:X4} sw={fpu.StatusWord:X4} tags={fpu.Tags:X2} fop={fpu.LastOpcode:X3} fip={fpu.InstructionOffset:X} fdp={fpu.DataOffset:X} {unit}\n "
            + $"{rig.Memory(X87Program.Window, X87Program.WindowLength)} {rig.Memory(X87Program.LastPage, 0x1000)} {rig.Memory(Rig.StackTop - 0x1000, 0x2000)} {rig.Memory(origin, Spacing)}";
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
