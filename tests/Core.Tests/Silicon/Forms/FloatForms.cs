using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>SSE and SSE2 floating point, with every kind of operand and MXCSR.</summary>
internal static class FloatForms
{
    private static readonly (string Name, byte Opcode)[] s_arithmetic =
    [
        ("SQRT", 0x51), ("ADD", 0x58), ("MUL", 0x59), ("SUB", 0x5C), ("MIN", 0x5D), ("DIV", 0x5E), ("MAX", 0x5F),
    ];

    private static readonly (string Name, byte Opcode)[] s_logical =
    [
        ("UNPCKL", 0x14), ("UNPCKH", 0x15), ("AND", 0x54), ("ANDN", 0x55), ("OR", 0x56), ("XOR", 0x57),
    ];

    public static void AddSingle(FormSet set) => Scalar(set, "SS", 0xF3, "m32", SimdOperands.Singles, 6400);

    public static void AddDouble(FormSet set) => Scalar(set, "SD", 0xF2, "m64", SimdOperands.Doubles, 6400);

    public static void AddPacked(FormSet set)
    {
        Packed(set, "PS", 0, SimdOperands.Singles);
        Packed(set, "PD", 0x66, SimdOperands.Doubles);
    }

    public static void AddConversions(FormSet set)
    {
        foreach (bool memory in Sizes.Places)
        {
            string place = Sizes.Place(memory);
            Operation(set, $"CVTPS2PD xmm, xmm/m64 [{place}]", 0, 0x5A, memory, SimdOperands.Singles, 2400);
            Operation(set, $"CVTPD2PS xmm, xmm/m128 [{place}]", 0x66, 0x5A, memory, SimdOperands.Doubles, 2400);
            Operation(set, $"CVTSS2SD xmm, xmm/m32 [{place}]", 0xF3, 0x5A, memory, SimdOperands.Singles, 2400);
            Operation(set, $"CVTSD2SS xmm, xmm/m64 [{place}]", 0xF2, 0x5A, memory, SimdOperands.Doubles, 4800);
            Operation(set, $"CVTDQ2PS xmm, xmm/m128 [{place}]", 0, 0x5B, memory, SimdOperands.IntegersAndControl, 960);
            Operation(set, $"CVTPS2DQ xmm, xmm/m128 [{place}]", 0x66, 0x5B, memory, SimdOperands.Singles, 2400);
            Operation(set, $"CVTTPS2DQ xmm, xmm/m128 [{place}]", 0xF3, 0x5B, memory, SimdOperands.Singles, 2400);
            Operation(set, $"CVTPD2DQ xmm, xmm/m128 [{place}]", 0xF2, 0xE6, memory, SimdOperands.Doubles, 2400);
            Operation(set, $"CVTTPD2DQ xmm, xmm/m128 [{place}]", 0x66, 0xE6, memory, SimdOperands.Doubles, 2400);
            Operation(set, $"CVTDQ2PD xmm, xmm/m64 [{place}]", 0xF3, 0xE6, memory, SimdOperands.IntegersAndControl, 960);
            FromMmx(set, $"CVTPI2PS xmm, mm/m64 [{place}]", 0, memory);
            FromMmx(set, $"CVTPI2PD xmm, mm/m64 [{place}]", 0x66, memory);
            ToMmx(set, $"CVTPS2PI mm, xmm/m64 [{place}]", 0, 0x2D, memory, SimdOperands.Singles);
            ToMmx(set, $"CVTTPS2PI mm, xmm/m64 [{place}]", 0, 0x2C, memory, SimdOperands.Singles);
            ToMmx(set, $"CVTPD2PI mm, xmm/m128 [{place}]", 0x66, 0x2D, memory, SimdOperands.Doubles);
            ToMmx(set, $"CVTTPD2PI mm, xmm/m128 [{place}]", 0x66, 0x2C, memory, SimdOperands.Doubles);
            ToGeneral(set, $"CVTSS2SI r32, xmm/m32 [{place}]", 0xF3, 0x2D, memory, SimdOperands.Singles);
            ToGeneral(set, $"CVTTSS2SI r32, xmm/m32 [{place}]", 0xF3, 0x2C, memory, SimdOperands.Singles);
            ToGeneral(set, $"CVTSD2SI r32, xmm/m64 [{place}]", 0xF2, 0x2D, memory, SimdOperands.Doubles);
            ToGeneral(set, $"CVTTSD2SI r32, xmm/m64 [{place}]", 0xF2, 0x2C, memory, SimdOperands.Doubles);
            FromGeneral(set, $"CVTSI2SS xmm, r/m32 [{place}]", 0xF3, memory);
            FromGeneral(set, $"CVTSI2SD xmm, r/m32 [{place}]", 0xF2, memory);
        }
    }

