using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>MOVS, CMPS, STOS, LODS and SCAS: bare, under each repeat prefix, in both directions, with 32- and 16-bit addresses.</summary>
internal static class StringForms
{
    private static readonly (string Name, byte Opcode)[] s_strings = [("MOVS", 0xA4), ("CMPS", 0xA6), ("STOS", 0xAA), ("LODS", 0xAC), ("SCAS", 0xAE)];

    public static void Add(FormSet set)
    {
        foreach ((string name, byte opcode) in s_strings)
        {
            foreach (int size in Sizes.All)
            {
                string sized = name + size switch { 1 => "B", 2 => "W", _ => "D" };
                bool compares = opcode is 0xA6 or 0xAE;
                set.Add(sized, size, e => e.Sized(opcode)).Shaped(Pointers).Counted(480, 2);
                set.Add($"{(compares ? "REPE" : "REP")} {sized}", size, e => e.Op(0xF3).Sized(opcode)).Shaped(Pointers).Counted(640, 2);
                set.Add($"REPNE {sized}", size, e => e.Op(0xF2).Sized(opcode)).Shaped(Pointers).Counted(compares ? 640 : 240, 2);
                set.Add($"A16 {sized}", size, e => e.Op(0x67).Sized(opcode)).Shaped(Pointers16).Counted(240, 2).InLowMemory();
                set.Add($"A16 {(compares ? "REPE" : "REP")} {sized}", size,
                    e => e.Op(0x67, 0xF3).Sized(opcode)).Shaped(Pointers16).Counted(360, 2).InLowMemory();
                if (compares)
                {
                    set.Add($"A16 REPNE {sized}", size,
                        e => e.Op(0xF2, 0x67).Sized(opcode)).Shaped(Pointers16).Counted(360, 2).InLowMemory();
                }
            }
        }

        foreach ((string name, byte opcode) in ((string, byte)[])[("MOVSD", 0xA5), ("CMPSB", 0xA6), ("LODSD", 0xAD)])
        {
            foreach ((string segment, byte prefix) in SystemForms.FlatSegments)
            {
                set.Add($"{name} {segment}:", 4, e => e.Op(prefix, opcode)).Shaped(Pointers).Counted(60, 2);
            }
        }
    }

    private static void Pointers(SiliconState state, SiliconEncoding encoding, SiliconRandom random)
    {
        bool down = (state.Eflags & Flag.Direction) != 0;
        int count = random.OneIn(8) ? 0 : random.Between(1, 12);
        int span = count * encoding.Size;
        state.Gpr[1] = (uint)count;
        state.Gpr[6] = encoding.Window + (uint)Start(random, span, encoding.Size, down);
        state.Gpr[7] = encoding.Window + (uint)Start(random, span, encoding.Size, down);
        if (random.OneIn(4))
        {
            // Overlapping, within a few bytes: a copy that replicates.
            int near = Math.Clamp((int)(state.Gpr[6] - encoding.Window) + random.Between(-5, 5), down ? span : 0, down ? 250 : 250 - span);
            state.Gpr[7] = encoding.Window + (uint)near;
        }

        if (random.OneIn(2))
        {
            return;
        }

        // Comparisons that go on for a while: few letters, and a run of one of them.
        byte letter = (byte)random.Next();
        for (int i = 0; i < SiliconLayout.WindowSize; i++)
        {
            state.Window[i] = random.OneIn(24) ? (byte)(letter + 1) : letter;
        }

        if (random.OneIn(2))
        {
            state.SetRegister(0, 4, letter * 0x01010101u);
        }
    }

    private static int Start(SiliconRandom random, int span, int size, bool down) =>
        down ? random.Between(Math.Max(0, span - size), SiliconLayout.WindowSize - size) : random.Between(0, SiliconLayout.WindowSize - Math.Max(span, size));

    /// <summary>Only SI, DI and CX count; the upper halves are noise that must survive.</summary>
    private static void Pointers16(SiliconState state, SiliconEncoding encoding, SiliconRandom random)
    {
        Pointers(state, encoding, random);
        foreach (int register in (int[])[1, 6, 7])
        {
            state.Gpr[register] |= random.Next() << 16;
        }
    }
}
