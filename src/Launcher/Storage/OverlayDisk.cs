using System.Runtime.InteropServices;
using Lguest.Jit.Launcher.Loading;

namespace Lguest.Jit.Launcher.Storage;

/// <summary>
/// A disk over another one, which is never written to: what the Guest writes goes into a temporary file, at the offsets it has on
/// the disk. Copied are granules of 4 KiB, the unit in which Linux writes; a map in memory says which are here.
/// </summary>
/// <remarks>
/// <para>
/// Several threads may read and write at once. A granule is here once its bit is set, and by then all of it has been written: so
/// who sees the bit may go to the file without asking anybody. Whoever brings granules here holds the gate while he does.
/// </para>
/// <para>It also is what a deterministic Guest writes to, which can be taken back in time: see <see cref="KeepUndo"/>.</para>
/// </remarks>
internal sealed unsafe class OverlayDisk : DiskStore
{
    public const int Granule = 4096;

    /// <summary>What a map in memory is still good for.</summary>
    private const ulong MaximumSize = 1UL << 46;

    private readonly DiskStore _base;
    private readonly bool _ownsBase;
    private readonly TemporaryStore _store;
    private readonly GranuleMap _here;
    private readonly Lock _gate = new();
    private readonly byte* _scratch = (byte*)NativeMemory.Alloc(Granule);
    private UndoLog? _undo;

    /// <param name="below">What is read where nothing was written. Its size is ours.</param>
    /// <param name="ownsBase">Close it with us.</param>
    /// <param name="readOnly">Nothing will be written.</param>
    /// <exception cref="LoadException">No room for what will be written; or the disk is too large.</exception>
    public OverlayDisk(DiskStore below, bool ownsBase, bool readOnly = false)
    {
        _base = below;
        _ownsBase = ownsBase;
        IsReadOnly = readOnly;
        if (below.Size > MaximumSize)
        {
            throw new LoadException($"snapshot: a disk of {below.Size >> 40} TiB is too large");
        }

        _store = new TemporaryStore(below.Size);
        _here = new GranuleMap((below.Size + Granule - 1) / Granule);
    }

    /// <inheritdoc/>
    public override ulong Size => _base.Size;

    /// <inheritdoc/>
    public override bool IsReadOnly { get; }

    /// <inheritdoc/>
    public override int BlockSize => _base.BlockSize;

    /// <summary>From now on <see cref="Anchor"/> and <see cref="Rollback"/> work. For one thread only.</summary>
    public void KeepUndo() => _undo ??= new UndoLog(this);

    /// <summary>Here <see cref="Rollback"/> leads, as often as one likes, until the next anchor.</summary>
    public void Anchor() => _undo?.Anchor();

    /// <summary>Back to what the disk was at the anchor.</summary>
    /// <exception cref="IOException">The Host did not let us.</exception>
    public void Rollback() => _undo?.Rollback();

    /// <inheritdoc/>
    public override int Read(ulong offset, ReadOnlySpan<HostPiece> pieces)
    {
        ulong left = HostPiece.Total(pieces);
        Span<HostPiece> slice = pieces.Length <= 256 ? stackalloc HostPiece[pieces.Length] : new HostPiece[pieces.Length];
        for (ulong done = 0; left != 0;)
        {
            bool here = _here.Contains((offset + done) / Granule);
            ulong run = Run(offset + done, left, here);
            Span<HostPiece> part = HostPiece.Slice(pieces, done, run, slice);
            int error = here ? _store.Read(offset + done, part) : _base.Read(offset + done, part);
            if (error != HostError.None)
            {
                return error;
            }

            done += run;
            left -= run;
        }

        return HostError.None;
    }

    /// <inheritdoc/>
    public override int Write(ulong offset, ReadOnlySpan<HostPiece> pieces)
    {
        ulong length = HostPiece.Total(pieces);
        if (length == 0)
        {
            return HostError.None;
        }

        _undo?.Save(offset, length);
        if (Run(offset, length, here: true) == length)
        {
            return _store.Write(offset, pieces);
        }

        lock (_gate)
        {
            int error = BringEnds(offset, length);
            error = error == HostError.None ? _store.Write(offset, pieces) : error;
            if (error == HostError.None)
            {
                AddAll(offset, length);
            }

            return error;
        }
    }

    /// <summary>It is all in a file that will be gone tomorrow: there is nothing to be kept safe.</summary>
    public override int Flush() => HostError.None;

    /// <inheritdoc/>
    public override int Discard(ulong offset, ulong length)
    {
        // Whole granules only, and the same everywhere: in deterministic time, too, anything is not an answer.
        ulong first = (offset + Granule - 1) / Granule * Granule;
        ulong end = (offset + length) / Granule * Granule;
        return first < end ? WriteZeroes(first, end - first, mayUnmap: true) : HostError.None;
    }

    /// <inheritdoc/>
    public override int WriteZeroes(ulong offset, ulong length, bool mayUnmap)
    {
        if (length == 0)
        {
            return HostError.None;
        }

        _undo?.Save(offset, length);
        lock (_gate)
        {
            int error = BringEnds(offset, length);
            error = error == HostError.None ? _store.Zero(offset, length) : error;
            if (error == HostError.None)
            {
                AddAll(offset, length);
            }

            return error;
        }
    }

    /// <inheritdoc/>
    public override void Abort() => _base.Abort();

    /// <summary>For the undo log: is the granule here? And if so, what is in it?</summary>
    internal bool IsHere(ulong granule) => _here.Contains(granule);

    internal int ReadHere(ulong granule, HostPiece piece) => _store.Read(granule * Granule, [piece with { Length = LengthOf(granule) }]);

    internal int WriteHere(ulong granule, HostPiece piece) => _store.Write(granule * Granule, [piece with { Length = LengthOf(granule) }]);

    internal void Forget(ulong granule) => _here.Remove(granule);

    /// <summary>The last one may be shorter.</summary>
    internal nuint LengthOf(ulong granule) => (nuint)Math.Min(Granule, Size - granule * Granule);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _store.Dispose();
        _undo?.Dispose();
        NativeMemory.Free(_scratch);
        if (_ownsBase)
        {
            _base.Dispose();
        }
    }

    /// <summary>Bytes from <paramref name="offset"/> on, at most <paramref name="most"/>, whose granules are all here, or all not.</summary>
    private ulong Run(ulong offset, ulong most, bool here)
    {
        ulong end = offset;
        while (end < offset + most && _here.Contains(end / Granule) == here)
        {
            end = (end / Granule + 1) * Granule;
        }

        return Math.Min(end - offset, most);
    }

    /// <summary>Brings the first and the last granule here if only a part of them is about to be written.</summary>
    private int BringEnds(ulong offset, ulong length)
    {
        ulong end = offset + length;
        int error = offset % Granule != 0 ? Bring(offset / Granule) : HostError.None;
        return error == HostError.None && end % Granule != 0 && end != Size ? Bring(end / Granule) : error;
    }

    private int Bring(ulong granule)
    {
        if (_here.Contains(granule))
        {
            return HostError.None;
        }

        HostPiece piece = new((nint)_scratch, LengthOf(granule));
        int error = _base.Read(granule * Granule, [piece]);
        error = error == HostError.None ? _store.Write(granule * Granule, [piece]) : error;
        if (error == HostError.None)
        {
            _here.Add(granule);
        }

        return error;
    }

    private void AddAll(ulong offset, ulong length)
    {
        for (ulong granule = offset / Granule; granule <= (offset + length - 1) / Granule; granule++)
        {
            _here.Add(granule);
        }
    }
}
