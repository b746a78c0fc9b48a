using System.Runtime.InteropServices;
using System.Text;

namespace Lguest.Jit.Launcher.Tests.Support;

/// <summary>A terminal for a process under test: we are the keyboard, and can see how it has been set.</summary>
internal sealed unsafe partial class PseudoTerminal : IDisposable
{
    private const int ReadWriteNoControl = 0x102; // O_RDWR | O_NOCTTY
    private const uint Echo = 8;
    private const uint Canonical = 2;

    private readonly int _master;
    private readonly int _slave;

    public PseudoTerminal()
    {
        _master = Open(ReadWriteNoControl);
        Assert.True(_master >= 0 && Grant(_master) == 0 && Unlock(_master) == 0);
        Path = Marshal.PtrToStringUTF8(Name(_master))!;

        // Held open, so that it stays as it was left when the process has gone.
        _slave = OpenFile(Path, ReadWriteNoControl);
        Assert.True(_slave >= 0);
    }

    /// <summary>What the process opens.</summary>
    public string Path { get; }

    /// <summary>Neither echo nor lines: somebody reads keys.</summary>
    public bool IsRaw => LocalFlags == 0;

    /// <summary>As it was at first.</summary>
    public bool IsCooked => LocalFlags == (Echo | Canonical);

    private uint LocalFlags
    {
        get
        {
            // struct termios begins with c_iflag, c_oflag, c_cflag, c_lflag.
            uint* termios = stackalloc uint[64];
            Assert.Equal(0, GetAttributes(_slave, termios));
            return termios[3] & (Echo | Canonical);
        }
    }

    public void Resize(ushort columns, ushort rows)
    {
        ushort* size = stackalloc ushort[] { rows, columns, 0, 0 };
        Assert.Equal(0, Control(_master, 0x5414, size)); // TIOCSWINSZ
    }

    public void Type(string keys)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(keys);
        fixed (byte* start = bytes)
        {
            Assert.Equal(bytes.Length, WriteFile(_master, start, (nuint)bytes.Length));
        }
    }

    public void Dispose()
    {
        _ = Close(_slave);
        _ = Close(_master);
    }

    [LibraryImport("libc", EntryPoint = "posix_openpt")]
    private static partial int Open(int flags);

    [LibraryImport("libc", EntryPoint = "grantpt")]
    private static partial int Grant(int file);

    [LibraryImport("libc", EntryPoint = "unlockpt")]
    private static partial int Unlock(int file);

    [LibraryImport("libc", EntryPoint = "ptsname")]
    private static partial nint Name(int file);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "tcgetattr")]
    private static partial int GetAttributes(int file, uint* termios);

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int Control(int file, nuint request, ushort* size);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint WriteFile(int file, byte* buffer, nuint count);
}
