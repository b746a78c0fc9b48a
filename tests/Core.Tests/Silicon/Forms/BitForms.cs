using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>BT and its kin (with offsets far beyond the operand), the bit scans, BSWAP, SETcc and CMOVcc.</summary>
internal static class BitForms
{
    public static void Add(FormSet set)
    {
        string[] names = ["BT", "BTS", "BTR", "BTC"];
        for (int operation = 0; operation < 4; operation++)
        {
            string name = names[operation];
            byte opcode = (byte)(0xA3 | (operation << 3));
            int extension = 4 | operation;
            foreach (int size in Sizes.Wide)
            {
                int w = size * 8;
                set.Add($"{name} r/m{w}, r{w} [reg]", size, e => e.Prefix16().Op(0x0F, opcode).Registers(e.Any(), e.Any()));
                set.Add($"{name} r/m{w}, r{w} [mem]", size, e => BitString(e, opcode)).Shaped(Offset).Counted(960);
                set.Add($"{name} r/m{w}, imm8 [reg]", size, e => e.Prefix16().Op(0x0F, 0xBA).Registers(extension, e.Any()).Immediate(1));
                set.Add($"{name} r/m{w}, imm8 [mem]", size, e => e.Prefix16().Op(0x0F, 0xBA).Memory(extension).Immediate(1));
                if (operation > 0)
                {
                    set.Add($"LOCK {name} r/m{w}, r{w}", size, e => BitString(e.Op(0xF0), opcode)).Shaped(Offset).Counted(240);
                    set.Add($"LOCK {name} r/m{w}, imm8", size,
                        e => e.Op(0xF0).Prefix16().Op(0x0F, 0xBA).Memory(extension).Immediate(1)).Counted(240);
                }
            }
        }

        foreach (int size in Sizes.Wide)
        {
            int w = size * 8;
            foreach (bool memory in Sizes.Places)
            {
                // No F3 here: silicon of today runs that as TZCNT and LZCNT.
                string place = Sizes.Place(memory);
                set.Add($"BSF r{w}, r/m{w} [{place}]", size, e => e.Prefix16().Op(0x0F, 0xBC).Place(memory, e.Any())).Shaped(Sparse);
                set.Add($"BSR r{w}, r/m{w} [{place}]", size, e => e.Prefix16().Op(0x0F, 0xBD).Place(memory, e.Any())).Shaped(Sparse);
            }
        }

        set.Add("BSWAP r32", 4, static e => e.Op(0x0F, (byte)(0xC8 + e.Any())));
    }

    public static void AddConditional(FormSet set)
    {
        for (int condition = 0; condition < 16; condition++)
        {
            string name = Sizes.Conditions[condition];
            byte opcode = (byte)condition;
            foreach (bool memory in Sizes.Places)
            {
                string place = Sizes.Place(memory);
                set.Add($"SET{name} r/m8 [{place}]", 1,
                    e => e.Op(0x0F, (byte)(0x90 | opcode)).Place(memory, e.Random.Below(8))).Counted(512);
                foreach (int size in Sizes.Wide)
                {
                    int w = size * 8;
                    set.Add($"CMOV{name} r{w}, r/m{w} [{place}]", size,
                        e => e.Prefix16().Op(0x0F, (byte)(0x40 | opcode)).Place(memory, e.Any())).Counted(512);
                }
            }
        }
    }

    private static void BitString(SiliconEncoder e, byte opcode)
    {
        // The bit offset must arrive as it was drawn: a pointer in its place would reach for the far side of memory.
        int register = e.Random.Below(8);
        e.Reserves(register).Prefix16().Op(0x0F, opcode).Memory(register, 0x70, 0x8C);
    }

    private static void Offset(SiliconState state, SiliconEncoding encoding, SiliconRandom random)
    {
        int bit = random.OneIn(2) ? random.Between(0, (encoding.Size * 8) - 1) : random.Between(-800, 799);
        state.SetRegister(encoding.Reg, encoding.Size, (uint)bit);
    }

    private static void Sparse(SiliconState state, SiliconEncoding encoding, SiliconRandom random)
    {
        // Noise has a low bit set nearly always; thin it out, down to nothing.
        if (random.OneIn(3))
        {
            return;
        }

        uint value = random.OneIn(6) ? 0 : random.Next() & random.Next() & random.Next() & random.Next();
        if (encoding.Memory is null)
        {
            state.SetRegister(encoding.Rm, encoding.Size, value);
        }
        else
        {
            state.Store(encoding.MemoryOffset, encoding.Size, value);
        }
    }
}
