using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Lguest.Jit.Launcher.Storage;

/// <summary>
/// Reads and writes at offsets of an open file, straight from and to memory: on Linux by its own vectored calls, so that a
/// request which the Guest has scattered over thirty pages is one system call; elsewhere piece by piece.
/// </summary>
/// <remarks>The pieces' own invariant (<see cref="HostPiece"/>) is what makes it safe to hand their addresses to the kernel.</remarks>
internal static unsafe partial class RawFile
{
    private const int KeepSize = 1;
    private const int PunchHoleFlag = 2;
    private const int ZeroRangeFlag = 16;
    private const int SeekEnd = 2;
    private const int ZeroPiece = 1 << 20;

    /// <summary>Pieces that one vectored call takes (IOV_MAX).</summary>
    private const int MostPieces = 1024;

    private static readonly nint s_zeroes = (nint)NativeMemory.AllocZeroed(ZeroPiece);

    /// <summary>Bytes of a file or block device; −1: it has none.</summary>
    public static long Length(SafeFileHandle file)
    {
        if (OperatingSystem.IsLinux())
        {
            return Seek(file, 0, SeekEnd);
        }

        try
        {
            return RandomAccess.GetLength(file);
        }
        catch (NotSupportedException)
        {
            return -1;
        }
    }

    /// <summary>Fills all pieces.</summary>
    public static int Read(SafeFileHandle file, ulong offset, ReadOnlySpan<HostPiece> pieces) => Transfer(file, offset, pieces, writes: false);

    /// <summary>Writes all pieces.</summary>
    public static int Write(SafeFileHandle file, ulong offset, ReadOnlySpan<HostPiece> pieces) => Transfer(file, offset, pieces, writes: true);

    /// <summary>Writes zeroes, as bytes.</summary>
    public static int WriteZeroBytes(SafeFileHandle file, ulong offset, ulong length)
    {
        int error = HostError.None;
        while (length != 0 && error == HostError.None)
        {
            ulong part = Math.Min(length, ZeroPiece);
            error = Write(file, offset, [new HostPiece(s_zeroes, (nuint)part)]);
            offset += part;
            length -= part;
        }

        return error;
    }

    /// <summary>fdatasync: what was written is on stable storage.</summary>
    public static int Flush(SafeFileHandle file)
    {
        if (OperatingSystem.IsLinux())
        {
            int result;
            do
            {
                result = DataSync(file);
            }
            while (result != 0 && Marshal.GetLastPInvokeError() == HostError.Interrupted);
            return result == 0 ? HostError.None : Marshal.GetLastPInvokeError();
        }

        try
        {
            RandomAccess.FlushToDisk(file);
            return HostError.None;
        }
        catch (IOException)
        {
            return HostError.InputOutput;
        }
    }

    /// <summary>Gives the room back; the bytes read as zeroes. <see cref="HostError.NotSupported"/>: this Host or file system cannot.</summary>
    public static int PunchHole(SafeFileHandle file, ulong offset, ulong length) => Allocate(file, PunchHoleFlag | KeepSize, offset, length);

    /// <summary>The bytes read as zeroes, and keep their room. <see cref="HostError.NotSupported"/> as above.</summary>
    public static int ZeroRange(SafeFileHandle file, ulong offset, ulong length) => Allocate(file, ZeroRangeFlag | KeepSize, offset, length);

    private static int Transfer(SafeFileHandle file, ulong offset, ReadOnlySpan<HostPiece> pieces, bool writes)
    {
        if (!OperatingSystem.IsLinux())
        {
            return TransferPortably(file, offset, pieces, writes);
        }

        // A short transfer is nothing unusual. We go on where it ended, with a copy of the list.
        Span<HostPiece> left = pieces.Length <= 256 ? stackalloc HostPiece[pieces.Length] : new HostPiece[pieces.Length];
        pieces.CopyTo(left);
        while (!left.IsEmpty)
        {
            if (left[0].Length == 0)
            {
                left = left[1..];
                continue;
            }

            nint done;
            fixed (HostPiece* first = left)
            {
                int count = Math.Min(left.Length, MostPieces);
                done = writes ? WriteVector(file, first, count, (long)offset) : ReadVector(file, first, count, (long)offset);
            }

            if (done < 0)
            {
                int error = Marshal.GetLastPInvokeError();
                if (error == HostError.Interrupted)
                {
                    continue;
                }

                return error;
            }

            if (done == 0)
            {
                // The end of the file, where there should be disk.
                return writes ? HostError.NoSpace : HostError.Truncated;
            }

            offset += (ulong)done;
            left = Advance(left, (nuint)done);
        }

        return HostError.None;
    }

    private static Span<HostPiece> Advance(Span<HostPiece> pieces, nuint bytes)
    {
        int i = 0;
        while (i < pieces.Length && pieces[i].Length <= bytes)
        {
            bytes -= pieces[i++].Length;
        }

        if (bytes != 0)
        {
            pieces[i] = new HostPiece(pieces[i].Address + (nint)bytes, pieces[i].Length - bytes);
        }

        return pieces[i..];
    }

    private static int TransferPortably(SafeFileHandle file, ulong offset, ReadOnlySpan<HostPiece> pieces, bool writes)
    {
        try
        {
            foreach (HostPiece piece in pieces)
            {
                Span<byte> bytes = piece.Bytes;
                if (writes)
                {
                    RandomAccess.Write(file, bytes, (long)offset);
                    offset += (ulong)bytes.Length;
                    continue;
                }

                while (!bytes.IsEmpty)
                {
                    int got = RandomAccess.Read(file, bytes, (long)offset);
                    if (got == 0)
                    {
                        return HostError.Truncated;
                    }

                    bytes = bytes[got..];
                    offset += (ulong)got;
                }
            }

            return HostError.None;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return HostError.InputOutput;
        }
    }

    private static int Allocate(SafeFileHandle file, int mode, ulong offset, ulong length)
    {
        if (!OperatingSystem.IsLinux())
        {
            return HostError.NotSupported;
        }

        if (length == 0)
        {
            return HostError.None;
        }

        while (FileAllocate(file, mode, (long)offset, (long)length) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            if (error != HostError.Interrupted)
            {
                // A block device may say EINVAL to what it cannot do.
                return error is HostError.NoSuchCall or HostError.Invalid ? HostError.NotSupported : error;
            }
        }

        return HostError.None;
    }

    [LibraryImport("libc", EntryPoint = "preadv64", SetLastError = true)]
    private static partial nint ReadVector(SafeFileHandle file, HostPiece* pieces, int count, long offset);

    [LibraryImport("libc", EntryPoint = "pwritev64", SetLastError = true)]
    private static partial nint WriteVector(SafeFileHandle file, HostPiece* pieces, int count, long offset);

    [LibraryImport("libc", EntryPoint = "lseek64", SetLastError = true)]
    private static partial long Seek(SafeFileHandle file, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int DataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fallocate64", SetLastError = true)]
    private static partial int FileAllocate(SafeFileHandle file, int mode, long offset, long length);
}
