using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>Traps and what ring 3 has in common with lguest's ring 1: what is forbidden to both, and how that is said.</summary>
internal static class SystemForms
{
    /// <summary>The overrides that change nothing under flat segments, reads through CS included.</summary>
    public static readonly (string Name, byte Prefix)[] FlatSegments = [("ES", 0x26), ("CS", 0x2E), ("SS", 0x36), ("DS", 0x3E)];

    public static void Add(FormSet set)
    {
        set.Add("INT3", 4, static e => e.Op(0xCC)).Counted(48, 4);
        set.Add("INT 3", 4, static e => e.Op(0xCD, 3)).Counted(48, 4);
        set.Add("INT 4", 4, static e => e.Op(0xCD, 4)).Counted(48, 4);
        set.Add("INTO", 4, static e => e.Op(0xCE)).Counted(240, 4);
        set.Add("SALC", 1, static e => e.Op(0xD6)).Counted(240, 4);
        foreach (int size in Sizes.Wide)
        {
            int w = size * 8;
            set.Add($"BOUND r{w}, m{w}&{w}", size, e =>
            {
                int register = e.Random.Below(8);
                e.Reserves(register).Prefix16().Op(0x62).Memory(register);
            }).Shaped(Bounds).Counted(640, 16);
        }

        foreach (bool memory in Sizes.Places)
        {
            set.Add($"ARPL r/m16, r16 [{Sizes.Place(memory)}]", 2, e => e.Op(0x63).Place(memory, e.Any())).Counted(480);
        }

        Overrides(set);
        Forbidden(set);
        Invalid(set);
        Idle(set);
    }

    private static void Overrides(FormSet set)
    {
        foreach ((string segment, byte prefix) in ((string, byte)[])[.. FlatSegments, ("FS null", 0x64), ("GS null", 0x65)])
        {
            foreach (int size in Sizes.All)
            {
                int w = size * 8;
                set.Add($"MOV r{w}, {segment}:r/m{w}", size, e => e.Op(prefix).Sized(0x8A).Memory(e.Any())).Counted(120);
                set.Add($"MOV {segment}:r/m{w}, r{w}", size, e => e.Op(prefix).Sized(0x88).Memory(e.Any())).Counted(120);
            }

            set.Add($"ADD {segment}:r/m32, r32", 4, e => e.Op(prefix, 0x01).Memory(e.Any())).Counted(120);
            set.Add($"PUSH {segment}:r/m32", 4, e => e.Stack().Op(prefix, 0xFF).Memory(6)).Counted(120);
        }

        // The order and number of prefixes mean nothing, up to fifteen bytes in all.
        set.Add("ADD r/m16, r16 [redundant prefixes]", 2, static e =>
        {
            for (int i = e.Random.Between(1, 7); i > 0; i--)
            {
                e.Op(e.Random.Pick<byte>(0x66, 0x3E, 0x26, 0x36));
            }

            e.Op(0x66, 0x01).Memory(e.Any());
        }).Counted(480, 24);
        set.Add("MOV r32, r/m32 [last override counts]", 4, static e =>
            e.Op(e.Random.Pick<byte>(0x64, 0x65), e.Random.Pick<byte>(0x3E, 0x36), 0x8B).Memory(e.Any())).Counted(120);
    }

