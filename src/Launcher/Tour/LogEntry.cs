namespace Lguest.Jit.Launcher.Tour;

/// <summary>One interrupt in the log: offsets into an entry of 32 bytes.</summary>
internal static class LogEntry
{
    public const uint Vector = 0;
    public const uint Eip = 4;
    public const uint Cs = 8;
    public const uint Flags = 12;
    public const uint Esp = 16;
    public const uint Ss = 20;
    public const uint IrqPending = 24;
    public const uint IrqEnabled = 28;
    public const int Size = 32;

    /// <summary>Further interrupts are counted, not recorded.</summary>
    public const int Capacity = 64;

    /// <summary>Virtual address of a field of entry <paramref name="index"/>.</summary>
    public static uint Of(int index, uint field) =>
        TourLayout.Virtual(TourLayout.InterruptLog) + (uint)(index * Size) + field;
}
