using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>What moves data about: MOV, MOVZX, MOVSX, XCHG, XADD, CMPXCHG, CMPXCHG8B, LEA, XLAT.</summary>
internal static class MoveForms
{
    public static void Add(FormSet set)
    {
        foreach (int size in Sizes.All)
        {
            int w = size * 8;
            string accumulator = Sizes.Accumulator(size);
            foreach (bool memory in Sizes.Places)
            {
                string place = Sizes.Place(memory);
                set.Add($"MOV r/m{w}, r{w} [{place}]", size, e => e.Sized(0x88).Place(memory, e.Any())).Counted(480);
                set.Add($"MOV r{w}, r/m{w} [{place}]", size, e => e.Sized(0x8A).Place(memory, e.Any())).Counted(480);
                set.Add($"MOV r/m{w}, imm{w} [{place}]", size, e => e.Sized(0xC6).Place(memory, 0).Immediate(size)).Counted(320, 16);
                set.Add($"XCHG r/m{w}, r{w} [{place}]", size, e => e.Sized(0x86).Place(memory, e.Any())).Counted(480);
                set.Add($"XADD r/m{w}, r{w} [{place}]", size,
                    e => e.Prefix16().Op(0x0F, (byte)(size == 1 ? 0xC0 : 0xC1)).Place(memory, e.Any()));
                set.Add($"CMPXCHG r/m{w}, r{w} [{place}]", size,
                    e => e.Uses(0).Prefix16().Op(0x0F, (byte)(size == 1 ? 0xB0 : 0xB1)).Place(memory, e.Any())).Shaped(Expected)
                        .Counted(960);
            }

            set.Add($"MOV {accumulator}, moffs{w}", size, e => e.Sized(0xA0).Offset()).Counted(320);
            set.Add($"MOV moffs{w}, {accumulator}", size, e => e.Sized(0xA2).Offset()).Counted(320);
            set.Add($"MOV r{w}, imm{w}", size,
                e => e.Prefix16().Op((byte)((size == 1 ? 0xB0 : 0xB8) + e.Any())).Immediate(size)).Counted(320, 16);
            set.Add($"LOCK XCHG r/m{w}, r{w}", size, e => e.Op(0xF0).Sized(0x86).Memory(e.Any())).Counted(240);
            set.Add($"LOCK XADD r/m{w}, r{w}", size,
                e => e.Op(0xF0).Prefix16().Op(0x0F, (byte)(size == 1 ? 0xC0 : 0xC1)).Memory(e.Any())).Counted(360);
            set.Add($"LOCK CMPXCHG r/m{w}, r{w}", size,
                e => e.Uses(0).Op(0xF0).Prefix16().Op(0x0F, (byte)(size == 1 ? 0xB0 : 0xB1)).Memory(e.Any())).Shaped(Expected).Counted(480);
        }

        set.Add("XCHG EAX, r32", 4, static e => e.Op((byte)(0x90 + e.Any()))).Counted(480);
        set.Add("XCHG AX, r16", 2, static e => e.Op(0x66, (byte)(0x90 + e.Any()))).Counted(480);
        set.Add("CMPXCHG8B m64", 4, static e => e.Uses(0, 1, 2, 3).Op(0x0F, 0xC7).Memory(1)).Shaped(ExpectedPair).Counted(960);
        set.Add("LOCK CMPXCHG8B m64", 4, static e => e.Uses(0, 1, 2, 3).Op(0xF0, 0x0F, 0xC7).Memory(1)).Shaped(ExpectedPair).Counted(480);
        set.Add("XLAT", 1, static e => e.Op(0xD7)).Shaped(Table).Counted(480, 4);
        Extensions(set);
        Addresses(set);
    }

    private static void Extensions(FormSet set)
    {
        foreach ((string name, byte opcode) in ((string, byte)[])[("MOVZX", 0xB6), ("MOVSX", 0xBE)])
        {
            foreach (bool memory in Sizes.Places)
            {
                string place = Sizes.Place(memory);
                set.Add($"{name} r16, r/m8 [{place}]", 1, e => e.Op(0x66, 0x0F, opcode).Place(memory, e.Random.Below(8))).Counted(480);
                set.Add($"{name} r32, r/m8 [{place}]", 1, e => e.Op(0x0F, opcode).Place(memory, e.Random.Below(8))).Counted(480);
                set.Add($"{name} r32, r/m16 [{place}]", 2, e => e.Op(0x0F, (byte)(opcode | 1)).Place(memory, e.Any())).Counted(480);
                set.Add($"{name} r16, r/m16 [{place}]", 2, e => e.Op(0x66, 0x0F, (byte)(opcode | 1)).Place(memory, e.Any())).Counted(240);
            }
        }
    }

    /// <summary>LEA needs no memory behind its address, so here every ModRM and SIB byte there is can come up.</summary>
    private static void Addresses(FormSet set)
    {
        set.Add("LEA r32, m", 4, static e => Anywhere(e.Op(0x8D))).Counted(1920, 96);
        set.Add("LEA r16, m", 2, static e => Anywhere(e.Op(0x66, 0x8D))).Counted(960, 48);
        set.Add("LEA r32, m16", 4, static e => Anywhere16(e.Op(0x67, 0x8D))).Counted(960, 48);
        set.Add("LEA r16, m16", 2, static e => Anywhere16(e.Op(0x67, 0x66, 0x8D))).Counted(960, 48);
        set.Add("LEA r32, m [segment override]", 4,
            static e => Anywhere(e.Op(e.Random.Pick<byte>(0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65), 0x8D))).Counted(480, 24);
    }

    private static void Anywhere(SiliconEncoder e)
    {
        byte modRm = (byte)(e.Random.Below(0xC0) | (e.Random.Below(8) << 3));
        e.Op(modRm);
        int displacement = (modRm >> 6) switch { 0 => 0, 1 => 1, _ => 4 };
        if ((modRm & 7) == 4)
        {
            byte sib = (byte)e.Random.Next();
            e.Op(sib);
            displacement = modRm < 0x40 && (sib & 7) == 5 ? 4 : displacement;
        }

        e.Immediate((modRm & 0xC7) == 5 ? 4 : displacement, e.Random.Next());
    }

    private static void Anywhere16(SiliconEncoder e)
    {
        byte modRm = (byte)(e.Random.Below(0xC0) | (e.Random.Below(8) << 3));
        e.Op(modRm).Immediate((modRm & 0xC7) == 6 ? 2 : modRm >> 6, e.Random.Next());
    }

    /// <summary>Half of all exchanges shall find what they expect.</summary>
    private static void Expected(SiliconState state, SiliconEncoding encoding, SiliconRandom random)
    {
        if (random.OneIn(2))
        {
            uint value = encoding.Memory is null
                ? state.Register(encoding.Rm, encoding.Size)
                : state.Load(encoding.MemoryOffset, encoding.Size);
            state.SetRegister(0, encoding.Size, value);
        }
    }

    private static void ExpectedPair(SiliconState state, SiliconEncoding encoding, SiliconRandom random)
    {
        int choice = random.Below(4);
        if (choice > 0)
        {
            state.Gpr[0] = state.Load(encoding.MemoryOffset, 4);
        }

        if (choice > 1)
        {
            state.Gpr[2] = state.Load(encoding.MemoryOffset + 4, 4);
        }
    }

    private static void Table(SiliconState state, SiliconEncoding encoding, SiliconRandom random) => state.Gpr[3] = encoding.Window;
}