    private static void Forbidden(FormSet set)
    {
        foreach ((string name, byte[] code) in ((string, byte[])[])
            [
                ("HLT", [0xF4]), ("CLI", [0xFA]), ("STI", [0xFB]), ("IN AL, imm8", [0xE4, 0x80]), ("IN EAX, imm8", [0xE5, 0x80]),
                ("OUT imm8, AL", [0xE6, 0x80]), ("OUT imm8, EAX", [0xE7, 0x80]), ("IN AL, DX", [0xEC]), ("IN EAX, DX", [0xED]),
                ("IN AX, DX", [0x66, 0xED]), ("OUT DX, AL", [0xEE]), ("OUT DX, EAX", [0xEF]), ("INSB", [0x6C]), ("INSD", [0x6D]),
                ("OUTSB", [0x6E]), ("OUTSD", [0x6F]), ("CLTS", [0x0F, 0x06]), ("INVD", [0x0F, 0x08]), ("WBINVD", [0x0F, 0x09]),
                ("RDMSR", [0x0F, 0x32]), ("WRMSR", [0x0F, 0x30]), ("MOV r32, CR0", [0x0F, 0x20, 0xC0]), ("MOV CR0, r32", [0x0F, 0x22, 0xC0]),
                ("MOV r32, CR3", [0x0F, 0x20, 0xD9]), ("MOV CR4, r32", [0x0F, 0x22, 0xE2]), ("MOV r32, DR0", [0x0F, 0x21, 0xC1]),
                ("MOV DR7, r32", [0x0F, 0x23, 0xFA]), ("LLDT r/m16", [0x0F, 0x00, 0xD0]), ("LTR r/m16", [0x0F, 0x00, 0xD8]), ("LMSW r/m16", [0x0F, 0x01, 0xF0]),
            ])
        {
            set.Add($"{name} [not at ring 0]", 4, e => e.Op(code)).Counted(24, 2);
        }

        set.Add("LGDT m [not at ring 0]", 4, static e => e.Op(0x0F, 0x01).Memory(2)).Counted(24);
        set.Add("LIDT m [not at ring 0]", 4, static e => e.Op(0x0F, 0x01).Memory(3)).Counted(24);
        set.Add("INVLPG m [not at ring 0]", 4, static e => e.Op(0x0F, 0x01).Memory(7)).Counted(24);
        set.Add("REP INSB [not at ring 0]", 1,
            static e => e.Op(0xF3, 0x6C)).Counted(48, 2).Shaped(static (state, _, random) => state.Gpr[1] = (uint)random.Below(3));
        set.Add("REP OUTSD [not at ring 0]", 4,
            static e => e.Op(0xF3, 0x6F)).Counted(48, 2).Shaped(static (state, _, random) => state.Gpr[1] = (uint)random.Below(3));
        set.Add("NOP [sixteen bytes]", 4, static e =>
        {
            e.Op([.. Enumerable.Repeat((byte)0x66, 15)]);
            e.Op(0x90);
        }).Counted(16, 2);
        set.Add("NOP [fifteen bytes]", 4, static e =>
        {
            e.Op([.. Enumerable.Repeat((byte)0x66, 14)]);
            e.Op(0x90);
        }).Counted(16, 2);
    }

