using Lguest.Jit.Core.Snapshots;

namespace Lguest.Jit.Switcher.Deterministic;

/// <summary>The Guest's clock event device in deterministic time: due at an exact tick.</summary>
/// <param name="expired">Raises its interrupt.</param>
internal sealed class TimerEvent(Action expired) : ITimedEvents
{
    private long _due = DeterministicPace.Never;

    /// <inheritdoc/>
    public long Due => _due;

    /// <summary>Due at <paramref name="tick"/>, instead of whenever it was.</summary>
    public void Arm(long tick) => _due = tick;

    public void Cancel() => _due = DeterministicPace.Never;

    /// <inheritdoc/>
    public void Fire()
    {
        Cancel();
        expired();
    }

    /// <inheritdoc/>
    public void ExchangeState(StateArchive archive) => archive.Field(ref _due);
}
