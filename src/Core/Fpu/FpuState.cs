using System.Runtime.InteropServices;

namespace Lguest.Jit.Core.Fpu;

/// <summary>
/// All that an x87 unit remembers (SDM vol. 1 §8.1), 152 bytes at fixed offsets so that translated code and
/// machine-code thunks can reach it through a pointer.
/// </summary>
/// <remarks>
/// Tags are kept abridged, as FXSAVE does: one bit "in use" per physical register. The full two-bit tags follow from
/// the contents, and the hardware derives them on demand as well. A fresh struct is <em>not</em> an initialized unit:
/// call <see cref="Initialise"/>.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = 152)]
internal struct FpuState
{
    /// <summary>Physical registers; ST(i) is number (TOP + i) mod 8.</summary>
    [FieldOffset(0)]
    public F80Registers Registers;

    /// <summary>Masks, precision and rounding control; bit 6 always 1.</summary>
    [FieldOffset(128)]
    public ushort ControlWord;

    /// <summary>Flags, condition codes and TOP. ES and B are kept up to date whenever flags or masks change.</summary>
    [FieldOffset(130)]
    public ushort StatusWord;

    /// <summary>Bit n: physical register n is in use.</summary>
    [FieldOffset(132)]
    public byte Tags;

    /// <summary>FOP: the low 11 bits of the last non-control instruction's two opcode bytes.</summary>
    [FieldOffset(134)]
    public ushort LastOpcode;

    /// <summary>FIP.</summary>
    [FieldOffset(136)]
    public uint InstructionOffset;

    /// <summary>FCS.</summary>
    [FieldOffset(140)]
    public ushort InstructionSelector;

    /// <summary>FDS.</summary>
    [FieldOffset(142)]
    public ushort DataSelector;

    /// <summary>FDP.</summary>
    [FieldOffset(144)]
    public uint DataOffset;

    /// <summary>The state after reset as far as anyone can see it: FNINIT on zeroed registers.</summary>
    public void Initialise()
    {
        this = default;
        X87.Fninit(ref this);
    }

    /// <summary>The physical number of ST(0), 0..7.</summary>
    public int Top
    {
        readonly get => StatusWord >> FpuStatus.TopShift & 7;
        set => StatusWord = (ushort)(StatusWord & ~(7 << FpuStatus.TopShift) | (value & 7) << FpuStatus.TopShift);
    }

    /// <summary>
    /// The tag word of FNSTENV: for each physical register 0 valid, 1 zero, 2 special (NaN, infinity, denormal,
    /// unsupported), 3 empty (SDM vol. 1 §8.1.7).
    /// </summary>
    public ushort TagWord
    {
        readonly get
        {
            int word = 0;
            for (int physical = 0; physical < 8; physical++)
                word |= FullTag(physical) << (physical * 2);
            return (ushort)word;
        }
        set
        {
            // Whatever the image claims about valid, zero and special, only emptiness is believed.
            int tags = 0;
            for (int physical = 0; physical < 8; physical++)
                tags |= (value >> (physical * 2) & 3) != 3 ? 1 << physical : 0;
            Tags = (byte)tags;
        }
    }

    private readonly int FullTag(int physical)
    {
        if ((Tags >> physical & 1) == 0)
            return 3;
        return Registers[physical].Class switch { F80Class.Normal => 0, F80Class.Zero => 1, _ => 2 };
    }
}
