using System.Net.Sockets;
using System.Runtime.InteropServices;
using Lguest.Jit.Launcher.Loading;

namespace Lguest.Jit.Launcher.Net;

/// <summary>socketpair(2), which .NET does not have: one end for us, the other for a child to inherit.</summary>
internal static unsafe partial class SocketPair
{
    private const int Unix = 1;
    private const int Stream = 1;
    private const int CloseOnExec = 0x80000;
    private const int SocketLevel = 1; // SOL_SOCKET
    private const int SendBuffer = 7; // SO_SNDBUF: up to net.core.wmem_max
    private const int SendBufferForce = 32; // SO_SNDBUFFORCE: for the privileged
    private const int BufferBytes = 4 << 20;

    /// <returns>Our end, closed in children; and the other, a plain descriptor that children keep.</returns>
    /// <exception cref="LoadException">This is not Linux, or it has none left.</exception>
    public static (Socket Ours, int Theirs) Create()
    {
        int* ends = stackalloc int[2];
        if (!OperatingSystem.IsLinux() || Pair(Unix, Stream | CloseOnExec, 0, ends) != 0)
        {
            throw new LoadException("--net passt: no socket pair to be had");
        }

        // What one end may have under way: as much as we are allowed to.
        int bytes = BufferBytes;
        foreach (int end in new[] { ends[0], ends[1] })
        {
            if (SetOption(end, SocketLevel, SendBufferForce, &bytes, sizeof(int)) != 0)
            {
                _ = SetOption(end, SocketLevel, SendBuffer, &bytes, sizeof(int));
            }
        }

        // A copy is not closed when a child starts; the original would be.
        int theirs = Duplicate(ends[1]);
        _ = Close(ends[1]);
        return (new Socket(new SafeSocketHandle(ends[0], ownsHandle: true)), theirs);
    }

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "socketpair")]
    private static partial int Pair(int domain, int type, int protocol, int* ends);

    [LibraryImport("libc", EntryPoint = "setsockopt")]
    private static partial int SetOption(int file, int level, int name, void* value, uint length);

    [LibraryImport("libc", EntryPoint = "dup")]
    private static partial int Duplicate(int file);
}
