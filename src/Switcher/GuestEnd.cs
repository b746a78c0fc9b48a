namespace Lguest.Jit.Switcher;

/// <summary>How a Guest's run ended.</summary>
internal enum GuestEndKind
{
    /// <summary>SHUTDOWN(…, 1) with exactly "Power down".</summary>
    PoweredOff,

    /// <summary>SHUTDOWN(…, 2).</summary>
    Restart,

    /// <summary>kill_guest, or SHUTDOWN with any other string ("CRASH: …").</summary>
    Killed,

    /// <summary>The instruction limit was reached.</summary>
    InstructionLimit,

    /// <summary>The Host asked for a stop: time limit, signal, quit.</summary>
    Stopped,

    /// <summary>Deterministic time only: halted, and nothing is left that could ever wake it.</summary>
    Idle,
}

/// <param name="Kind">What happened.</param>
/// <param name="Message">lguest's words for it; empty where there are none.</param>
internal sealed record GuestEnd(GuestEndKind Kind, string Message);
