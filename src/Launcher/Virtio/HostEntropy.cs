using System.Security.Cryptography;
using Lguest.Jit.Core.Snapshots;

namespace Lguest.Jit.Launcher.Virtio;

/// <summary>The Host's own generator, as good for keys as the Host's kernel.</summary>
internal sealed class HostEntropy : IEntropySource
{
    /// <inheritdoc/>
    public void Fill(Span<byte> destination) => RandomNumberGenerator.Fill(destination);

    /// <inheritdoc/>
    public void ExchangeState(StateArchive archive)
    {
        // Nothing here, or anywhere else, can be taken back.
    }
}
