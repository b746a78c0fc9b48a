namespace Lguest.Jit.Switcher.Tests.Direct;

/// <summary>What the words of a record of <see cref="TrapScene"/> are (of a frame without an error code, which else comes first), and the vectors in it.</summary>
internal static class Recorded
{
    public const uint Eip = 0;
    public const uint Cs = 1;
    public const uint Flags = 2;
    public const uint OldEsp = 3;
    public const uint OldSs = 4;
    public const uint Esp = 7;
    public const uint Ss = 8;
    public const uint IrqEnabled = 9;
    public const uint Vector = 10;

    public const uint Debug = 1;
    public const uint InvalidOpcode = 6;
    public const uint InvalidTss = 10;
    public const uint SegmentNotPresent = 11;
    public const uint GeneralProtection = 13;
    public const uint PageFault = 14;
}
