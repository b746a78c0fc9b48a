namespace Lguest.Jit.Launcher.Virtio;

/// <summary>Where Guest output goes.</summary>
internal interface IConsoleSink
{
    /// <summary>
    /// Takes all bytes, in order; may wait for whoever reads them. False: the Host is stopping and they may be lost; the
    /// caller stops producing more.
    /// </summary>
    bool Write(ReadOnlySpan<byte> bytes);
}
