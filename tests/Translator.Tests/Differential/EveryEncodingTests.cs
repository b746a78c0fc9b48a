using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Tests.Rigs;

namespace Lguest.Jit.Translator.Tests.Differential;

/// <summary>
/// Opcode by opcode, with every ModRM byte and every prefix that may select another instruction: nothing that a Guest can write down ends the Host with an
/// exception. (One mnemonic may name instructions that have nothing in common.)
/// </summary>
public sealed unsafe class EveryEncodingTests
{
    private const uint Data = 0x100000;

    private static readonly byte[][] s_prefixes = [[], [0x66], [0xF3], [0xF2], [0xF0], [0x67], [0x66, 0xF3], [0x66, 0xF2], [0x64]];

    private static readonly byte[][] s_maps = [[], [0x0F], [0x0F, 0x38], [0x0F, 0x3A]];

    [Theory]
    [InlineData((int)CpuMode.None)]
    [InlineData((int)CpuMode.User)]
    [InlineData((int)CpuMode.Code16)]
    [InlineData((int)(CpuMode.User | CpuMode.Checked))]
    public void Each_can_be_decoded_and_lowered(int mode)
    {
        using var rig = new Rig(static machine => new InterpreterEngine(machine));
        var builder = new BlockBuilder(rig.Machine);
        rig.Cpu->Mode = (CpuMode)mode;
        rig.Cpu->Eip = Rig.Code;
        int built = 0;
        foreach (byte[] bytes in All())
        {
            rig.Write(Rig.Code, bytes);
            Assert.True(builder.Build(rig.Cpu, Rig.Code, Rig.Code, 1, linkable: true), Convert.ToHexString(bytes));
            built++;
        }

        Assert.Equal(s_prefixes.Length * s_maps.Length * 0x10000, built);
    }

    [Fact]
    public void One_of_each_kind_runs_alike_on_both_engines()
    {
        var codes = new Dictionary<(Code Code, OpKind First, OpKind Second, MemorySize Size, Register Segment), byte[]>();
        foreach (byte[] bytes in All())
        {
            var decoder = Decoder.Create(32, new ByteArrayCodeReader(bytes), DecoderOptions.NoMPFX_0FBC | DecoderOptions.NoMPFX_0FBD);
            decoder.IP = Rig.Code;
            Instruction instruction = decoder.Decode();

            // What reads the counter of the Host is nobody's to agree on.
            if (!instruction.IsInvalid && instruction.Mnemonic is not (Mnemonic.Rdtsc or Mnemonic.Rdtscp))
            {
                _ = codes.TryAdd((instruction.Code, instruction.Op0Kind, instruction.Op1Kind, instruction.MemorySize, instruction.MemorySegment), [.. bytes[..instruction.Length], 0xCC]);
            }
        }

        Assert.True(codes.Count > 1000, $"{codes.Count}");
        using var interpreted = new Rig(static machine => new InterpreterEngine(machine));
        using var translated = new Rig(static machine => new TieredEngine(machine, threshold: 0));
        foreach (((Code code, _, _, _, _), byte[] bytes) in codes)
        {
            string expected = Run(interpreted, bytes);
            string found = Run(translated, bytes);
            Assert.True(expected == found, $"{code} ({Convert.ToHexString(bytes)}): {expected} | {found}");
            Assert.Null(((TieredEngine)translated.Engine).Failure);
        }
    }

    private static string Run(Rig rig, byte[] bytes)
    {
        rig.Begin(Rig.Code);
        rig.Write(Rig.Code, bytes);
        for (int r = 0; r < 8; r++)
        {
            rig.Cpu->Gpr[r] = Data + ((uint)r * 0x100);
        }

        ExitReason reason = rig.Run(1000);
        return rig.State(reason) + rig.Memory(Data, 0x1000);
    }

    /// <summary>What follows the ModRM byte is enough for any SIB byte, displacement and immediate, and harmless as all of them.</summary>
    private static IEnumerable<byte[]> All()
    {
        byte[] tail = [0x24, 0x10, 0, 0, 0, 0x01, 0, 0, 0, 0, 0, 0];
        foreach (byte[] prefix in s_prefixes)
        {
            foreach (byte[] map in s_maps)
            {
                for (int opcode = 0; opcode < 0x10000; opcode++)
                {
                    yield return [.. prefix, .. map, (byte)(opcode >> 8), (byte)opcode, .. tail];
                }
            }
        }
    }
}