    /// <summary>Moves, in both directions, and what misalignment does to those that mind it.</summary>
    public static void AddMoves(FormSet set)
    {
        (string Name, byte Prefix, byte Load, byte Store)[] full =
        [
            ("MOVUPS", 0, 0x10, 0x11), ("MOVUPD", 0x66, 0x10, 0x11), ("MOVAPS", 0, 0x28, 0x29), ("MOVAPD", 0x66, 0x28, 0x29), ("MOVDQA", 0x66, 0x6F, 0x7F), ("MOVDQU", 0xF3, 0x6F, 0x7F),
        ];
        foreach ((string name, byte prefix, byte load, byte store) in full)
        {
            Operation(set, $"{name} xmm, xmm/m128 [reg]", prefix, load, false, SimdOperands.Integers, 240);
            Operation(set, $"{name} xmm/m128, xmm [reg]", prefix, store, false, SimdOperands.Integers, 240, reversed: true);
            Anywhere(set, $"{name} xmm, xmm/m128 [mem]", prefix, load);
            Anywhere(set, $"{name} xmm/m128, xmm [mem]", prefix, store);
        }

        foreach ((string name, byte prefix, byte opcode) in ((string, byte, byte)[])[("MOVNTPS", 0, 0x2B), ("MOVNTPD", 0x66, 0x2B), ("MOVNTDQ", 0x66, 0xE7)])
        {
            Anywhere(set, $"{name} m128, xmm", prefix, opcode);
        }

        foreach ((string name, byte prefix) in ((string, byte)[])[("MOVSS", 0xF3), ("MOVSD", 0xF2)])
        {
            Operation(set, $"{name} xmm, xmm [reg]", prefix, 0x10, false, SimdOperands.Integers, 480);
            Operation(set, $"{name} xmm, xmm [reg, store]", prefix, 0x11, false, SimdOperands.Integers, 480, reversed: true);
            Anywhere(set, $"{name} xmm, m [mem]", prefix, 0x10);
            Anywhere(set, $"{name} m, xmm [mem]", prefix, 0x11);
        }

        foreach ((string name, byte prefix) in ((string, byte)[])[("S", 0), ("D", 0x66)])
        {
            Anywhere(set, $"MOVLP{name} xmm, m64", prefix, 0x12);
            Anywhere(set, $"MOVLP{name} m64, xmm", prefix, 0x13);
            Anywhere(set, $"MOVHP{name} xmm, m64", prefix, 0x16);
            Anywhere(set, $"MOVHP{name} m64, xmm", prefix, 0x17);
        }

        Operation(set, "MOVHLPS xmm, xmm", 0, 0x12, false, SimdOperands.Integers, 480);
        Operation(set, "MOVLHPS xmm, xmm", 0, 0x16, false, SimdOperands.Integers, 480);
        Operation(set, "MOVQ xmm, xmm/m64 [reg]", 0xF3, 0x7E, false, SimdOperands.Integers, 480);
        Operation(set, "MOVQ xmm/m64, xmm [reg]", 0x66, 0xD6, false, SimdOperands.Integers, 480, reversed: true);
        Anywhere(set, "MOVQ xmm, xmm/m64 [mem]", 0xF3, 0x7E);
        Anywhere(set, "MOVQ xmm/m64, xmm [mem]", 0x66, 0xD6);
        Anywhere(set, "MOVD xmm, r/m32 [mem]", 0x66, 0x6E);
        Anywhere(set, "MOVD r/m32, xmm [mem]", 0x66, 0x7E);
        set.Add("MOVD xmm, r/m32 [reg]", 4, static e => e.LoadXmm(0, SimdOperands.First).Op(0x66, 0x0F, 0x6E, 0xC1).StoreXmm(0, SimdOperands.Result)).Shaped(SimdOperands.Integers).Counted(480);
        set.Add("MOVD r/m32, xmm [reg]", 4, static e => e.LoadXmm(0, SimdOperands.First).Op(0x66, 0x0F, 0x7E, 0xC1)).Shaped(SimdOperands.Integers).Counted(480);
        set.Add("MOVNTI m32, r32", 4, static e => e.Window(0, 0xC3, 1, SimdOperands.Result)).Shaped(SimdOperands.Integers).Counted(240);
        set.Add("LDMXCSR m32", 4, static e => e.LoadControl().StoreControl()).Shaped(AnyControl).Counted(480);
        foreach ((string name, byte modRm) in ((string, byte)[])[("LFENCE", 0xE8), ("MFENCE", 0xF0), ("SFENCE", 0xF8)])
        {
            set.Add(name, 4, e => e.Op(0x0F, 0xAE, modRm)).Counted(64, 4);
        }

        // Aligned operands of computations.
        foreach ((string name, byte prefix, byte opcode) in ((string, byte, byte)[])[("ADDPS", 0, 0x58), ("XORPD", 0x66, 0x57), ("PADDD", 0x66, 0xFE), ("PSHUFD", 0x66, 0x70), ("CVTPD2PS", 0x66, 0x5A)])
        {
            set.Add($"{name} [misaligned]", 4, e =>
            {
                e.LoadControl().LoadXmm(1, SimdOperands.First).Window(prefix, opcode, 1, SimdOperands.Second + e.Random.Below(16));
                if (opcode == 0x70)
                {
                    e.Immediate(1, 0x1B);
                }

                e.StoreXmm(1, SimdOperands.Result);
            }).Shaped(SimdOperands.Integers).Counted(128, 32).AsSequence();
        }
    }

