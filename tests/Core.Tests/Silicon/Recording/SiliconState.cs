namespace Lguest.Jit.Core.Tests.Silicon.Recording;

/// <summary>What an instruction can see and change: eight registers, EFLAGS and the memory window.</summary>
internal class SiliconState
{
    public uint[] Gpr { get; } = new uint[8];

    public uint Eflags { get; set; }

    public byte[] Window { get; } = new byte[SiliconLayout.WindowSize];

    /// <summary>Little-endian, 1, 2 or 4 bytes, at an offset into the window.</summary>
    public uint Load(int offset, int size)
    {
        uint value = 0;
        for (int i = size - 1; i >= 0; i--)
        {
            value = (value << 8) | Window[offset + i];
        }

        return value;
    }

    /// <inheritdoc cref="Load"/>
    public void Store(int offset, int size, uint value)
    {
        for (int i = 0; i < size; i++)
        {
            Window[offset + i] = (byte)(value >> (8 * i));
        }
    }

    /// <summary>Register by its number in an encoding of that operand size: 4..7 at size 1 are AH, CH, DH and BH.</summary>
    public uint Register(int number, int size) => size switch
    {
        1 => (Gpr[number & 3] >> (number >= 4 ? 8 : 0)) & 0xFF,
        2 => Gpr[number] & 0xFFFF,
        _ => Gpr[number],
    };

    /// <inheritdoc cref="Register"/>
    public void SetRegister(int number, int size, uint value)
    {
        switch (size)
        {
            case 1:
                int shift = number >= 4 ? 8 : 0;
                Gpr[number & 3] = (Gpr[number & 3] & ~(0xFFu << shift)) | ((value & 0xFF) << shift);
                break;
            case 2:
                Gpr[number] = (Gpr[number] & 0xFFFF0000) | (value & 0xFFFF);
                break;
            default:
                Gpr[number] = value;
                break;
        }
    }

    public void CopyFrom(SiliconState other)
    {
        other.Gpr.CopyTo(Gpr, 0);
        other.Window.CopyTo(Window, 0);
        Eflags = other.Eflags;
    }
}
