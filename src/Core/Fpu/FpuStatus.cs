namespace Lguest.Jit.Core.Fpu;

/// <summary>Where things lie in the status word (SDM vol. 1 figure 8-4). Its low seven bits are <see cref="FpuExceptions"/>.</summary>
internal static class FpuStatus
{
    /// <summary>ES: some unmasked exception is pending.</summary>
    public const ushort ErrorSummary = 0x0080;

    /// <summary>B: since the 387 a mirror of <see cref="ErrorSummary"/>.</summary>
    public const ushort Busy = 0x8000;

    public const ushort C0 = 0x0100;
    public const ushort C1 = 0x0200;
    public const ushort C2 = 0x0400;
    public const ushort C3 = 0x4000;

    /// <summary>All four condition codes.</summary>
    public const ushort Conditions = C0 | C1 | C2 | C3;

    /// <summary>The lowest bit of TOP.</summary>
    public const int TopShift = 11;
}
