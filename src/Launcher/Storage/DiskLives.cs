namespace Lguest.Jit.Launcher.Storage;

/// <summary>
/// The disks of a Guest that is compared, life by life: each life writes to overlays over what the one before it has left, so that it
/// can be lived again from its beginning.
/// </summary>
/// <param name="bottom">What the first life finds. Ours from here on.</param>
internal sealed class DiskLives(DiskSet bottom) : IDisposable
{
    private readonly List<DiskSet> _layers = [bottom];

    /// <summary>What the Guest of the present life, or the first of two, writes to.</summary>
    public DiskSet Current => _layers[^1];

    /// <summary>A life begins.</summary>
    /// <param name="log">Hears what goes wrong with the disks.</param>
    /// <exception cref="Loading.LoadException">No room for what it will write.</exception>
    public void Begin(TextWriter log) => _layers.Add(Current.Private(log));

    /// <summary>The same disks as they were when the present life began, for another Guest. To be disposed of before this.</summary>
    public DiskSet Again() => _layers[^2].Private(TextWriter.Null);

    /// <summary>See <see cref="DiskSet.Hash"/>.</summary>
    public string Hash() => bottom.Hash();

    /// <summary>See <see cref="DiskSet.Abort"/>.</summary>
    public void Abort() => bottom.Abort();

    public void Dispose()
    {
        for (int i = _layers.Count - 1; i >= 0; i--)
        {
            _layers[i].Dispose();
        }
    }
}
