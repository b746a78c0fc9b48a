using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>
/// Everything that changes eip within its segment. Where it went shows in the stopper that it hit; the O16 forms, which
/// cut eip to 16 bits, live below 64 KiB.
/// </summary>
internal static class ControlForms
{
    public static void Add(FormSet set)
    {
        for (int condition = 0; condition < 16; condition++)
        {
            string name = "J" + Sizes.Conditions[condition];
            byte opcode = (byte)condition;
            set.Add($"{name} rel8", 4, e => e.Op((byte)(0x70 | opcode)).Relative(1, Target(e))).Counted(480, 6);
            set.Add($"{name} rel32", 4, e => e.Op(0x0F, (byte)(0x80 | opcode)).Relative(4, Target(e))).Counted(480, 6);
            set.Add($"O16 {name} rel8", 4, e => e.Op(0x66, (byte)(0x70 | opcode)).Relative(1, Target(e))).Counted(128, 4).InLowMemory();
            set.Add($"O16 {name} rel16", 4,
                e => e.Op(0x66, 0x0F, (byte)(0x80 | opcode)).Relative(2, Target(e))).Counted(128, 4).InLowMemory();
            set.Add($"{name} rel8 [branch hint]", 4,
                e => e.Op(e.Random.Pick<byte>(0x2E, 0x3E), (byte)(0x70 | opcode)).Relative(1, Target(e))).Counted(64, 4);
        }

        foreach ((string name, byte opcode) in ((string, byte)[])[("LOOPNE", 0xE0), ("LOOPE", 0xE1), ("LOOP", 0xE2)])
        {
            set.Add($"{name} rel8", 4, e => e.Op(opcode).Relative(1, Target(e))).Shaped(Counter).Counted(640);
            set.Add($"A16 {name} rel8", 4, e => e.Op(0x67, opcode).Relative(1, Target(e))).Shaped(Counter).Counted(480);
        }

        set.Add("JECXZ rel8", 4, static e => e.Op(0xE3).Relative(1, Target(e))).Shaped(Counter).Counted(480);
        set.Add("A16 JCXZ rel8", 4, static e => e.Op(0x67, 0xE3).Relative(1, Target(e))).Shaped(Counter).Counted(480);
        Unconditional(set);
        Narrow(set);
    }

    private static void Unconditional(FormSet set)
    {
        set.Add("JMP rel8", 4, static e => e.Op(0xEB).Relative(1, Target(e))).Counted(192, 12);
        set.Add("JMP rel32", 4, static e => e.Op(0xE9).Relative(4, Target(e))).Counted(192, 12);
        set.Add("CALL rel32", 4, static e => e.Stack().Op(0xE8).Relative(4, Target(e))).Counted(240, 12);
        set.Add("JMP r/m32 [reg]", 4, static e => e.Op(0xFF).Registers(4, e.Any())).Shaped(RegisterTarget).Counted(240, 16);
        set.Add("CALL r/m32 [reg]", 4, static e => e.Stack().Op(0xFF).Registers(2, NotStack(e))).Shaped(RegisterTarget).Counted(240, 16);
        set.Add("JMP r/m32 [mem]", 4, static e => e.Op(0xFF).Memory(4)).Shaped(MemoryTarget).Counted(240, 16);
        set.Add("CALL r/m32 [mem]", 4, static e => e.Stack(0x40, 0x60).Op(0xFF).Memory(2, 0x70)).Shaped(MemoryTarget).Counted(240, 16);
        set.Add("RET", 4, static e => e.Stack().Op(0xC3)).Shaped(StackTarget).Counted(240);
        set.Add("RET imm16", 4, static e => e.Stack().Op(0xC2).Immediate(2)).Shaped(StackTarget).Counted(240, 16);
        set.Add("REP RET", 4, static e => e.Stack().Op(0xF3, 0xC3)).Shaped(StackTarget).Counted(120);
        set.Add("CALL rel32 + POP r32", 4,
            static e => e.Stack().Op(0xE8, 0, 0, 0, 0, (byte)(0x58 + NotStack(e)))).Counted(120).AsSequence();
        set.Add("PUSH r32 + RET", 4, static e =>
        {
            // A return to where no call came from: return predictors beware.
            int register = NotStack(e);
            e.Stack().Op((byte)(0x50 + register), 0xC3);
        }).Shaped(static (state, encoding, random) =>
            state.Gpr[encoding.Code[0] - 0x50] = encoding.Address + (uint)SiliconEncoder.RandomTarget(random)).Counted(120).AsSequence();
    }

