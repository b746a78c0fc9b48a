using Lguest.Jit.Core.Execution;

namespace Lguest.Jit.Switcher.Deterministic;

/// <summary>
/// Guest time made of the Guest's own instructions (design §12.1): each completed one is a tick, so many ticks are a second, and
/// a halted Guest skips the ticks to its next event. Nothing of the Host comes into it.
/// </summary>
internal sealed class DeterministicClock : IGuestClock
{
    /// <summary>Ticks a second where nobody says otherwise.</summary>
    public const uint DefaultKhz = 1_000_000;

    public const uint MinimumKhz = 1_000;

    /// <summary>tsc_khz is a word, and Linux's arithmetic with it wants some room.</summary>
    public const uint MaximumKhz = 4_000_000;

    private const long NanosecondsPerMillisecond = 1_000_000;

    /// <summary>Every Guest is started at the same moment: 1 January 2000, 00:00 UTC.</summary>
    private static readonly long s_epoch = (new DateTime(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc) - DateTime.UnixEpoch).Ticks * 100;

    private long _skipped;

    /// <param name="khz">Ticks a millisecond.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not between the two limits.</exception>
    public DeterministicClock(uint khz = DefaultKhz)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(khz, MinimumKhz);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(khz, MaximumKhz);
        TscKhz = khz;
    }

    /// <inheritdoc/>
    public uint TscKhz { get; }

    /// <summary>Ticks that passed while the Guest was halted.</summary>
    public ref long Skipped => ref _skipped;

    /// <summary>Now, in ticks since the start.</summary>
    public long Ticks(long retired) => retired + _skipped;

    /// <summary>How many ticks <paramref name="nanoseconds"/> are, rounded up.</summary>
    public long FromNanoseconds(long nanoseconds) =>
        (long)(((UInt128)(ulong)nanoseconds * TscKhz + NanosecondsPerMillisecond - 1) / NanosecondsPerMillisecond);

    /// <inheritdoc/>
    public ulong ReadTsc(long retired) => (ulong)Ticks(retired);

    /// <inheritdoc/>
    public long WallClockNanoseconds(long retired) => s_epoch + (long)((UInt128)(ulong)Ticks(retired) * NanosecondsPerMillisecond / TscKhz);
}
