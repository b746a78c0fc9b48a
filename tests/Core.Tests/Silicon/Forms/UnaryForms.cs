using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>TEST, INC, DEC, NOT, NEG, the flag instructions, the widening ones, and decimal arithmetic.</summary>
internal static class UnaryForms
{
    public static void Add(FormSet set)
    {
        foreach (int size in Sizes.All)
        {
            int w = size * 8;
            set.Add($"TEST {Sizes.Accumulator(size)}, imm{w}", size, e => e.Sized(0xA8).Immediate(size));
            foreach (bool memory in Sizes.Places)
            {
                string place = Sizes.Place(memory);
                set.Add($"TEST r/m{w}, r{w} [{place}]", size, e => e.Sized(0x84).Place(memory, e.Any()));
                set.Add($"TEST r/m{w}, imm{w} [{place}]", size, e => e.Sized(0xF6).Place(memory, 0).Immediate(size));
                set.Add($"TEST r/m{w}, imm{w} [{place}, /1]", size, e => e.Sized(0xF6).Place(memory, 1).Immediate(size)).Counted(240);
                set.Add($"INC r/m{w} [{place}]", size, e => e.Sized(0xFE).Place(memory, 0));
                set.Add($"DEC r/m{w} [{place}]", size, e => e.Sized(0xFE).Place(memory, 1));
                set.Add($"NOT r/m{w} [{place}]", size, e => e.Sized(0xF6).Place(memory, 2)).Counted(480);
                set.Add($"NEG r/m{w} [{place}]", size, e => e.Sized(0xF6).Place(memory, 3));
            }

            foreach ((string name, int opcode, int extension) in ((string, int, int)[])[("INC", 0xFE, 0), ("DEC", 0xFE, 1), ("NOT", 0xF6, 2), ("NEG", 0xF6, 3)])
            {
                set.Add($"LOCK {name} r/m{w}", size, e => e.Op(0xF0).Sized(opcode).Memory(extension)).Counted(240);
            }
        }

        foreach (int size in Sizes.Wide)
        {
            int w = size * 8;
            set.Add($"INC r{w} [one byte]", size, e => e.Prefix16().Op((byte)(0x40 + e.Any())));
            set.Add($"DEC r{w} [one byte]", size, e => e.Prefix16().Op((byte)(0x48 + e.Any())));
        }

        foreach ((string name, byte opcode) in ((string, byte)[])
            [("CLC", 0xF8), ("STC", 0xF9), ("CMC", 0xF5), ("CLD", 0xFC), ("STD", 0xFD), ("LAHF", 0x9F), ("SAHF", 0x9E)])
        {
            set.Add(name, 1, e => e.Op(opcode)).Counted(480, 4);
        }

        set.Add("CBW", 2, static e => e.Op(0x66, 0x98)).Counted(480, 4);
        set.Add("CWDE", 4, static e => e.Op(0x98)).Counted(480, 4);
        set.Add("CWD", 2, static e => e.Op(0x66, 0x99)).Counted(480, 4);
        set.Add("CDQ", 4, static e => e.Op(0x99)).Counted(480, 4);

        foreach ((string name, byte opcode) in ((string, byte)[])[("AAA", 0x37), ("AAS", 0x3F), ("DAA", 0x27), ("DAS", 0x2F)])
        {
            set.Add(name, 1, e => e.Op(opcode)).Shaped(Digits).Counted(2000, 4);
        }

        set.Add("AAM imm8", 1,
            static e => e.Op(0xD4).Immediate(1, e.Variant < 4 ? 10 : e.Random.Operand(1))).Shaped(Digits).Counted(960, 16);
        set.Add("AAM 0", 1, static e => e.Op(0xD4, 0)).Counted(64, 2);
        set.Add("AAD imm8", 1,
            static e => e.Op(0xD5).Immediate(1, e.Variant < 4 ? 10 : e.Random.Operand(1))).Shaped(Digits).Counted(960, 16);
    }

    /// <summary>Decimal adjustment only ever sees decimal digits in anger; half of the time they are here.</summary>
    private static void Digits(SiliconState state, SiliconEncoding encoding, SiliconRandom random)
    {
        if (random.OneIn(2))
        {
            state.SetRegister(0, 1, (uint)((random.Below(12) << 4) | random.Below(12)));
        }
        else if (random.OneIn(2))
        {
            state.SetRegister(0, 2, random.Next());
        }
    }
}
