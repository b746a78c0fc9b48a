using Microsoft.Win32.SafeHandles;

namespace Lguest.Jit.Launcher.Loading;

/// <summary>
/// A file to boot from, read piece by piece at given offsets: a vmlinux with debug information is hundreds of megabytes
/// of which the Guest wants ten.
/// </summary>
internal sealed class ImageFile : IDisposable
{
    private readonly SafeFileHandle _handle;

    private ImageFile(string path, string role, SafeFileHandle handle, long length)
    {
        Path = path;
        Role = role;
        _handle = handle;
        Length = length;
    }

    /// <summary>As the user wrote it.</summary>
    public string Path { get; }

    /// <summary>What the file is for ("kernel", "initrd", "symbol file"): first words of every complaint about it.</summary>
    public string Role { get; }

    /// <summary>Bytes, when it was opened.</summary>
    public long Length { get; }

    /// <exception cref="LoadException">Not there, not readable, or not a plain file.</exception>
    public static ImageFile Open(string path, string role)
    {
        SafeFileHandle? handle = null;
        try
        {
            if (Directory.Exists(path))
            {
                throw new LoadException($"{role} {path}: is a directory");
            }

            handle = File.OpenHandle(path);
            return new ImageFile(path, role, handle, RandomAccess.GetLength(handle));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new LoadException($"{role} {path}: no such file");
        }
        catch (UnauthorizedAccessException)
        {
            throw new LoadException($"{role} {path}: permission denied");
        }
        catch (Exception e) when (e is IOException or ArgumentException or NotSupportedException)
        {
            // A pipe or a terminal has no length; a path may hold characters the Host does not allow.
            handle?.Dispose();
            throw new LoadException($"{role} {path}: not a readable file");
        }
    }

    /// <summary>Fills <paramref name="destination"/> from <paramref name="offset"/>; false if the file ends before that.</summary>
    /// <exception cref="LoadException">The Host could not read it.</exception>
    public bool TryRead(long offset, Span<byte> destination)
    {
        if (offset < 0 || offset > Length || destination.Length > Length - offset)
        {
            return false;
        }

        try
        {
            while (!destination.IsEmpty)
            {
                int got = RandomAccess.Read(_handle, destination, offset);
                if (got == 0)
                {
                    // It became shorter under our feet.
                    return false;
                }

                destination = destination[got..];
                offset += got;
            }
        }
        catch (IOException)
        {
            throw Bad("cannot be read");
        }

        return true;
    }

    /// <summary>The one-line complaint about this file.</summary>
    public LoadException Bad(string what) => new($"{Role} {Path}: {what}");

    public void Dispose() => _handle.Dispose();
}