    private static void Invalid(FormSet set)
    {
        foreach ((string name, byte[] code) in ((string, byte[])[])
            [
                ("UD2", [0x0F, 0x0B]), ("UD1 r32, r/m32", [0x0F, 0xB9, 0xC1]), ("LOCK ADD r/m32, r32 [reg]", [0xF0, 0x01, 0xC8]),
                ("LOCK NOP", [0xF0, 0x90]), ("LOCK INC r32 [one byte]", [0xF0, 0x40]), ("LOCK XCHG r/m32, r32 [reg]", [0xF0, 0x87, 0xC8]),
                ("LOCK BTS r/m32, r32 [reg]", [0xF0, 0x0F, 0xAB, 0xC8]), ("LOCK RET", [0xF0, 0xC3]), ("LOCK MOV r32, imm32", [0xF0, 0xB8, 1, 2, 3, 4]),
                ("LEA r32, r32", [0x8D, 0xC1]), ("FE /2", [0xFE, 0xD0]), ("FE /7", [0xFE, 0xF8]), ("FF /7", [0xFF, 0xF8]),
                ("FF /3 with a register", [0xFF, 0xD8]), ("FF /5 with a register", [0xFF, 0xE8]), ("C6 /1", [0xC6, 0xC8, 0x00]),
                ("C7 /2", [0xC7, 0xD0, 0, 0, 0, 0]), ("MOV CS, r16", [0x8E, 0xC8]), ("MOV Sreg 6, r16", [0x8E, 0xF0]), ("MOV r32, Sreg 7", [0x8C, 0xF8]),
                ("CMPXCHG8B r32", [0x0F, 0xC7, 0xC8]), ("0F BA /0", [0x0F, 0xBA, 0xC0, 0x01]), ("0F BA /3", [0x0F, 0xBA, 0xD8, 0x01]),
                ("RSM", [0x0F, 0xAA]), ("0F 04", [0x0F, 0x04]), ("0F 0A", [0x0F, 0x0A]), ("0F 36", [0x0F, 0x36]), ("LSS r32, r32", [0x0F, 0xB2, 0xC1]),
            ])
        {
            set.Add($"{name} [invalid]", 4, e => e.Op(code)).Counted(16, 2);
        }

        foreach ((string name, byte[] code, int extension) in ((string, byte[], int)[])
            [("LOCK CMP r/m32, r32", [0xF0, 0x39], 1), ("LOCK MOV r/m32, r32", [0xF0, 0x89], 1), ("LOCK ADD r32, r/m32", [0xF0, 0x03], 1),
             ("LOCK BT r/m32, imm8", [0xF0, 0x0F, 0xBA], 4), ("LOCK TEST r/m32, r32", [0xF0, 0x85], 1), ("LOCK LEA r32, m", [0xF0, 0x8D], 1),
             ("LOCK SHL r/m32, 1", [0xF0, 0xD1], 4), ("LOCK PUSH r/m32", [0xF0, 0xFF], 6), ("LOCK IMUL r32, r/m32", [0xF0, 0x0F, 0xAF], 0)])
        {
            set.Add($"{name} [invalid]", 4, e => e.Stack().Op(code).Memory(extension).Immediate(1, 1)).Counted(32);
        }
    }

    private static void Idle(FormSet set)
    {
        foreach ((string name, byte[] code) in ((string, byte[])[])
            [
                ("NOP", [0x90]), ("O16 NOP", [0x66, 0x90]), ("PAUSE", [0xF3, 0x90]), ("ENDBR32", [0xF3, 0x0F, 0x1E, 0xFB]), ("ENDBR64", [0xF3, 0x0F, 0x1E, 0xFA]),
                ("NOP r/m32 [reg]", [0x0F, 0x1F, 0xC3]), ("NOP r/m16 [reg]", [0x66, 0x0F, 0x1F, 0xC5]),
                ("NOP r/m32 [0F 19, reg]", [0x0F, 0x19, 0xC1]),
                ("NOP r/m32 [0F 1D, reg]", [0x0F, 0x1D, 0xE1]), ("FS: NOP", [0x64, 0x90]),
            ])
        {
            set.Add(name, 4, e => e.Op(code)).Counted(48, 2);
        }

        set.Add("NOP r/m32 [mem]", 4, static e => e.Op(0x0F, 0x1F).Memory(0)).Counted(96);
        set.Add("PREFETCHT0 m8", 4, static e => e.Op(0x0F, 0x18).Memory(1)).Counted(48);
        set.Add("PREFETCHW m8", 4, static e => e.Op(0x0F, 0x0D).Memory(1)).Counted(48);

        // Hints neither read memory nor check segments: a null one, or no memory at all, is fine.
        set.Add("NOP FS null:r/m32", 4, static e => e.Op(0x64, 0x0F, 0x1F).Memory(0)).Counted(48);
    }

    private static void Bounds(SiliconState state, SiliconEncoding encoding, SiliconRandom random)
    {
        int size = encoding.Size;
        int at = encoding.MemoryOffset;
        uint index = random.Operand(size);
        state.SetRegister(encoding.Reg, size, index);
        if (random.OneIn(4))
        {
            return;
        }

        // Within, at, or just past one of the two limits.
        uint lower = index - (uint)random.Between(-1, 2);
        uint upper = index + (uint)random.Between(-1, 2);
        state.Store(at, size, random.OneIn(2) ? lower : index - (random.Operand(size) & 0x3FFF));
        state.Store(at + size, size, random.OneIn(2) ? upper : index + (random.Operand(size) & 0x3FFF));
    }
}
