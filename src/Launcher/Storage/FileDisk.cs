using Lguest.Jit.Launcher.Loading;
using Microsoft.Win32.SafeHandles;

namespace Lguest.Jit.Launcher.Storage;

/// <summary>A raw image, or a block device of the Host: byte n of the disk is byte n of the file.</summary>
/// <remarks>
/// It is locked while it is open, as far as the Host's locks go (flock on Unix): alone by who writes, together by who only reads. Two
/// Guests that write to one file system destroy it.
/// </remarks>
internal sealed class FileDisk : DiskStore
{
    private readonly SafeFileHandle _file;

    private FileDisk(SafeFileHandle file, ulong size, bool readOnly)
    {
        _file = file;
        Size = size;
        IsReadOnly = readOnly;
    }

    /// <inheritdoc/>
    public override ulong Size { get; }

    /// <inheritdoc/>
    public override bool IsReadOnly { get; }

    /// <param name="path">Of the file.</param>
    /// <param name="readOnly">Never write to it.</param>
    /// <exception cref="LoadException">It cannot be a disk; why is said.</exception>
    public static FileDisk Open(string path, bool readOnly)
    {
        SafeFileHandle file = OpenHandle(path, readOnly);
        try
        {
            long size = RawFile.Length(file);
            string? complaint = size switch
            {
                < 0 => "neither a file nor a block device",
                0 => "is empty",
                _ when size % SectorSize != 0 => $"its {size} bytes are not a multiple of {SectorSize}",
                _ => null,
            };
            return complaint is null ? new FileDisk(file, (ulong)size, readOnly) : throw new LoadException($"disk {path}: {complaint}");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override int Read(ulong offset, ReadOnlySpan<HostPiece> pieces) => RawFile.Read(_file, offset, pieces);

    /// <inheritdoc/>
    public override int Write(ulong offset, ReadOnlySpan<HostPiece> pieces) => RawFile.Write(_file, offset, pieces);

    /// <inheritdoc/>
    public override int Flush() => IsReadOnly ? HostError.None : RawFile.Flush(_file);

    /// <inheritdoc/>
    public override int Discard(ulong offset, ulong length)
    {
        int error = RawFile.PunchHole(_file, offset, length);

        // Advice that cannot be followed has been heard all the same.
        return error == HostError.NotSupported ? HostError.None : error;
    }

    /// <inheritdoc/>
    public override int WriteZeroes(ulong offset, ulong length, bool mayUnmap)
    {
        int error = mayUnmap ? RawFile.PunchHole(_file, offset, length) : RawFile.ZeroRange(_file, offset, length);
        return error == HostError.NotSupported ? RawFile.WriteZeroBytes(_file, offset, length) : error;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _file.Dispose();

    private static SafeFileHandle OpenHandle(string path, bool readOnly)
    {
        try
        {
            if (Directory.Exists(path))
            {
                throw new LoadException($"disk {path}: is a directory");
            }

            return File.OpenHandle(
                path, FileMode.Open, readOnly ? FileAccess.Read : FileAccess.ReadWrite, readOnly ? FileShare.Read : FileShare.None);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new LoadException($"disk {path}: no such file");
        }
        catch (UnauthorizedAccessException)
        {
            throw new LoadException($"disk {path}: permission denied{(readOnly ? "" : "; a disk that is only read is 'file,ro', one that is left as it is 'file,snapshot'")}");
        }
        catch (IOException e) when (e.HResult == InUse)
        {
            throw new LoadException($"disk {path}: in use by somebody else");
        }
        catch (Exception e) when (e is IOException or ArgumentException or NotSupportedException)
        {
            throw new LoadException($"disk {path}: cannot be opened");
        }
    }

    /// <summary>EWOULDBLOCK, from the lock; on Windows ERROR_SHARING_VIOLATION.</summary>
    private static int InUse => OperatingSystem.IsWindows() ? unchecked((int)0x80070020) : OperatingSystem.IsMacOS() ? 35 : 11;
}
