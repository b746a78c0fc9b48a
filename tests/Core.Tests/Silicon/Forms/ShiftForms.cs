using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>Shifts and rotates by 1, by an immediate and by CL, and the double shifts.</summary>
internal static class ShiftForms
{
    private static readonly string[] s_names = ["ROL", "ROR", "RCL", "RCR", "SHL", "SHR", "SAL", "SAR"];

    public static void Add(FormSet set)
    {
        for (int operation = 0; operation < 8; operation++)
        {
            string name = s_names[operation];
            int extension = operation;
            foreach (int size in Sizes.All)
            {
                int w = size * 8;
                foreach (bool memory in Sizes.Places)
                {
                    string place = Sizes.Place(memory);
                    string note = operation == 6 ? $"[{place}, /6]" : $"[{place}]";
                    set.Add($"{name} r/m{w}, 1 {note}", size, e => e.Sized(0xD0).Place(memory, extension))
                        .ShiftsBy(CountSource.One).Counted(480);
                    set.Add($"{name} r/m{w}, imm8 {note}", size,
                        e => e.Sized(0xC0).Place(memory, extension).Immediate(1, Count(e.Random, size)))
                        .ShiftsBy(CountSource.Immediate).Counted(720, 24);
                    set.Add($"{name} r/m{w}, CL {note}", size, e => e.Uses(1).Sized(0xD2).Place(memory, extension))
                        .ShiftsBy(CountSource.Cl).Shaped(static (state, encoding, random) =>
                            state.SetRegister(1, 1, Count(random, encoding.Size))).Counted(1000);
                }
            }
        }

        foreach ((string name, byte opcode) in ((string, byte)[])[("SHLD", 0xA4), ("SHRD", 0xAC)])
        {
            foreach (int size in Sizes.Wide)
            {
                int w = size * 8;
                foreach (bool memory in Sizes.Places)
                {
                    string place = Sizes.Place(memory);
                    set.Add($"{name} r/m{w}, r{w}, imm8 [{place}]", size,
                        e => e.Prefix16().Op(0x0F, opcode).Place(memory, e.Any()).Immediate(1, DoubleCount(e.Random, size)))
                        .ShiftsBy(CountSource.Immediate).Counted(960, 24);
                    set.Add($"{name} r/m{w}, r{w}, CL [{place}]", size,
                        e => e.Reserves(1).Prefix16().Op(0x0F, (byte)(opcode | 1)).Place(memory, e.Any()))
                        .ShiftsBy(CountSource.Cl).Shaped((state, encoding, random) =>
                            state.SetRegister(1, 1, DoubleCount(random, size))).Counted(1200);
                }
            }
        }
    }

    /// <summary>Counts that fit the operand mostly; then those that the mask of five bits makes small; then any.</summary>
    private static uint Count(SiliconRandom random, int size) => random.Below(8) switch
    {
        0 => random.Next() & 0xFF,
        1 => (uint)(32 + random.Below(4)),
        2 => (uint)random.Below(32),
        3 => (uint)((size * 8) + random.Below(3) - 1),
        _ => (uint)random.Below(size * 8),
    };

    /// <summary>As <see cref="Count"/>, less the counts above 16 at 16 bits, which leave the whole result undefined (and AMD and Intel apart).</summary>
    private static uint DoubleCount(SiliconRandom random, int size)
    {
        uint count = Count(random, size);
        return size == 2 && (count & 31) > 16 ? count & 0xEF : count;
    }
}
