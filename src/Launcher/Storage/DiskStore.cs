namespace Lguest.Jit.Launcher.Storage;

/// <summary>
/// What a Guest's disk is kept in: bytes at offsets. Each call waits until it is done and answers with 0 or one of
/// <see cref="HostError"/>; several threads may call at once, and what two of them do to the same bytes at the same time is theirs
/// to know. Offsets and lengths are multiples of <see cref="BlockSize"/> and within <see cref="Size"/>.
/// </summary>
internal abstract class DiskStore : IDisposable
{
    /// <summary>What virtio calls a sector, whatever the disk has.</summary>
    public const int SectorSize = 512;

    /// <summary>Bytes; a multiple of <see cref="BlockSize"/>, more than 0.</summary>
    public abstract ulong Size { get; }

    /// <summary>Writes are refused.</summary>
    public abstract bool IsReadOnly { get; }

    /// <summary>What can be read or written by itself: a power of two from 512 to 4096 bytes.</summary>
    public virtual int BlockSize => SectorSize;

    /// <summary>Fills all pieces from <paramref name="offset"/> on.</summary>
    public abstract int Read(ulong offset, ReadOnlySpan<HostPiece> pieces);

    /// <summary>Writes all pieces, one behind the other. It may be lost with the Host's power until a <see cref="Flush"/>.</summary>
    public abstract int Write(ulong offset, ReadOnlySpan<HostPiece> pieces);

    /// <summary>As <see cref="Write"/>, and it cannot be lost any more when this returns.</summary>
    public virtual int WriteThrough(ulong offset, ReadOnlySpan<HostPiece> pieces)
    {
        int error = Write(offset, pieces);
        return error == HostError.None ? Flush() : error;
    }

    /// <summary>All writes that were done before this was called are safe when it returns.</summary>
    public abstract int Flush();

    /// <summary>The Guest does not need what is there any more: it may read as anything from now on.</summary>
    public abstract int Discard(ulong offset, ulong length);

    /// <summary>It reads as zeroes from now on.</summary>
    /// <param name="offset">Where from.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="mayUnmap">Need not keep room for what may be written there later.</param>
    public abstract int WriteZeroes(ulong offset, ulong length, bool mayUnmap);

    /// <summary>Nobody wants to wait any longer: calls that depend on somebody else fail, now and later.</summary>
    public virtual void Abort()
    {
    }

    /// <summary>Closes it. Nobody may be in a call.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>See <see cref="Dispose()"/>.</summary>
    protected abstract void Dispose(bool disposing);
}
