using Lguest.Jit.Core.Snapshots;

namespace Lguest.Jit.Switcher.Deterministic;

/// <summary>
/// Something that happens to a deterministic Guest at ticks known beforehand: its timer, scripted input, the completion of a device's
/// request. All of it on the Guest's thread.
/// </summary>
internal interface ITimedEvents
{
    /// <summary>When the next one is due, in ticks of the Guest's clock; <see cref="DeterministicPace.Never"/>: there is none.</summary>
    long Due { get; }

    /// <summary>It is due: do it, so that <see cref="Due"/> moves on.</summary>
    void Fire();

    /// <summary>What a snapshot has to keep.</summary>
    void ExchangeState(StateArchive archive);
}
