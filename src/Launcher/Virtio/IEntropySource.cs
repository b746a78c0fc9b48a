using Lguest.Jit.Core.Snapshots;

namespace Lguest.Jit.Launcher.Virtio;

/// <summary>Where the Guest's random numbers come from.</summary>
internal interface IEntropySource
{
    /// <summary>Fills all of it, at once.</summary>
    void Fill(Span<byte> destination);

    /// <summary>What a snapshot has to keep of it.</summary>
    void ExchangeState(StateArchive archive);
}
