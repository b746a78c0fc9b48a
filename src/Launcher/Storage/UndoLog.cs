using System.Runtime.InteropServices;

namespace Lguest.Jit.Launcher.Storage;

/// <summary>
/// What an overlay held at the last anchor: before a granule is written for the first time since, it is saved here; or that it was
/// not there at all. As the Guest's RAM does it (<see cref="Core.Memory.DirtyPages"/>), but in a file: a disk may be larger than memory.
/// </summary>
/// <param name="overlay">Whose.</param>
internal sealed unsafe class UndoLog(OverlayDisk overlay) : IDisposable
{
    private readonly TemporaryStore _old = new(overlay.Size);
    private readonly GranuleMap _saved = new((overlay.Size + OverlayDisk.Granule - 1) / OverlayDisk.Granule);
    private readonly List<(ulong Granule, bool WasHere)> _order = [];
    private readonly byte* _scratch = (byte*)NativeMemory.Alloc(OverlayDisk.Granule);
    private bool _anchored;

    /// <summary>Bytes are about to be written.</summary>
    /// <exception cref="IOException">The Host did not let us save them.</exception>
    public void Save(ulong offset, ulong length)
    {
        for (ulong granule = offset / OverlayDisk.Granule; _anchored && granule <= (offset + length - 1) / OverlayDisk.Granule; granule++)
        {
            if (_saved.Contains(granule))
            {
                continue;
            }

            bool here = overlay.IsHere(granule);
            if (here)
            {
                HostPiece piece = new((nint)_scratch, overlay.LengthOf(granule));
                Check(overlay.ReadHere(granule, piece));
                Check(_old.Write(granule * OverlayDisk.Granule, [piece]));
            }

            _saved.Add(granule);
            _order.Add((granule, here));
        }
    }

    public void Anchor()
    {
        _anchored = true;
        Forget();
    }

    /// <exception cref="IOException">The Host did not let us.</exception>
    public void Rollback()
    {
        foreach ((ulong granule, bool wasHere) in _order)
        {
            if (wasHere)
            {
                HostPiece piece = new((nint)_scratch, overlay.LengthOf(granule));
                Check(_old.Read(granule * OverlayDisk.Granule, [piece]));
                Check(overlay.WriteHere(granule, piece));
            }
            else
            {
                overlay.Forget(granule);
            }
        }

        Forget();
    }

    public void Dispose()
    {
        _old.Dispose();
        NativeMemory.Free(_scratch);
    }

    private void Forget()
    {
        foreach ((ulong granule, _) in _order)
        {
            _saved.Remove(granule);
        }

        if (_order.Count != 0)
        {
            _order.Clear();
            _old.Clear();
        }
    }

    /// <summary>Without its past the Guest cannot be compared any more: that is a failure of the Host's, not of the Guest's disk.</summary>
    private static void Check(int error)
    {
        if (error != HostError.None)
        {
            throw new IOException($"snapshot: {HostError.Describe(error)}");
        }
    }
}
