using System.Globalization;
using System.Text;
using Iced.Intel;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Tests.Rigs;

namespace Lguest.Jit.Translator.Tests.FloatingPoint;

/// <summary>
/// Sequences of SSE arithmetic on numbers of all kinds, plain ones above all: what the translator knows of a register, from the instruction before, must
/// be so.
/// </summary>
public sealed unsafe class SseRandomTests
{
    private const uint Data = 0x20000;
    private const uint Spacing = 0x400;

    private static readonly string[] s_arithmetic = ["Add", "Sub", "Mul", "Div", "Sqrt", "Min", "Max"];

    [Theory]
    [InlineData(null)]
    [InlineData("-simd-facts")]
    public void Random_arithmetic_does_the_same_interpreted_and_translated(string? option)
    {
        var optimisations = new Optimisations();
        Assert.True(option == null || optimisations.TrySet(option));
        using var interpreter = new Rig(static machine => new InterpreterEngine(machine));
        using var translator = new Rig(machine => new TieredEngine(machine, 0, optimisations: optimisations));
        for (int seed = 0; seed < 400; seed++)
        {
            uint origin = Rig.Code + 0x20000 + (uint)seed * Spacing;
            byte[] code = Generate(new Random(seed), origin);
            for (int run = 0; run < 6; run++)
            {
                string expected = Once(interpreter, code, origin, new Random(seed * 100 + run), run == 0);
                string actual = Once(translator, code, origin, new Random(seed * 100 + run), run == 0);
                Assert.True(expected == actual, $"seed {seed}, run {run}\n{expected}\n{actual}\n{Listing(code, origin)}");
            }
        }

        Assert.Null(((TieredEngine)translator.Engine).Failure);
    }

    private static string Once(Rig rig, byte[] code, uint origin, Random random, bool load)
    {
        if (load)
        {
            rig.Write(origin, code);
        }

        bool isDouble = random.Next(3) != 0;
        byte[] numbers = new byte[256];
        for (int at = 0; at < numbers.Length; at += 8)
        {
            BitConverter.TryWriteBytes(numbers.AsSpan(at), Number(random, isDouble));
        }

        rig.Write(Data, numbers);
        rig.Begin(origin);
        rig.Cpu->Gpr[Reg.Ecx] = 3;
        rig.Cpu->Gpr[Reg.Edx] = (uint)random.Next(-5, 100);
        for (int i = 0; i < 16; i++)
        {
            rig.Cpu->Simd.Xmm[i] = Number(random, isDouble);
        }

        rig.Cpu->Simd.Mxcsr = random.Next(5) switch { 0 => 0x1F80, 1 => 0x9FE0, _ => 0x1FA0 };
        var text = new StringBuilder(rig.State(rig.Run(500)));
        for (int i = 0; i < 16; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $" {rig.Cpu->Simd.Xmm[i]:X16}");
        }

        return text.Append(CultureInfo.InvariantCulture, $" mxcsr={rig.Cpu->Simd.Mxcsr:X} {rig.Memory(Data, 256)}").ToString();
    }

    /// <summary>A double, or two singles.</summary>
    private static ulong Number(Random random, bool isDouble) => isDouble
        ? random.Next(24) switch
        {
            0 => 0,
            1 => 1UL << 63,
            2 => 0x7FF0_0000_0000_0000,
            3 => (ulong)random.NextInt64(1L << 52),
            4 => 0x7FF8_0000_0000_0001,
            5 => 0x7FF0_0000_0000_0001,
            6 => ((ulong)random.Next(1, 5) << 52) | (uint)random.Next(3),
            7 => 0x7FEF_FFFF_FFFF_FFFF,
            _ => BitConverter.DoubleToUInt64Bits((random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-40, 40))),
        }
        : ((ulong)Single(random) << 32) | Single(random);

    private static uint Single(Random random) => random.Next(24) switch
    {
        0 => 0,
        1 => 1U << 31,
        2 => 0x7F80_0000,
        3 => (uint)random.Next(1 << 23),
        4 => 0x7FC0_0001,
        5 => ((uint)random.Next(1, 5) << 23) | (uint)random.Next(3),
        _ => BitConverter.SingleToUInt32Bits((float)((random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-20, 20)))),
    };

    private static byte[] Generate(Random random, uint origin)
    {
        var c = new Assembler(32);
        string suffix = random.Next(3) == 0 ? "s" : "d";
        Label again = c.CreateLabel();
        c.Label(ref again);
        for (int k = random.Next(4, 24); k > 0; k--)
        {
            c.AddInstruction(Next(random, random.Next(8) == 0 ? (suffix == "s" ? "d" : "s") : suffix));
        }

        c.dec(AssemblerRegisters.ecx);
        c.jne(again);
        c.int3();
        using var stream = new MemoryStream();
        c.Assemble(new StreamCodeWriter(stream), origin);
        return stream.ToArray();
    }

    private static Instruction Next(Random random, string suffix)
    {
        Register to = Register.XMM0 + random.Next(4);
        Register from = Register.XMM0 + random.Next(4);
        var memory = new MemoryOperand(Register.None, Data + 16 * random.Next(15), 4);
        string width = suffix == "s" ? "32" : "64";
        switch (random.Next(12))
        {
            case 0:
                return Instruction.Create(Named($"Movs{suffix}_xmm_xmmm{width}"), to, memory);
            case 1:
                return Instruction.Create(Named($"Movs{suffix}_xmmm{width}_xmm"), memory, from);
            case 2:
                return Instruction.Create(Code.Movapd_xmm_xmmm128, to, from);
            case 3:
                return Instruction.Create(Named($"Movs{suffix}_xmm_xmmm{width}"), to, from);
            case 4:
                return Instruction.Create(random.Next(2) == 0 ? Code.Unpcklpd_xmm_xmmm128 : Code.Unpckhpd_xmm_xmmm128, to, from);
            case 5:
                return random.Next(2) == 0 ? Instruction.Create(Code.Cvtsi2sd_xmm_rm32, to, Register.EDX) : Instruction.Create(Code.Movapd_xmm_xmmm128, to, memory);
            case 6:
                return Instruction.Create(Named($"Comis{suffix}_xmm_xmmm{width}"), to, from);
        }

        string name = s_arithmetic[random.Next(s_arithmetic.Length)];
        bool scalar = random.Next(3) != 0;
        Code code = Named(scalar ? $"{name}s{suffix}_xmm_xmmm{width}" : $"{name}p{suffix}_xmm_xmmm128");
        return random.Next(3) == 0 ? Instruction.Create(code, to, memory) : Instruction.Create(code, to, from);
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

    private static Code Named(string name) => Enum.Parse<Code>(name);
}
