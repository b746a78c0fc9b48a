namespace Lguest.Jit.Launcher.Tour;

/// <summary>The parts of the user program, in the order in which the kernel starts them.</summary>
internal enum UserEntry
{
    Segments,
    Paging,
    Strings,
    Cow,
    TrapGate,
    InterruptGate,
    Traps,
    Tls,
    Spin,
    Processor,

    /// <summary>Does nothing but exit.</summary>
    Idle,
}
