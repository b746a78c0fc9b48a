using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>Packed integers: each instruction in MMX and XMM registers, with a register and with memory.</summary>
internal static class MmxForms
{
    /// <summary>Those that both register files have; SSE2 ones of MMX included.</summary>
    private static readonly (string Name, byte Opcode)[] s_both =
    [
        ("PUNPCKLBW", 0x60), ("PUNPCKLWD", 0x61), ("PUNPCKLDQ", 0x62), ("PACKSSWB", 0x63), ("PCMPGTB", 0x64), ("PCMPGTW", 0x65), ("PCMPGTD", 0x66),
        ("PACKUSWB", 0x67), ("PUNPCKHBW", 0x68), ("PUNPCKHWD", 0x69), ("PUNPCKHDQ", 0x6A), ("PACKSSDW", 0x6B), ("PCMPEQB", 0x74), ("PCMPEQW", 0x75),
        ("PCMPEQD", 0x76), ("PADDQ", 0xD4), ("PMULLW", 0xD5), ("PSUBUSB", 0xD8), ("PSUBUSW", 0xD9), ("PMINUB", 0xDA), ("PAND", 0xDB), ("PADDUSB", 0xDC),
        ("PADDUSW", 0xDD), ("PMAXUB", 0xDE), ("PANDN", 0xDF), ("PAVGB", 0xE0), ("PAVGW", 0xE3), ("PMULHUW", 0xE4), ("PMULHW", 0xE5), ("PSUBSB", 0xE8),
        ("PSUBSW", 0xE9), ("PMINSW", 0xEA), ("POR", 0xEB), ("PADDSB", 0xEC), ("PADDSW", 0xED), ("PMAXSW", 0xEE), ("PXOR", 0xEF), ("PMULUDQ", 0xF4),
        ("PMADDWD", 0xF5), ("PSADBW", 0xF6), ("PSUBB", 0xF8), ("PSUBW", 0xF9), ("PSUBD", 0xFA), ("PSUBQ", 0xFB), ("PADDB", 0xFC), ("PADDW", 0xFD), ("PADDD", 0xFE),
    ];

    private static readonly (string Name, byte Opcode)[] s_shifts =
    [
        ("PSRLW", 0xD1), ("PSRLD", 0xD2), ("PSRLQ", 0xD3), ("PSRAW", 0xE1), ("PSRAD", 0xE2), ("PSLLW", 0xF1), ("PSLLD", 0xF2), ("PSLLQ", 0xF3),
    ];

    private static readonly (string Name, byte Opcode, int Extension)[] s_immediateShifts =
    [
        ("PSRLW", 0x71, 2), ("PSRAW", 0x71, 4), ("PSLLW", 0x71, 6), ("PSRLD", 0x72, 2), ("PSRAD", 0x72, 4), ("PSLLD", 0x72, 6), ("PSRLQ", 0x73, 2), ("PSLLQ", 0x73, 6),
    ];

