using Lguest.Jit.Launcher.Loading;
using Microsoft.Win32.SafeHandles;

namespace Lguest.Jit.Launcher.Storage;

/// <summary>
/// A file without a name, as large as it likes and no larger on the Host's disk than what was written into it. It is gone with the
/// process, however that ends.
/// </summary>
internal sealed class TemporaryStore : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly long _size;

    /// <param name="size">Bytes; none of them takes room yet.</param>
    /// <exception cref="LoadException">The Host has no place for one.</exception>
    public TemporaryStore(ulong size)
    {
        string path = Path.Combine(Folder(), $"lguest-jit-{Environment.ProcessId}-{Guid.NewGuid():N}");
        _size = (long)size;
        try
        {
            _file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete | FileShare.ReadWrite, FileOptions.DeleteOnClose);
            if (!OperatingSystem.IsWindows())
            {
                File.Delete(path);
            }

            RandomAccess.SetLength(_file, _size);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LoadException($"snapshot: no temporary file in {Folder()}: {e.Message}");
        }
    }

    public int Read(ulong offset, ReadOnlySpan<HostPiece> pieces) => RawFile.Read(_file, offset, pieces);

    public int Write(ulong offset, ReadOnlySpan<HostPiece> pieces) => RawFile.Write(_file, offset, pieces);

    /// <summary>The bytes read as zeroes, and take no room where the Host can do that.</summary>
    public int Zero(ulong offset, ulong length)
    {
        int error = RawFile.PunchHole(_file, offset, length);
        return error == HostError.NotSupported ? RawFile.WriteZeroBytes(_file, offset, length) : error;
    }

    /// <summary>Everything is forgotten.</summary>
    public void Clear()
    {
        RandomAccess.SetLength(_file, 0);
        RandomAccess.SetLength(_file, _size);
    }

    public void Dispose() => _file.Dispose();

    /// <summary>TMPDIR where it is set; else /var/tmp, which unlike /tmp is not made of memory; else whatever the Host has.</summary>
    private static string Folder()
    {
        string? chosen = Environment.GetEnvironmentVariable("TMPDIR");
        return string.IsNullOrEmpty(chosen) && Directory.Exists("/var/tmp") ? "/var/tmp" : Path.GetTempPath();
    }
}