    private static void Narrow(FormSet set)
    {
        set.Add("O16 JMP rel8", 2, static e => e.Op(0x66, 0xEB).Relative(1, Target(e))).Counted(120, 12).InLowMemory();
        set.Add("O16 JMP rel16", 2, static e => e.Op(0x66, 0xE9).Relative(2, Target(e))).Counted(120, 12).InLowMemory();
        set.Add("O16 CALL rel16", 2, static e => e.Stack().Op(0x66, 0xE8).Relative(2, Target(e))).Counted(180, 12).InLowMemory();
        set.Add("O16 JMP r/m16 [reg]", 2,
            static e => e.Op(0x66, 0xFF).Registers(4, e.Any())).Shaped(RegisterTarget).Counted(180, 12).InLowMemory();
        set.Add("O16 CALL r/m16 [reg]", 2,
            static e => e.Stack().Op(0x66, 0xFF).Registers(2, NotStack(e))).Shaped(RegisterTarget).Counted(180, 12).InLowMemory();
        set.Add("O16 JMP r/m16 [mem]", 2, static e => e.Op(0x66, 0xFF).Memory(4)).Shaped(MemoryTarget).Counted(180, 12).InLowMemory();
        set.Add("O16 CALL r/m16 [mem]", 2,
            static e => e.Stack(0x40, 0x60).Op(0x66, 0xFF).Memory(2, 0x70)).Shaped(MemoryTarget).Counted(180, 12).InLowMemory();
        set.Add("O16 RET", 2, static e => e.Stack().Op(0x66, 0xC3)).Shaped(StackTarget).Counted(180).InLowMemory();
        set.Add("O16 RET imm16", 2, static e => e.Stack().Op(0x66, 0xC2).Immediate(2)).Shaped(StackTarget).Counted(180, 12).InLowMemory();
        set.Add("O16 LOOP rel8", 2, static e => e.Op(0x66, 0xE2).Relative(1, Target(e))).Shaped(Counter).Counted(180).InLowMemory();
        set.Add("O16 JECXZ rel8", 2, static e => e.Op(0x66, 0xE3).Relative(1, Target(e))).Shaped(Counter).Counted(180).InLowMemory();
    }

    private static int Target(SiliconEncoder e) => SiliconEncoder.RandomTarget(e.Random);

    /// <summary>Any register but esp, which is busy.</summary>
    private static int NotStack(SiliconEncoder e) => e.Random.Pick(0, 1, 2, 3, 5, 6, 7);

    /// <summary>Counts that are about to run out, in ECX or in CX alone.</summary>
    private static void Counter(SiliconState state, SiliconEncoding encoding, SiliconRandom random)
    {
        uint high = random.OneIn(2) ? 0 : random.Next() << 16;
        state.Gpr[1] = random.OneIn(4) ? state.Gpr[1] : high | (uint)random.Below(3);
    }

    private static uint RandomTarget(SiliconEncoding encoding, SiliconRandom random) =>
        encoding.Address + (uint)SiliconEncoder.RandomTarget(random);

    private static void RegisterTarget(SiliconState state, SiliconEncoding encoding, SiliconRandom random) =>
        state.SetRegister(encoding.Rm, encoding.Size, RandomTarget(encoding, random));

    private static void MemoryTarget(SiliconState state, SiliconEncoding encoding, SiliconRandom random) =>
        state.Store(encoding.MemoryOffset, encoding.Size, RandomTarget(encoding, random));

    private static void StackTarget(SiliconState state, SiliconEncoding encoding, SiliconRandom random) =>
        state.Store(encoding.StackOffset, encoding.Size, RandomTarget(encoding, random));
}