    public static void AddMmx(FormSet set)
    {
        foreach (bool memory in Sizes.Places)
        {
            string place = Sizes.Place(memory);
            foreach ((string name, byte opcode) in s_both)
            {
                set.Add($"{name} mm, mm/m64 [{place}]", 4, e => Mmx(e, opcode, memory)).Shaped(SimdOperands.Integers).Counted(960);
            }

            foreach ((string name, byte opcode) in s_shifts)
            {
                set.Add($"{name} mm, mm/m64 [{place}]", 4, e => Mmx(e, opcode, memory)).Shaped(SimdOperands.Counts).Counted(960);
            }

            set.Add($"PSHUFW mm, mm/m64, imm8 [{place}]", 4, e => Mmx(e, 0x70, memory, immediate: true)).Shaped(SimdOperands.Integers).Counted(960, 48);
        }

        foreach ((string name, byte opcode, int extension) in s_immediateShifts)
        {
            set.Add($"{name} mm, imm8", 4, e => ShiftMmx(e, opcode, extension)).Shaped(SimdOperands.Integers).Counted(960, 48);
        }

        set.Add("PINSRW mm, r32, imm8", 4, static e => e.LoadMmx(0, SimdOperands.First).Op(0x0F, 0xC4, 0xC1).Immediate(1).StoreMmx(0, SimdOperands.Result).Op(0x0F, 0x77))
            .Shaped(SimdOperands.Integers).Counted(480, 16);
        set.Add("PINSRW mm, m16, imm8", 4, static e => e.LoadMmx(0, SimdOperands.First).Window(0, 0xC4, 0, SimdOperands.Second).Immediate(1).StoreMmx(0, SimdOperands.Result).Op(0x0F, 0x77))
            .Shaped(SimdOperands.Integers).Counted(480, 16);
        set.Add("PEXTRW r32, mm, imm8", 4, static e => e.LoadMmx(2, SimdOperands.First).Op(0x0F, 0xC5, 0xCA).Immediate(1).Op(0x0F, 0x77))
            .Shaped(SimdOperands.Integers).Counted(480, 16);
        set.Add("PMOVMSKB r32, mm", 4, static e => e.LoadMmx(2, SimdOperands.First).Op(0x0F, 0xD7, 0xCA, 0x0F, 0x77)).Shaped(SimdOperands.Integers).Counted(480);
        set.Add("MOVD mm, r32", 4, static e => e.LoadMmx(0, SimdOperands.First).Op(0x0F, 0x6E, 0xC1).StoreMmx(0, SimdOperands.Result).Op(0x0F, 0x77))
            .Shaped(SimdOperands.Integers).Counted(480);
        set.Add("MOVD r32, mm", 4, static e => e.LoadMmx(0, SimdOperands.First).Op(0x0F, 0x7E, 0xC1, 0x0F, 0x77)).Shaped(SimdOperands.Integers).Counted(480);
        set.Add("MOVD m32, mm", 4, static e => e.LoadMmx(0, SimdOperands.First).Window(0, 0x7E, 0, SimdOperands.Result).Op(0x0F, 0x77)).Shaped(SimdOperands.Integers).Counted(240);
        set.Add("MOVNTQ m64, mm", 4, static e => e.LoadMmx(0, SimdOperands.First).Window(0, 0xE7, 0, SimdOperands.Result).Op(0x0F, 0x77)).Shaped(SimdOperands.Integers).Counted(240);
        set.Add("MOVQ2DQ xmm, mm", 4, static e => e.LoadXmm(0, SimdOperands.First).LoadMmx(1, SimdOperands.Second).Op(0xF3, 0x0F, 0xD6, 0xC1).StoreXmm(0, SimdOperands.Result).Op(0x0F, 0x77))
            .Shaped(SimdOperands.Integers).Counted(480);
        set.Add("MOVDQ2Q mm, xmm", 4, static e => e.LoadMmx(0, SimdOperands.First).LoadXmm(1, SimdOperands.Second).Op(0xF2, 0x0F, 0xD6, 0xC1).StoreMmx(0, SimdOperands.Result).Op(0x0F, 0x77))
            .Shaped(SimdOperands.Integers).Counted(480);
        set.Add("MASKMOVQ mm, mm", 4, static e => e.LoadMmx(0, SimdOperands.First).LoadMmx(1, SimdOperands.Second).Op(0x0F, 0xF7, 0xC1, 0x0F, 0x77))
            .Shaped(Masked).Counted(960);

        // What MMX does to the x87 unit, as its environment tells: TOP, tags, and the registers' other 16 bits.
        set.Add("MMX + EMMS + FNSTENV", 4, static e => e.Op(0xDB, 0xE3).LoadMmx(3, SimdOperands.First).Op(0x0F, 0x77).Op(0xD9, 0x73, 0x30))
            .Shaped(SimdOperands.Integers).Counted(120).AsSequence();
        set.Add("MMX + FSTP m80", 4, static e => e.Op(0xDB, 0xE3).LoadMmx(0, SimdOperands.First).Op(0xDB, 0x7B, 0x30).Op(0xDB, 0xE3)).Shaped(SimdOperands.Integers).Counted(480).AsSequence();
    }