    private static void Scalar(FormSet set, string suffix, byte prefix, string width, Shaper shape, int count)
    {
        foreach (bool memory in Sizes.Places)
        {
            string place = Sizes.Place(memory);
            foreach ((string name, byte opcode) in s_arithmetic)
            {
                Operation(set, $"{name}{suffix} xmm, xmm/{width} [{place}]", prefix, opcode, memory, shape, memory ? count / 2 : count);
            }

            for (int predicate = 0; predicate < 8; predicate++)
            {
                Operation(set, $"CMP{suffix} xmm, xmm/{width}, {predicate} [{place}]", prefix, 0xC2, memory, shape, 1600, predicate);
            }

            byte compare = (byte)(prefix == 0xF3 ? 0 : 0x66);
            Compare(set, $"UCOMI{suffix} xmm, xmm/{width} [{place}]", compare, 0x2E, memory, shape);
            Compare(set, $"COMI{suffix} xmm, xmm/{width} [{place}]", compare, 0x2F, memory, shape);
        }
    }

    private static void Packed(FormSet set, string suffix, byte prefix, Shaper shape)
    {
        foreach (bool memory in Sizes.Places)
        {
            string place = Sizes.Place(memory);
            foreach ((string name, byte opcode) in s_arithmetic)
            {
                Operation(set, $"{name}{suffix} xmm, xmm/m128 [{place}]", prefix, opcode, memory, shape, memory ? 800 : 2400);
            }

            foreach ((string name, byte opcode) in s_logical)
            {
                Operation(set, $"{name}{suffix} xmm, xmm/m128 [{place}]", prefix, opcode, memory, SimdOperands.Integers, 240);
            }

            for (int predicate = 0; predicate < 8; predicate++)
            {
                Operation(set, $"CMP{suffix} xmm, xmm/m128, {predicate} [{place}]", prefix, 0xC2, memory, shape, 960, predicate);
            }
        }
    }

