using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>
/// A writer of flags, something in the middle that keeps some of them, or may fault and show all of them, and an end
/// that reads or overwrites. For engines that decide which flags are dead: here they are not, or only nearly.
/// </summary>
internal static class SequenceForms
{
    private const byte AbsoluteOperand = 5;

    private delegate void Middle(SiliconEncoder e);

    public static void Add(FormSet set)
    {
        for (int i = 0; i < PairForms.Writers.Length; i++)
        {
            string writer = PairForms.Writers[i];
            int size = writer == "BT" ? 4 : Sizes.All[i % 3];
            Partial(set, writer, size);
            Faulting(set, writer, size);
        }
    }

    /// <summary>Middles that write some flags, or none, or none this time.</summary>
    private static void Partial(FormSet set, string writer, int size)
    {
        Kept(set, writer, size, "INC/DEC", static e => e.Op((byte)(0x40 + (e.Random.Below(2) * 8) + e.Any())));
        Kept(set, writer, size, "CLC/STC/CMC", static e => e.Op(e.Random.Pick<byte>(0xF8, 0xF9, 0xF5)));
        Kept(set, writer, size, "BT", static e => e.Op(0x0F, 0xA3).Registers(e.Random.Below(8), e.Random.Below(8)));
        Kept(set, writer, size, "ROL/RCR 1", static e => e.Op(0xD1).Registers(e.Random.Pick(0, 1, 2, 3), e.Any()));
        Kept(set, writer, size, "SETcc", static e => e.Op(0x0F, (byte)(0x90 | e.Random.Below(16))).Registers(0, e.Random.Below(8)));
        Kept(set, writer, size, "CMPXCHG8B", static e => e.Op(0x0F, 0xC7, (byte)(8 | AbsoluteOperand)).Immediate(4, e.Window + 0x80));
        Kept(set, writer, size, "SAHF", static e => e.Op(0x9E));
        Kept(set, writer, size, "shift by CL", static e => e.Op(0xD3).Registers(e.Random.Pick(4, 5, 7), e.Any()), 1)
            .Shaped(static (state, _, random) => state.SetRegister(1, 1, random.Pick(0u, 0u, 1u, 32u, 33u))).Ignoring(Flag.Adjust);
        Kept(set, writer, size, "rotate by CL", static e => e.Op(0xD3).Registers(e.Random.Below(4), e.Any()), 1)
            .Shaped(static (state, _, random) => state.SetRegister(1, 1, random.Pick(0u, 0u, 1u, 32u, 64u)));
        Kept(set, writer, size, "SHLD by CL", static e => e.Op(0x0F, 0xA5).Registers(e.Random.Below(8), e.Any()), 1)
            .Shaped(static (state, _, random) => state.SetRegister(1, 1, random.Pick(0u, 0u, 1u, 32u))).Ignoring(Flag.Adjust);
        Kept(set, writer, size, "REPE CMPSB", static e => e.Op(0xF3, 0xA6), 1, 6, 7).Shaped(static (state, encoding, random) =>
        {
            state.Gpr[1] = (uint)random.Below(3);
            state.Gpr[6] = encoding.Window + (uint)random.Between(0x20, 0xE0);
            state.Gpr[7] = encoding.Window + (uint)random.Between(0x20, 0xE0);
        });
        if (!writer.EndsWith(" 1", StringComparison.Ordinal))
        {
            // A shift's AF is undefined and would land in memory.
            Make(set, writer, size, "PUSHFD", static e => e.Op(0x9C), Overwrite, stack: true);
        }
    }

    /// <summary>Middles after which all flags are dead, but for those that fault: then nothing may be missing.</summary>
    private static void Faulting(FormSet set, string writer, int size)
    {
        Make(set, writer, size, "FS null read",
            static e => e.Op(0x64, 0x8B, (byte)((e.Random.Below(8) << 3) | AbsoluteOperand)).Immediate(4, e.Window), Overwrite);
        Make(set, writer, size, "INTO", static e => e.Op(0xCE), Overwrite);
        Make(set, writer, size, "BOUND",
            static e => e.Op(0x62, (byte)((e.Any() << 3) | AbsoluteOperand)).Immediate(4, e.Window + 0x80), Overwrite)
            .Shaped(static (state, _, random) =>
            {
                state.Store(0x80, 4, 0x80000000u >> random.Below(2));
                state.Store(0x84, 4, 0x7FFFFFFFu >> random.Below(2));
            });

        // DIV leaves flags undefined when it succeeds; the end writes all of them anew.
        Make(set, writer, size, "DIV", static e => e.Op(0xF7).Registers(6, e.Random.Below(8)), Overwrite)
            .Shaped(static (state, _, random) => state.Gpr[2] = random.OneIn(2) ? 0 : state.Gpr[2]);
        Make(set, writer, size, "MUL", static e => e.Op(0xF7).Registers(4, e.Random.Below(8)), Overwrite);
        Make(set, writer, size, "UD2", static e => e.Op(0x0F, 0x0B), Overwrite);
        Make(set, writer, size, "CLI", static e => e.Op(0xFA), Overwrite);
    }

    private static SiliconForm Kept(FormSet set, string writer, int size, string name, Middle middle, params int[] spared) =>
        Make(set, writer, size, name, middle, Tail, false, spared);

    private static SiliconForm Make(
        FormSet set, string writer, int size, string name, Middle middle, Middle tail, bool stack = false, params int[] spared) =>
        set.Add($"{writer} r{size * 8} + {name} + {(tail == Tail ? "reader" : "writer")}", size, e =>
        {
            if (stack)
            {
                e.Stack().Spares(4);
            }

            e.Spares(spared);
            PairForms.Write(e, writer);
            middle(e);
            tail(e);
        }).ShiftsBy(CountSource.One).Counted(120, 12).AsSequence();

    private static void Tail(SiliconEncoder e)
    {
        switch (e.Variant & 3)
        {
            case 0:
                break;
            case 1:
                e.Op(0x11).Registers(e.Random.Below(8), e.Random.Below(8));
                break;
            default:
                e.Op((byte)(0x70 | e.Random.Below(16))).Relative(1, SiliconEncoder.RandomTarget(e.Random));
                break;
        }
    }

    /// <summary>CMP, so that nothing survives; then at times a branch on it.</summary>
    private static void Overwrite(SiliconEncoder e)
    {
        e.Op(0x39).Registers(e.Random.Below(8), e.Random.Below(8));
        if ((e.Variant & 1) != 0)
        {
            Tail(e);
        }
    }
}