    public static void AddXmm(FormSet set)
    {
        (string Name, byte Opcode)[] quadwords = [("PUNPCKLQDQ", 0x6C), ("PUNPCKHQDQ", 0x6D)];
        foreach (bool memory in Sizes.Places)
        {
            string place = Sizes.Place(memory);
            foreach ((string name, byte opcode) in s_both.Concat(quadwords))
            {
                set.Add($"{name} xmm, xmm/m128 [{place}]", 4, e => Xmm(e, 0x66, opcode, memory)).Shaped(SimdOperands.Integers).Counted(480);
            }

            foreach ((string name, byte opcode) in s_shifts)
            {
                set.Add($"{name} xmm, xmm/m128 [{place}]", 4, e => Xmm(e, 0x66, opcode, memory)).Shaped(SimdOperands.Counts).Counted(480);
            }

            foreach ((string name, byte prefix) in ((string, byte)[])[("PSHUFD", 0x66), ("PSHUFHW", 0xF3), ("PSHUFLW", 0xF2)])
            {
                set.Add($"{name} xmm, xmm/m128, imm8 [{place}]", 4, e => Xmm(e, prefix, 0x70, memory, immediate: true)).Shaped(SimdOperands.Integers).Counted(480, 48);
            }

            set.Add($"SHUFPS xmm, xmm/m128, imm8 [{place}]", 4, e => Xmm(e, 0, 0xC6, memory, immediate: true)).Shaped(SimdOperands.Integers).Counted(480, 48);
            set.Add($"SHUFPD xmm, xmm/m128, imm8 [{place}]", 4, e => Xmm(e, 0x66, 0xC6, memory, immediate: true)).Shaped(SimdOperands.Integers).Counted(480, 48);
        }

        foreach ((string name, byte opcode, int extension) in s_immediateShifts.Append(("PSRLDQ", (byte)0x73, 3)).Append(("PSLLDQ", (byte)0x73, 7)))
        {
            set.Add($"{name} xmm, imm8", 4, e => e.LoadXmm(2, SimdOperands.First).Op(0x66, 0x0F, opcode, (byte)(0xC2 | (extension << 3))).Immediate(1, Count(e)).StoreXmm(2, SimdOperands.Result))
                .Shaped(SimdOperands.Integers).Counted(480, 48);
        }

        set.Add("PINSRW xmm, r32, imm8", 4, static e => e.LoadXmm(0, SimdOperands.First).Op(0x66, 0x0F, 0xC4, 0xC1).Immediate(1).StoreXmm(0, SimdOperands.Result))
            .Shaped(SimdOperands.Integers).Counted(480, 16);
        set.Add("PINSRW xmm, m16, imm8", 4, static e => e.LoadXmm(0, SimdOperands.First).Window(0x66, 0xC4, 0, SimdOperands.Second).Immediate(1).StoreXmm(0, SimdOperands.Result))
            .Shaped(SimdOperands.Integers).Counted(480, 16);
        set.Add("PEXTRW r32, xmm, imm8", 4, static e => e.LoadXmm(2, SimdOperands.First).Op(0x66, 0x0F, 0xC5, 0xCA).Immediate(1)).Shaped(SimdOperands.Integers).Counted(480, 16);
        set.Add("PMOVMSKB r32, xmm", 4, static e => e.LoadXmm(2, SimdOperands.First).Op(0x66, 0x0F, 0xD7, 0xCA)).Shaped(SimdOperands.Integers).Counted(480);
        set.Add("MOVMSKPS r32, xmm", 4, static e => e.LoadXmm(2, SimdOperands.First).Op(0x0F, 0x50, 0xCA)).Shaped(SimdOperands.Integers).Counted(480);
        set.Add("MOVMSKPD r32, xmm", 4, static e => e.LoadXmm(2, SimdOperands.First).Op(0x66, 0x0F, 0x50, 0xCA)).Shaped(SimdOperands.Integers).Counted(480);
        set.Add("MASKMOVDQU xmm, xmm", 4, static e => e.LoadXmm(0, SimdOperands.First).LoadXmm(1, SimdOperands.Second).Op(0x66, 0x0F, 0xF7, 0xC1)).Shaped(Masked).Counted(480);
    }

    private static void Mmx(SiliconEncoder e, byte opcode, bool memory, bool immediate = false)
    {
        int first = e.Random.Below(8);
        int second = e.Random.Below(8);
        e.LoadMmx(first, SimdOperands.First);
        if (!memory && second != first)
        {
            e.LoadMmx(second, SimdOperands.Second);
        }

        e.Tested(0, opcode, first, second, memory);
        if (immediate)
        {
            e.Immediate(1, e.Random.Next() & 0xFF);
        }

        e.StoreMmx(first, SimdOperands.Result).Op(0x0F, 0x77);
    }

    private static void Xmm(SiliconEncoder e, byte prefix, byte opcode, bool memory, bool immediate = false)
    {
        int first = e.Random.Below(8);
        int second = e.Random.Below(8);
        e.LoadXmm(first, SimdOperands.First);
        if (!memory && second != first)
        {
            e.LoadXmm(second, SimdOperands.Second);
        }

        e.Tested(prefix, opcode, first, second, memory);
        if (immediate)
        {
            e.Immediate(1, e.Random.Next() & 0xFF);
        }

        e.StoreXmm(first, SimdOperands.Result);
    }

    private static void ShiftMmx(SiliconEncoder e, byte opcode, int extension) =>
        e.LoadMmx(2, SimdOperands.First).Op(0x0F, opcode, (byte)(0xC2 | (extension << 3))).Immediate(1, Count(e)).StoreMmx(2, SimdOperands.Result).Op(0x0F, 0x77);

    private static uint Count(SiliconEncoder e) => e.Random.OneIn(8) ? e.Random.Next() & 0xFF : (uint)e.Random.Below(70);

    /// <summary>edi points to the result.</summary>
    private static void Masked(SiliconState state, SiliconEncoding encoding, SiliconRandom random)
    {
        SimdOperands.Integers(state, encoding, random);
        state.Gpr[7] = encoding.Window + SimdOperands.Result + (uint)random.Below(8);
    }
}
