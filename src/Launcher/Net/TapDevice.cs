using System.Runtime.InteropServices;
using System.Text;
using Lguest.Jit.Launcher.Loading;

namespace Lguest.Jit.Launcher.Net;

/// <summary>
/// /dev/net/tun (Documentation/networking/tuntap.rst): one frame a read or write, behind a virtio_net_hdr. Never blocks but in
/// <see cref="WaitForFrame"/>, out of which <see cref="Wake"/> gets it.
/// </summary>
/// <remarks>All pointers given to the kernel are pinned for the call; the lengths beside them are those of the spans.</remarks>
internal sealed unsafe partial class TapDevice : IDisposable
{
    private const int ReadWrite = 2;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;

    private const nuint SetInterface = 0x400454CA; // TUNSETIFF
    private const nuint SetOffload = 0x400454D0; // TUNSETOFFLOAD
    private const nuint SetHeaderSize = 0x400454D8; // TUNSETVNETHDRSZ
    private const short TapMode = 0x0002; // IFF_TAP
    private const short NoPacketInformation = 0x1000; // IFF_NO_PI
    private const short VirtioHeader = 0x4000; // IFF_VNET_HDR

    private const int InterfaceNameBytes = 16;
    private const int InterfaceRequestBytes = 40;

    private const int Interrupted = 4; // EINTR
    private const int InputOutput = 5; // EIO: the interface is down
    private const int TryAgain = 11; // EAGAIN
    private const int Invalid = 22; // EINVAL: a header that the kernel does not believe
    private const short PollIn = 1;
    private const short PollOut = 4;

    private readonly int _file;
    private readonly int _wake;

    private TapDevice(string name, int file, int wake)
    {
        Name = name;
        _file = file;
        _wake = wake;
    }

    public string Name { get; }

    /// <exception cref="LoadException">What the kernel says against it.</exception>
    public static TapDevice Open(string name)
    {
        int file = OpenFile("/dev/net/tun", ReadWrite | NonBlocking | CloseOnExec);
        if (file < 0)
        {
            throw Refused(name, "/dev/net/tun");
        }

        byte* request = stackalloc byte[InterfaceRequestBytes];
        new Span<byte>(request, InterfaceRequestBytes).Clear();
        Encoding.ASCII.GetBytes(name, new Span<byte>(request, InterfaceNameBytes - 1));
        *(short*)(request + InterfaceNameBytes) = TapMode | NoPacketInformation | VirtioHeader;
        int headerSize = VirtioNetHeader.Size;
        int wake = EventFile(0, NonBlocking | CloseOnExec);
        if (wake < 0 || Control(file, SetInterface, request) < 0 || Control(file, SetHeaderSize, &headerSize) < 0)
        {
            LoadException refused = Refused(name, "the kernel");
            _ = Close(file);
            _ = Close(wake);
            throw refused;
        }

        return new TapDevice(name, file, wake);
    }

    /// <summary>What the kernel may leave undone in the frames that it gives us, from the virtio features that the Guest took.</summary>
    public void SetOffloads(ulong features)
    {
        // TUN_F_CSUM, TSO4, TSO6 and TSO_ECN are bits 0 to 3; GUEST_CSUM is 1, the other three are 7 to 9. None goes without the first.
        nuint checksum = (nuint)(features >> 1) & 1;
        nuint offloads = checksum == 0 ? 0 : checksum | ((nuint)(features >> 7) & 7) << 1;
        _ = Control(_file, SetOffload, (void*)offloads);
    }

    /// <returns>Bytes; 0: there is no frame, or no room for one.</returns>
    /// <exception cref="IOException">The device is gone.</exception>
    public int Read(Span<byte> first, Span<byte> second)
    {
        fixed (byte* one = first, two = second)
        {
            Piece* pieces = stackalloc Piece[2];
            pieces[0] = new Piece(one, first.Length);
            pieces[1] = new Piece(two, second.Length);
            nint length = ReadPieces(_file, pieces, 2);
            return length >= 0 ? (int)length : Marshal.GetLastPInvokeError() is TryAgain or Interrupted ? 0 : throw Gone();
        }
    }

    /// <summary>Writes a frame; one that the kernel refuses is lost, as on a wire.</summary>
    /// <returns>False: woken before there was room.</returns>
    /// <exception cref="IOException">The device is gone.</exception>
    public bool Write(ReadOnlySpan<byte> frame)
    {
        while (true)
        {
            nint written;
            fixed (byte* start = frame)
            {
                written = WriteFile(_file, start, (nuint)frame.Length);
            }

            if (written >= 0 || Marshal.GetLastPInvokeError() is InputOutput or Invalid)
            {
                return true;
            }

            switch (Marshal.GetLastPInvokeError())
            {
                case Interrupted:
                    break;
                case TryAgain when Wait(PollOut):
                    break;
                case TryAgain:
                    return false;
                default:
                    throw Gone();
            }
        }
    }

    /// <returns>False: woken.</returns>
    public bool WaitForFrame() => Wait(PollIn);

    /// <summary>Ends all waiting, now and later. Any thread.</summary>
    public void Wake()
    {
        ulong one = 1;
        _ = WriteFile(_wake, (byte*)&one, sizeof(ulong));
    }

    public void Dispose()
    {
        _ = Close(_file);
        _ = Close(_wake);
    }

    private bool Wait(short events)
    {
        PollEntry* entries = stackalloc PollEntry[2];
        entries[0] = new PollEntry { File = _file, Events = events };
        entries[1] = new PollEntry { File = _wake, Events = PollIn };
        _ = Poll(entries, 2, -1);
        return entries[1].Result == 0;
    }

    private static LoadException Refused(string name, string who) =>
        new($"--net tap:{name}: {who} refuses: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");

    private static IOException Gone() => new(Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()));

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Piece(byte* start, int length)
    {
        public readonly byte* Start = start;
        public readonly nuint Length = (nuint)length;
    }

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int File;
        public short Events;
        public short Result;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventFile(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(int file, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(PollEntry* entries, nuint count, int timeout);

    [LibraryImport("libc", EntryPoint = "readv", SetLastError = true)]
    private static partial nint ReadPieces(int file, Piece* pieces, int count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteFile(int file, byte* buffer, nuint count);
}
