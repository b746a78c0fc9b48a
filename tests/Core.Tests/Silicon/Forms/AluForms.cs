using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>ADD, OR, ADC, SBB, AND, SUB, XOR, CMP in every shape the old half of the opcode map gives them.</summary>
internal static class AluForms
{
    public static readonly string[] Names = ["ADD", "OR", "ADC", "SBB", "AND", "SUB", "XOR", "CMP"];

    public static void AddRegisterForms(FormSet set)
    {
        for (int operation = 0; operation < 8; operation++)
        {
            string name = Names[operation];
            int row = operation << 3;
            int extension = operation;
            foreach (int size in Sizes.All)
            {
                int w = size * 8;
                set.Add($"{name} r/m{w}, r{w} [reg]", size, e => e.Sized(row).Registers(e.Any(), e.Any()));
                set.Add($"{name} r/m{w}, r{w} [mem]", size, e => e.Sized(row).Memory(e.Any()));
                set.Add($"{name} r{w}, r/m{w} [reg]", size, e => e.Sized(row | 2).Registers(e.Any(), e.Any()));
                set.Add($"{name} r{w}, r/m{w} [mem]", size, e => e.Sized(row | 2).Memory(e.Any()));
                if (name != "CMP")
                {
                    set.Add($"LOCK {name} r/m{w}, r{w} [mem]", size, e => e.Op(0xF0).Sized(row).Memory(e.Any())).Counted(360);
                    set.Add($"LOCK {name} r/m{w}, imm{w}", size,
                        e => e.Op(0xF0).Sized(0x80).Memory(extension).Immediate(size)).Counted(360);
                }
            }
        }
    }

    public static void AddImmediateForms(FormSet set)
    {
        for (int operation = 0; operation < 8; operation++)
        {
            string name = Names[operation];
            int row = operation << 3;
            int extension = operation;
            foreach (int size in Sizes.All)
            {
                int w = size * 8;
                set.Add($"{name} {Sizes.Accumulator(size)}, imm{w}", size, e => e.Sized(row | 4).Immediate(size));
                set.Add($"{name} r/m{w}, imm{w} [reg]", size, e => e.Sized(0x80).Registers(extension, e.Any()).Immediate(size));
                set.Add($"{name} r/m{w}, imm{w} [mem]", size, e => e.Sized(0x80).Memory(extension).Immediate(size));
                if (size > 1)
                {
                    set.Add($"{name} r/m{w}, imm8 sign-extended [reg]", size,
                        e => e.Prefix16().Op(0x83).Registers(extension, e.Any()).Immediate(1));
                    set.Add($"{name} r/m{w}, imm8 sign-extended [mem]", size,
                        e => e.Prefix16().Op(0x83).Memory(extension).Immediate(1));
                }
            }

            set.Add($"{name} r/m8, imm8 [reg, opcode 82]", 1, e => e.Op(0x82).Registers(extension, e.Any()).Immediate(1)).Counted(240);
        }
    }
}
