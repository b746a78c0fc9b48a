using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Core.State;
using Lguest.Jit.Core.Tests.Fpu;
using Lguest.Jit.Translator.Tests.Rigs;

namespace Lguest.Jit.Translator.Tests.FloatingPoint;

/// <summary>What a processor answered, asked of translated code: each instruction as a region of its own, by itself and within a run.</summary>
public sealed unsafe class X87SiliconTests
{
    private const uint Operand = 0x20000;
    private const uint Spacing = 0x20;

    [Theory]
    [InlineData("arithmetic")]
    [InlineData("compare")]
    [InlineData("load")]
    [InlineData("store")]
    [InlineData("top")]
    public void Translated_x87_answers_like_silicon_to_the_last_bit(string table)
    {
        using var rig = new Rig(static machine => new TieredEngine(machine, threshold: 0));
        var places = new Dictionary<int, uint>();
        List<string> differences = [];
        foreach (SiliconCase expected in SiliconTable.Read(table))
        {
            int opcode = expected.Escape << 8 | expected.ModRm;
            if (!places.TryGetValue(opcode, out uint origin))
            {
                places.Add(opcode, origin = Rig.Code + Spacing * (uint)places.Count);

                // The tables name esi as the base of all memory operands. INT3 ends the block, and the run.
                rig.Write(origin, [expected.Escape, expected.ModRm, 0xCC]);
            }

            string actual = Run(rig, origin, expected);
            if (actual.Length != 0)
            {
                differences.Add($"{expected.Line}  but {actual}");
            }
        }

        Assert.Null(((TieredEngine)rig.Engine).Failure);
        Assert.Empty(differences);
    }

    private static string Run(Rig rig, uint origin, SiliconCase expected)
    {
        byte[] memory = new byte[16];
        expected.Load.CopyTo(memory, 0);
        rig.Write(Operand, memory);
        rig.Begin(origin);
        rig.Cpu->Gpr[Reg.Esi] = Operand;
        LazyFlags.Set(rig.Cpu, expected.Eflags);
        rig.Cpu->Fpu = expected.Before;
        X87Operation op = X87Decoder.Classify(expected.Escape, expected.ModRm);
        _ = rig.Run();
        ref FpuState f = ref rig.Cpu->Fpu;
        if (f.StatusWord != Convert.ToInt32(expected.Status, 16))
        {
            return $"status {f.StatusWord:X4}";
        }

        for (int i = 0; i < expected.Stack.Length; i++)
        {
            if (X87.St(ref f, i) != expected.Stack[i])
            {
                return $"ST({i}) {X87.St(ref f, i)}";
            }
        }

        if ($"{f.TagWord:X4}" != expected.Tags)
        {
            return $"tags {f.TagWord:X4}";
        }

        if (expected.Store != "-" && Convert.ToHexString(rig.Machine.Ram.Window(Operand, op.Width)) != expected.Store)
        {
            return $"memory {Convert.ToHexString(rig.Machine.Ram.Window(Operand, op.Width))}";
        }

        uint flags = LazyFlags.Read(rig.Cpu) & (X87.ZeroFlag | X87.ParityFlag | X87.CarryFlag);
        return flags != expected.Flags ? $"eflags {flags:X2}" : "";
    }
}
