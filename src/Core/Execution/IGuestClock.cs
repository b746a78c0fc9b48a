namespace Lguest.Jit.Core.Execution;

/// <summary>Guest time. Host time by default; retired instructions in deterministic mode.</summary>
internal interface IGuestClock
{
    /// <summary>Frequency of the time-stamp counter in kHz, as told to the Guest by <c>tsc_khz</c>.</summary>
    uint TscKhz { get; }

    /// <summary>The time-stamp counter now. Monotonic. <paramref name="retired"/>: instructions completed so far.</summary>
    ulong ReadTsc(long retired);

    /// <summary>Wall-clock time in nanoseconds since the epoch, on the same monotonic base as the TSC.</summary>
    long WallClockNanoseconds(long retired);
}
