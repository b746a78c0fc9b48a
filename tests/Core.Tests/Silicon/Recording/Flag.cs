namespace Lguest.Jit.Core.Tests.Silicon.Recording;

/// <summary>EFLAGS bits; spelt again here because the recorder must not lean on the code that its records will judge.</summary>
internal static class Flag
{
    public const uint Carry = 1;
    public const uint Parity = 1 << 2;
    public const uint Adjust = 1 << 4;
    public const uint Zero = 1 << 6;
    public const uint Sign = 1 << 7;
    public const uint Trap = 1 << 8;
    public const uint Direction = 1 << 10;
    public const uint Overflow = 1 << 11;
    public const uint Resume = 1 << 16;
    public const uint AlignmentCheck = 1 << 18;

    public const uint Status = Carry | Parity | Adjust | Zero | Sign | Overflow;

    /// <summary>What every process runs with: bit 1, and IF.</summary>
    public const uint Always = 0x202;

    public static string Names(uint flags)
    {
        string text = "";
        foreach ((uint bit, string name) in ((uint, string)[])[(Overflow, "OF"), (Direction, "DF"), (Sign, "SF"), (Zero, "ZF"),
            (Adjust, "AF"), (Parity, "PF"), (Carry, "CF")])
        {
            text += (flags & bit) != 0 ? $" {name}" : "";
        }

        uint rest = flags & ~(Status | Direction | Always);
        return (rest != 0 ? $"{text} +0x{rest:x}" : text).Trim();
    }
}
