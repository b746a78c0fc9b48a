using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>PUSH, POP and all their relations, ENTER and LEAVE.</summary>
internal static class StackForms
{
    /// <summary>Bits of EFLAGS that POPF may be offered: not TF, which would trap, nor AC, which would fault at ring 3 alone.</summary>
    private const uint Poppable = ~(Flag.Trap | Flag.AlignmentCheck);

    public static void Add(FormSet set)
    {
        foreach (int size in Sizes.Wide)
        {
            int w = size * 8;
            set.Add($"PUSH r{w}", size, e => e.Stack().Prefix16().Op((byte)(0x50 + e.Random.Below(8)))).Counted(480);
            set.Add($"POP r{w}", size, e => e.Stack().Prefix16().Op((byte)(0x58 + e.Random.Below(8)))).Counted(480);
            foreach (bool memory in Sizes.Places)
            {
                string place = Sizes.Place(memory);
                set.Add($"PUSH r/m{w} [{place}]", size, e => e.Stack().Prefix16().Op(0xFF).Place(memory, 6)).Counted(480);
                set.Add($"POP r/m{w} [{place}]", size, e => e.Stack().Prefix16().Op(0x8F).Place(memory, 0)).Counted(480);
            }

            set.Add($"PUSH imm{w}", size, e => e.Stack().Prefix16().Op(0x68).Immediate(size)).Counted(240);
            set.Add($"PUSH imm8 [{w}]", size, e => e.Stack().Prefix16().Op(0x6A).Immediate(1)).Counted(240);
            set.Add($"POP r/m{w} [esp based]", size, e => PopRelative(e.Stack().Prefix16())).Counted(240);
            set.Add($"PUSH r/m{w} [esp based]", size,
                e => e.Stack().Prefix16().Op(0xFF, 0x74, 0x24).Immediate(1, (uint)e.Random.Between(-40, 40))).Counted(240);
            set.Add(size == 4 ? "PUSHAD" : "PUSHA", size, e => e.Stack().Prefix16().Op(0x60)).Counted(240);
            set.Add(size == 4 ? "POPAD" : "POPA", size, e => e.Stack().Prefix16().Op(0x61)).Counted(480);
            set.Add(size == 4 ? "PUSHFD" : "PUSHF", size, e => e.Stack().Prefix16().Op(0x9C)).Counted(480);
            set.Add(size == 4 ? "POPFD" : "POPF", size, e => e.Stack().Prefix16().Op(0x9D)).Shaped(PoppedFlags).Counted(960);
            set.Add($"LEAVE [{w}]", size, e => e.Stack().Prefix16().Op(0xC9)).Shaped(Frame).Counted(480);
            foreach (int level in (int[])[0, 1, 2, 3])
            {
                // The level is taken modulo 32.
                set.Add($"ENTER imm16, {level} [{w}]", size,
                    e => e.Stack(0xA0, 0xD0).Prefix16().Op(0xC8).Immediate(2, (uint)e.Random.Below(0x100)).Op((byte)(level + (32 * e.Random.Below(8)))))
                    .Shaped(Frame).Counted(360);
            }

            set.Add($"ENTER imm16, imm8 [{w}]", size,
                e => e.Stack(0xC0, 0xE0).Prefix16().Op(0xC8).Immediate(2, (uint)e.Random.Below(0x100)).Op((byte)e.Random.Below(20)))
                .Shaped(Frame).Counted(360, 24);
        }
    }

    /// <summary>POP [esp + d] computes its address after esp has moved.</summary>
    private static void PopRelative(SiliconEncoder e)
    {
        if (e.Random.OneIn(4))
        {
            e.Op(0x8F, 0x04, 0x24);
        }
        else
        {
            e.Op(0x8F, 0x44, 0x24).Immediate(1, (uint)e.Random.Between(-40, 40));
        }
    }

    private static void PoppedFlags(SiliconState state, SiliconEncoding encoding, SiliconRandom random)
    {
        uint value = state.Load(encoding.StackOffset, 4) & Poppable;

        // Reserved bits and the sleeping ones (IOPL, IF, VM, VIF) are noise half of the time.
        state.Store(encoding.StackOffset, 4, random.OneIn(2) ? value : value & (Flag.Status | Flag.Direction));
    }

    private static void Frame(SiliconState state, SiliconEncoding encoding, SiliconRandom random) =>
        state.Gpr[5] = encoding.Window + (uint)random.Between(0x60, 0xE0);
}
