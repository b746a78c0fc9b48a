using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>
/// The stage on which an MMX, SSE or SSE2 instruction is asked: ebx points to the window, which has MXCSR and two operands
/// to load before and takes result and MXCSR afterwards, all of it within one slot.
/// </summary>
/// <remarks>window + 0x00: MXCSR in, 0x04: MXCSR out, 0x10: first operand, 0x20: second operand, 0x30: result.</remarks>
internal static class SimdOperands
{
    public const int MxcsrIn = 0x00;
    public const int MxcsrOut = 0x04;
    public const int First = 0x10;
    public const int Second = 0x20;
    public const int Result = 0x30;

    /// <summary>ModRM for [ebx + disp8].</summary>
    private const int FromEbx = 0x43;

    /// <summary>0F <paramref name="opcode"/> [ebx + <paramref name="offset"/>], with an optional mandatory prefix.</summary>
    public static SiliconEncoder Window(this SiliconEncoder e, byte prefix, byte opcode, int reg, int offset)
    {
        if (prefix != 0)
        {
            e.Op(prefix);
        }

        return e.Op(0x0F, opcode, (byte)(FromEbx | (reg << 3)), (byte)offset);
    }

    /// <summary>MOVUPS xmm, [ebx + …].</summary>
    public static SiliconEncoder LoadXmm(this SiliconEncoder e, int xmm, int offset) => e.Window(0, 0x10, xmm, offset);

    /// <summary>MOVUPS [ebx + …], xmm.</summary>
    public static SiliconEncoder StoreXmm(this SiliconEncoder e, int xmm, int offset) => e.Window(0, 0x11, xmm, offset);

    /// <summary>MOVQ mm, [ebx + …].</summary>
    public static SiliconEncoder LoadMmx(this SiliconEncoder e, int mmx, int offset) => e.Window(0, 0x6F, mmx, offset);

    /// <summary>MOVQ [ebx + …], mm.</summary>
    public static SiliconEncoder StoreMmx(this SiliconEncoder e, int mmx, int offset) => e.Window(0, 0x7F, mmx, offset);

    /// <summary>LDMXCSR.</summary>
    public static SiliconEncoder LoadControl(this SiliconEncoder e) => e.Window(0, 0xAE, 2, MxcsrIn);

    /// <summary>STMXCSR.</summary>
    public static SiliconEncoder StoreControl(this SiliconEncoder e) => e.Window(0, 0xAE, 3, MxcsrOut);

    /// <summary>The instruction under test: 0F <paramref name="opcode"/> with two registers, or a register and the second operand in place.</summary>
    public static SiliconEncoder Tested(this SiliconEncoder e, byte prefix, byte opcode, int reg, int rm, bool memory)
    {
        if (memory)
        {
            return e.Window(prefix, opcode, reg, Second);
        }

        if (prefix != 0)
        {
            e.Op(prefix);
        }

        return e.Op(0x0F, opcode, (byte)(0xC0 | (reg << 3) | rm));
    }

    /// <summary>Integers of all sizes, and MXCSR as after reset.</summary>
    public static void Integers(SiliconState state, SiliconEncoding encoding, SiliconRandom random)
    {
        Prepare(state, encoding);
        int size = random.Pick(1, 2, 4, 4);
        for (int at = First; at < Result; at += size)
        {
            state.Store(at, size, random.Operand(size));
        }

        if (random.OneIn(8))
        {
            state.Window.AsSpan(First, 16).CopyTo(state.Window.AsSpan(Second));
        }
    }

    /// <summary>The second operand's low quadword is a shift count that matters, mostly.</summary>
    public static void Counts(SiliconState state, SiliconEncoding encoding, SiliconRandom random)
    {
        Integers(state, encoding, random);
        state.Store(Second, 4, random.OneIn(8) ? random.Next() : (uint)random.Below(70));
        state.Store(Second + 4, 4, random.OneIn(8) ? 1u : 0);
    }

    /// <summary>Single-precision operands and any MXCSR.</summary>
    public static void Singles(SiliconState state, SiliconEncoding encoding, SiliconRandom random) => Floats(state, encoding, random, FloatDice.Single, 4);

    /// <summary>Double-precision operands and any MXCSR.</summary>
    public static void Doubles(SiliconState state, SiliconEncoding encoding, SiliconRandom random) => Floats(state, encoding, random, FloatDice.Double, 8);

    /// <summary>Integers to be made floating-point numbers of, and any MXCSR.</summary>
    public static void IntegersAndControl(SiliconState state, SiliconEncoding encoding, SiliconRandom random)
    {
        Integers(state, encoding, random);
        state.Gpr[1] = random.Operand(4);
        state.Store(MxcsrIn, 4, FloatDice.Control(random));
    }

    private static void Floats(SiliconState state, SiliconEncoding encoding, SiliconRandom random, Func<SiliconRandom, ulong> draw, int bytes)
    {
        Prepare(state, encoding);
        state.Store(MxcsrIn, 4, FloatDice.Control(random));
        for (int at = 0; at < 16; at += bytes)
        {
            (ulong a, ulong b) = FloatDice.Pair(random, draw, bytes);
            for (int half = 0; half < bytes; half += 4)
            {
                state.Store(First + at + half, 4, (uint)(a >> (8 * half)));
                state.Store(Second + at + half, 4, (uint)(b >> (8 * half)));
            }
        }
    }

    private static void Prepare(SiliconState state, SiliconEncoding encoding)
    {
        // What the instruction does not write shall cost nothing in the records.
        state.Window.AsSpan().Clear();
        state.Gpr[3] = encoding.Window;
        state.Store(MxcsrIn, 4, 0x1F80);
    }
}
