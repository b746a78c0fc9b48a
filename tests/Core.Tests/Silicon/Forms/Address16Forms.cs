using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>One of everything that has a memory operand, with 16-bit addresses.</summary>
internal static class Address16Forms
{
    public static void Add(FormSet set)
    {
        foreach (int size in Sizes.All)
        {
            int w = size * 8;
            for (int operation = 0; operation < 8; operation++)
            {
                int row = operation << 3;
                int extension = operation;
                string name = AluForms.Names[operation];
                Low(set, $"A16 {name} r/m{w}, r{w} [mem]", size, e => e.Address16().Sized(row).Memory(e.Any()));
                Low(set, $"A16 {name} r{w}, r/m{w} [mem]", size, e => e.Address16().Sized(row | 2).Memory(e.Any()));
                Low(set, $"A16 {name} r/m{w}, imm{w} [mem]", size, e => e.Address16().Sized(0x80).Memory(extension).Immediate(size));
            }

            Low(set, $"A16 MOV r/m{w}, r{w} [mem]", size, e => e.Address16().Sized(0x88).Memory(e.Any()));
            Low(set, $"A16 MOV r{w}, r/m{w} [mem]", size, e => e.Address16().Sized(0x8A).Memory(e.Any()));
            Low(set, $"A16 MOV r/m{w}, imm{w} [mem]", size, e => e.Address16().Sized(0xC6).Memory(0).Immediate(size));
            Low(set, $"A16 MOV {Sizes.Accumulator(size)}, moffs{w}", size, e => e.Address16().Sized(0xA0).Offset());
            Low(set, $"A16 MOV moffs{w}, {Sizes.Accumulator(size)}", size, e => e.Address16().Sized(0xA2).Offset());
            Low(set, $"A16 TEST r/m{w}, r{w} [mem]", size, e => e.Address16().Sized(0x84).Memory(e.Any()));
            Low(set, $"A16 XCHG r/m{w}, r{w} [mem]", size, e => e.Address16().Sized(0x86).Memory(e.Any()));
            Low(set, $"A16 INC r/m{w} [mem]", size, e => e.Address16().Sized(0xFE).Memory(0));
            Low(set, $"A16 NEG r/m{w} [mem]", size, e => e.Address16().Sized(0xF6).Memory(3));
            Low(set, $"A16 SHL r/m{w}, 1 [mem]", size, e => e.Address16().Sized(0xD0).Memory(4)).ShiftsBy(CountSource.One);
        }

        Low(set, "A16 PUSH r/m32 [mem]", 4, static e => e.Stack().Address16().Op(0xFF).Memory(6));
        Low(set, "A16 POP r/m32 [mem]", 4, static e => e.Stack().Address16().Op(0x8F).Memory(0));
        Low(set, "A16 IMUL r32, r/m32 [mem]", 4, static e => e.Address16().Op(0x0F, 0xAF).Memory(e.Any()));
        Low(set, "A16 MOVZX r32, r/m8 [mem]", 1, static e => e.Address16().Op(0x0F, 0xB6).Memory(e.Random.Below(8)));
        Low(set, "A16 BT r/m32, imm8 [mem]", 4, static e => e.Address16().Op(0x0F, 0xBA).Memory(4).Immediate(1));
        Low(set, "A16 XLAT", 1, static e => e.Op(0x67, 0xD7)).Shaped(static (state, encoding, random) =>
            state.SetRegister(3, 2, encoding.Window));
        foreach (string name in (string[])["BT", "BTS", "BTR", "BTC"])
        {
            byte opcode = (byte)(0xA3 + (8 * Array.IndexOf(["BT", "BTS", "BTR", "BTC"], name)));
            Low(set, $"A16 {name} r/m16, r16 [mem]", 2, e =>
            {
                // None of the registers that 16-bit addresses are made of.
                int register = e.Random.Below(3);
                e.Address16().Op(0x66, 0x0F, opcode).Memory(register, 0x70, 0x8C);
            }).Shaped(static (state, encoding, random) => state.SetRegister(encoding.Reg, 2, (uint)random.Between(-800, 799)));
        }
    }

    private static SiliconForm Low(FormSet set, string name, int size, Action<SiliconEncoder> encode) =>
        set.Add(name, size, encode).Counted(240).InLowMemory();
}
