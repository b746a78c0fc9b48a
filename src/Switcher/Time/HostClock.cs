using Lguest.Jit.Core.Execution;

namespace Lguest.Jit.Switcher.Time;

/// <summary>
/// Guest time is Host time: a time-stamp counter of 1 GHz that counts monotonic nanoseconds, and a wall clock that starts at
/// the Host's and then runs on the same nanoseconds, so the two never drift apart (Linux drops a TSC that does).
/// </summary>
internal sealed class HostClock : IGuestClock
{
    private readonly long _started = MonotonicTime.Now;
    private readonly long _wallClockAtStart;

    public HostClock()
        : this(DateTime.UtcNow)
    {
    }

    /// <param name="wallClock">What the wall clock shows now, UTC, from 1970 on.</param>
    public HostClock(DateTime wallClock) => _wallClockAtStart = (wallClock - DateTime.UnixEpoch).Ticks * 100;

    /// <inheritdoc/>
    public uint TscKhz => 1_000_000;

    /// <inheritdoc/>
    public ulong ReadTsc(long retired) => (ulong)(MonotonicTime.Now - _started);

    /// <inheritdoc/>
    public long WallClockNanoseconds(long retired) => _wallClockAtStart + (MonotonicTime.Now - _started);
}