    private static SiliconForm Operation(
        FormSet set, string name, byte prefix, byte opcode, bool memory, Shaper shape, int count, int immediate = -1, bool reversed = false) =>
        set.Add(name, 4, e =>
        {
            int first = e.Random.Below(8);
            int second = e.Random.Below(8);
            e.LoadControl().LoadXmm(first, SimdOperands.First);
            if (!memory && second != first)
            {
                e.LoadXmm(second, SimdOperands.Second);
            }

            e.Tested(prefix, opcode, reversed ? second : first, reversed ? first : second, memory);
            if (immediate >= 0)
            {
                // The upper bits mean nothing yet.
                e.Immediate(1, (uint)immediate);
            }

            e.StoreXmm(first, SimdOperands.Result).StoreControl();
        }).Shaped(shape).Counted(count);

    private static void Compare(FormSet set, string name, byte prefix, byte opcode, bool memory, Shaper shape) =>
        set.Add(name, 4, e => e.LoadControl().LoadXmm(1, SimdOperands.First).LoadXmm(2, SimdOperands.Second).Tested(prefix, opcode, 1, 2, memory).StoreControl())
            .Shaped(shape).Counted(4800);

    private static void FromMmx(FormSet set, string name, byte prefix, bool memory) =>
        set.Add(name, 4, e => e.LoadControl().LoadXmm(0, SimdOperands.First).LoadMmx(1, SimdOperands.Second).Tested(prefix, 0x2A, 0, 1, memory).StoreXmm(0, SimdOperands.Result).Op(0x0F, 0x77))
            .Shaped(SimdOperands.IntegersAndControl).Counted(960);

    private static void ToMmx(FormSet set, string name, byte prefix, byte opcode, bool memory, Shaper shape) =>
        set.Add(name, 4, e => e.LoadControl().LoadXmm(1, SimdOperands.Second).Tested(prefix, opcode, 0, 1, memory).StoreMmx(0, SimdOperands.Result).StoreControl().Op(0x0F, 0x77))
            .Shaped(shape).Counted(2400);

    private static void ToGeneral(FormSet set, string name, byte prefix, byte opcode, bool memory, Shaper shape) =>
        set.Add(name, 4, e => e.LoadControl().LoadXmm(2, SimdOperands.Second).Tested(prefix, opcode, 1, 2, memory).StoreControl()).Shaped(shape).Counted(4800);

    private static void FromGeneral(FormSet set, string name, byte prefix, bool memory) =>
        set.Add(name, 4, e => e.LoadControl().LoadXmm(0, SimdOperands.First).Tested(prefix, 0x2A, 0, 1, memory).StoreXmm(0, SimdOperands.Result).StoreControl())
            .Shaped(SimdOperands.IntegersAndControl).Counted(2400);

    /// <summary>A register and memory at any alignment.</summary>
    private static void Anywhere(FormSet set, string name, byte prefix, byte opcode) =>
        set.Add(name, 4, e => e.LoadXmm(1, SimdOperands.First).Window(prefix, opcode, 1, SimdOperands.Result + (e.Random.OneIn(2) ? 0x10 : e.Random.Below(32))).StoreXmm(1, 0x60))
            .Shaped(SimdOperands.Integers).Counted(320, 32);

    /// <summary>Reserved bits too.</summary>
    private static void AnyControl(SiliconState state, SiliconEncoding encoding, SiliconRandom random)
    {
        SimdOperands.Integers(state, encoding, random);
        uint control = random.Next() & 0xFFFF;

        // Bit 17 exists on AMD alone.
        state.Store(SimdOperands.MxcsrIn, 4, random.OneIn(3) ? control | (1u << random.Pick(16, 18, 19, 24, 31)) : control);
    }
}
