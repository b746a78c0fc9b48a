using Lguest.Jit.Launcher.Storage;

namespace Lguest.Jit.Launcher.Tests.Support;

/// <summary>A disk in memory that does as it is told: it fails, or takes its time.</summary>
internal sealed class MemoryDisk(int sectors, bool readOnly = false, int blockSize = 512) : DiskStore
{
    private int _reads;
    private int _flushes;
    private int _throughs;

    public byte[] Bytes { get; } = new byte[sectors * SectorSize];

    /// <summary>What every call answers.</summary>
    public int Error { get; set; }

    /// <summary>Calls wait here, if it is not null and not set.</summary>
    public ManualResetEventSlim? Gate { get; set; }

    /// <summary>Somebody lost patience.</summary>
    public bool Aborted { get; private set; }

    /// <summary>Reads that are done.</summary>
    public int Reads => Volatile.Read(ref _reads);

    public int Flushes => _flushes;

    public int Throughs => _throughs;

    public override ulong Size => (ulong)Bytes.Length;

    public override bool IsReadOnly => readOnly;

    public override int BlockSize => blockSize;

    public override int Read(ulong offset, ReadOnlySpan<HostPiece> pieces)
    {
        Gate?.Wait();
        int at = (int)offset;
        foreach (HostPiece piece in pieces)
        {
            Bytes.AsSpan(at, (int)piece.Length).CopyTo(piece.Bytes);
            at += (int)piece.Length;
        }

        Interlocked.Increment(ref _reads);
        return Error;
    }

    public override int Write(ulong offset, ReadOnlySpan<HostPiece> pieces)
    {
        Gate?.Wait();
        int at = (int)offset;
        foreach (HostPiece piece in pieces)
        {
            piece.Bytes.CopyTo(Bytes.AsSpan(at));
            at += (int)piece.Length;
        }

        return Error;
    }

    public override int WriteThrough(ulong offset, ReadOnlySpan<HostPiece> pieces)
    {
        Interlocked.Increment(ref _throughs);
        return Write(offset, pieces);
    }

    public override int Flush()
    {
        Gate?.Wait();
        Interlocked.Increment(ref _flushes);
        return Error;
    }

    public override int Discard(ulong offset, ulong length) => WriteZeroes(offset, length, true);

    public override int WriteZeroes(ulong offset, ulong length, bool mayUnmap)
    {
        Bytes.AsSpan((int)offset, (int)length).Clear();
        return Error;
    }

    public override void Abort()
    {
        Aborted = true;
        Error = HostError.Shutdown;
        Gate?.Set();
    }

    protected override void Dispose(bool disposing)
    {
    }
}
