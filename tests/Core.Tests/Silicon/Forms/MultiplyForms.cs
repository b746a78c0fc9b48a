using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>MUL, IMUL in its three shapes, DIV and IDIV with and without #DE.</summary>
internal static class MultiplyForms
{
    public static void Add(FormSet set)
    {
        foreach (bool memory in Sizes.Places)
        {
            string place = Sizes.Place(memory);
            foreach (int size in Sizes.All)
            {
                int w = size * 8;
                set.Add($"MUL r/m{w} [{place}]", size, e => e.Uses(0, 2).Sized(0xF6).Place(memory, 4)).Counted(1000);
                set.Add($"IMUL r/m{w} [{place}]", size, e => e.Uses(0, 2).Sized(0xF6).Place(memory, 5)).Counted(1000);
                set.Add($"DIV r/m{w} [{place}]", size, e => e.Uses(0, 2).Sized(0xF6).Place(memory, 6)).Shaped(Dividend).Counted(1600, 16);
                set.Add($"IDIV r/m{w} [{place}]", size,
                    e => e.Uses(0, 2).Sized(0xF6).Place(memory, 7)).Shaped(SignedDividend).Counted(1600, 16);
            }

            foreach (int size in Sizes.Wide)
            {
                int w = size * 8;
                set.Add($"IMUL r{w}, r/m{w} [{place}]", size, e => e.Prefix16().Op(0x0F, 0xAF).Place(memory, e.Any())).Counted(1000);
                set.Add($"IMUL r{w}, r/m{w}, imm8 [{place}]", size,
                    e => e.Prefix16().Op(0x6B).Place(memory, e.Any()).Immediate(1)).Counted(1000, 16);
                set.Add($"IMUL r{w}, r/m{w}, imm{w} [{place}]", size,
                    e => e.Prefix16().Op(0x69).Place(memory, e.Any()).Immediate(size)).Counted(1000, 16);
            }
        }
    }

    private static uint Divisor(SiliconState state, SiliconEncoding encoding) =>
        encoding.Memory is null ? state.Register(encoding.Rm, encoding.Size) : state.Load(encoding.MemoryOffset, encoding.Size);

    /// <summary>The dividend where an instruction of that size finds it.</summary>
    private static void SetDividend(SiliconState state, int size, ulong value)
    {
        if (size == 1)
        {
            state.SetRegister(0, 2, (uint)value);
            return;
        }

        state.SetRegister(0, size, (uint)value);
        state.SetRegister(2, size, (uint)(value >> (size * 8)));
    }

    private static void Dividend(SiliconState state, SiliconEncoding encoding, SiliconRandom random)
    {
        int size = encoding.Size;
        ulong divisor = Divisor(state, encoding);
        if (divisor == 0 || random.OneIn(6))
        {
            return;
        }

        // A quotient that fits, or in rare cases is the first that does not.
        ulong quotient = random.OneIn(12) ? 1UL << (size * 8) : random.Operand(size);
        ulong remainder = random.OneIn(3) ? divisor - 1 : random.Next() % divisor;
        SetDividend(state, size, (quotient * divisor) + remainder);
    }

    private static void SignedDividend(SiliconState state, SiliconEncoding encoding, SiliconRandom random)
    {
        int size = encoding.Size;
        int unused = 64 - (size * 8);
        long divisor = (long)((ulong)Divisor(state, encoding) << unused) >> unused;
        if (divisor == 0 || random.OneIn(6))
        {
            return;
        }

        // Around the edges: the most negative quotient fits, its absolute value does not.
        long quotient = random.OneIn(8)
            ? (1L << ((size * 8) - 1)) * (random.OneIn(2) ? 1 : -1)
            : (long)((ulong)random.Operand(size) << unused) >> unused;
        long remainder = random.OneIn(3) ? Math.Abs(divisor) - 1 : random.Next() % Math.Abs(divisor);
        long product = quotient * divisor;
        SetDividend(state, size, (ulong)(product + (product < 0 ? -remainder : remainder)));
    }
}
