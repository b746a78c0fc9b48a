using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>
/// Segment registers as far as a Linux process and an lguest kernel agree: selectors that no table holds, and null
/// ones. Descriptor tables differ, so what works is for other tests; how it fails is the same everywhere.
/// </summary>
internal static class SegmentForms
{
    private static readonly (string Name, int Number)[] s_registers = [("ES", 0), ("SS", 2), ("DS", 3), ("FS", 4), ("GS", 5)];

    public static void Add(FormSet set)
    {
        foreach ((string name, int number) in s_registers)
        {
            set.Add($"MOV {name}, r/m16 [reg, no such descriptor]", 2,
                e => e.Op(0x8E).Registers(number, e.Any())).Shaped(BadRegister).Counted(120);
            set.Add($"MOV {name}, r/m16 [mem, no such descriptor]", 2, e => e.Op(0x8E).Memory(number)).Shaped(BadMemory).Counted(120);
            set.Add($"MOV {name}, r/m16 [reg, null]", 2, e => e.Op(0x8E).Registers(number, e.Any())).Shaped(NullRegister).Counted(64);
            byte[] pop = number switch { 0 => [0x07], 2 => [0x17], 3 => [0x1F], 4 => [0x0F, 0xA1], _ => [0x0F, 0xA9] };
            set.Add($"POP {name} [no such descriptor]", 4, e => e.Stack().Op(pop)).Shaped(BadStack).Counted(64);
            set.Add($"POP {name} [null]", 4, e => e.Stack().Op(pop)).Shaped(NullStack).Counted(64);
            set.Add($"POP {name} [16, null]", 2, e => e.Stack().Op(0x66).Op(pop)).Shaped(NullStack).Counted(64);
            byte[] load = number switch { 0 => [0xC4], 2 => [0x0F, 0xB2], 3 => [0xC5], 4 => [0x0F, 0xB4], _ => [0x0F, 0xB5] };
            set.Add($"L{name} r32, m16:32 [no such descriptor]", 4, e => e.Op(load).Memory(e.Any())).Shaped(BadFarPointer).Counted(96);
            set.Add($"L{name} r32, m16:32 [null]", 4, e => e.Op(load).Memory(e.Any())).Shaped(NullFarPointer).Counted(64);
            set.Add($"L{name} r16, m16:16 [null]", 2, e => e.Op(0x66).Op(load).Memory(e.Any())).Shaped(NullFarPointer).Counted(64);
        }

        foreach ((string name, byte[] code, int extension) in ((string, byte[], int)[])
            [("VERR r/m16", [0x0F, 0x00], 4), ("VERW r/m16", [0x0F, 0x00], 5)])
        {
            set.Add($"{name} [no such descriptor]", 2, e => e.Op(code).Registers(extension, e.Any())).Shaped(BadRegister).Counted(96);
            set.Add($"{name} [null]", 2, e => e.Op(code).Registers(extension, e.Any())).Shaped(NullRegister).Counted(48);
        }

        foreach ((string name, byte opcode) in ((string, byte)[])[("LAR", 0x02), ("LSL", 0x03)])
        {
            foreach (int size in Sizes.Wide)
            {
                set.Add($"{name} r{size * 8}, r/m16 [no such descriptor]", size,
                    e => e.Prefix16().Op(0x0F, opcode).Registers(e.Any(), e.Any())).Shaped(BadRegister).Counted(96);
                set.Add($"{name} r{size * 8}, r/m16 [null]", size,
                    e => e.Prefix16().Op(0x0F, opcode).Registers(e.Any(), e.Any())).Shaped(NullRegister).Counted(48);
            }
        }

        FarTransfers(set);
        AccessesThroughNull(set);
    }

    private static void FarTransfers(FormSet set)
    {
        set.Add("JMP ptr16:32 [no such descriptor]", 4, static e => e.Op(0xEA).Immediate(4).Immediate(2, NoSuch(e.Random))).Counted(96);
        set.Add("CALL ptr16:32 [no such descriptor]", 4,
            static e => e.Stack().Op(0x9A).Immediate(4).Immediate(2, NoSuch(e.Random))).Counted(96);
        set.Add("JMP ptr16:32 [null]", 4, static e => e.Op(0xEA).Immediate(4).Immediate(2, (uint)e.Random.Below(4))).Counted(32);
        set.Add("CALL ptr16:32 [null]", 4, static e => e.Stack().Op(0x9A).Immediate(4).Immediate(2, (uint)e.Random.Below(4))).Counted(32);
        set.Add("JMP m16:32 [no such descriptor]", 4, static e => e.Op(0xFF).Memory(5)).Shaped(BadFarPointer).Counted(96);
        set.Add("CALL m16:32 [no such descriptor]", 4, static e => e.Stack().Op(0xFF).Memory(3)).Shaped(BadFarPointer).Counted(96);
        set.Add("RETF [no such descriptor]", 4, static e => e.Stack().Op(0xCB)).Shaped(BadReturn).Counted(96);

        // A small release: AMD touches the stack behind it before it looks at the selector.
        set.Add("RETF imm16 [no such descriptor]", 4,
            static e => e.Stack().Op(0xCA).Immediate(2, (uint)e.Random.Below(0x400))).Shaped(BadReturn).Counted(96);
        set.Add("RETF [null]", 4, static e => e.Stack().Op(0xCB)).Shaped(NullReturn).Counted(48);
        set.Add("IRETD [no such descriptor]", 4, static e => e.Stack().Op(0xCF)).Shaped(BadReturn).Counted(96);
        set.Add("IRETD [null]", 4, static e => e.Stack().Op(0xCF)).Shaped(NullReturn).Counted(48);
    }

    private static void AccessesThroughNull(FormSet set)
    {
        set.Add("MOV ES null + STOSD", 4, static e => e.Op(0x8E, 0xC1, 0xAB)).Shaped(NullInEcx).Counted(48).AsSequence();
        set.Add("MOV ES null + MOVSB", 1, static e => e.Op(0x8E, 0xC1, 0xA4)).Shaped(NullInEcx).Counted(48).AsSequence();
        set.Add("MOV DS null + MOV r32, r/m32", 4,
            static e => e.Reserves(1).Op(0x8E, 0xD9, 0x8B).Memory(e.Any())).Shaped(NullInEcx).Counted(48).AsSequence();
        set.Add("MOV DS null + MOV r/m8, r8", 1,
            static e => e.Reserves(1).Op(0x8E, 0xD9, 0x88).Memory(e.Any())).Shaped(NullInEcx).Counted(48).AsSequence();
        set.Add("MOV DS null + LODSB", 1, static e => e.Op(0x8E, 0xD9, 0xAC)).Shaped(NullInEcx).Counted(48).AsSequence();
        set.Add("MOV DS null + SCASB", 1, static e => e.Op(0x8E, 0xD9, 0xAE)).Shaped(NullInEcx).Counted(48).AsSequence();
        set.Add("MOV DS null + PUSH r32", 4, static e => e.Stack().Op(0x8E, 0xD9, 0x50)).Shaped(NullInEcx).Counted(48).AsSequence();
        set.Add("MOV GS null + MOV r32, Sreg", 4,
            static e => e.Op(0x8E, 0xE9, 0x8C, (byte)(0xC0 | (5 << 3) | e.Random.Below(8)))).Shaped(NullInEcx).Counted(48).AsSequence();
        set.Add("MOV FS null + MOV m16, Sreg", 4,
            static e => e.Reserves(1).Op(0x8E, 0xE1, 0x8C).Memory(4)).Shaped(NullInEcx).Counted(48).AsSequence();
        set.Add("MOV FS null + PUSH FS", 4,
            static e => e.Stack().Op(0x8E, 0xE1, 0x66, 0x0F, 0xA0)).Shaped(NullInEcx).Counted(48).AsSequence();
    }

    /// <summary>In the LDT, which neither has; or past the end of the GDT of both.</summary>
    private static uint NoSuch(SiliconRandom random) =>
        random.OneIn(2)
            ? (uint)((random.Below(8192) << 3) | 4 | random.Below(4))
            : (uint)((random.Between(32, 8191) << 3) | random.Below(4));

    private static void BadRegister(SiliconState state, SiliconEncoding encoding, SiliconRandom random) =>
        state.SetRegister(encoding.Rm, 2, NoSuch(random));

    private static void NullRegister(SiliconState state, SiliconEncoding encoding, SiliconRandom random) =>
        state.SetRegister(encoding.Rm, 2, (uint)random.Below(4));

    private static void BadMemory(SiliconState state, SiliconEncoding encoding, SiliconRandom random) =>
        state.Store(encoding.MemoryOffset, 2, NoSuch(random));

    private static void BadStack(SiliconState state, SiliconEncoding encoding, SiliconRandom random) =>
        state.Store(encoding.StackOffset, 2, NoSuch(random));

    private static void NullStack(SiliconState state, SiliconEncoding encoding, SiliconRandom random) =>
        state.Store(encoding.StackOffset, 2, (uint)random.Below(4));

    private static void BadFarPointer(SiliconState state, SiliconEncoding encoding, SiliconRandom random) =>
        state.Store(encoding.MemoryOffset + encoding.Size, 2, NoSuch(random));

    private static void NullFarPointer(SiliconState state, SiliconEncoding encoding, SiliconRandom random) =>
        state.Store(encoding.MemoryOffset + encoding.Size, 2, (uint)random.Below(4));

    private static void BadReturn(SiliconState state, SiliconEncoding encoding, SiliconRandom random) =>
        state.Store(encoding.StackOffset + 4, 4, NoSuch(random));

    private static void NullReturn(SiliconState state, SiliconEncoding encoding, SiliconRandom random) =>
        state.Store(encoding.StackOffset + 4, 4, (uint)random.Below(4));

    private static void NullInEcx(SiliconState state, SiliconEncoding encoding, SiliconRandom random)
    {
        state.SetRegister(1, 2, (uint)random.Below(4));
        state.Gpr[6] = encoding.Window + 0x40;
        state.Gpr[7] = encoding.Window + 0x60;
    }
}
