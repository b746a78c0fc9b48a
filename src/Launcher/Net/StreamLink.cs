using System.Net.Sockets;

namespace Lguest.Jit.Launcher.Net;

/// <summary>
/// QEMU's stream protocol over a connected socket, which passt speaks too: each frame behind its length in four bytes.
/// The rings hold just that, so that one system call moves several frames.
/// </summary>
/// <remarks>
/// To a reader of a stream it should not matter how the bytes were written, but it does to the passt of 2023 that Debian has: when
/// what it reads ends within a length, or when the rest of a frame comes in more than one piece, it throws the whole read away
/// and takes the next bytes for a length. TCP then waits out its timers, and the stream stands still for a second or more. QEMU
/// does not see that because it writes frame by frame, and so do we, nearly.
/// </remarks>
/// <param name="socket">Connected; ours from now on.</param>
/// <param name="port">Without header.</param>
/// <param name="description">Where the socket leads.</param>
/// <param name="child">The process at the other end, if it is ours to end.</param>
internal sealed class StreamLink(Socket socket, NetPort port, string description, PasstProcess? child = null) : NetLink(port, "net")
{
    /// <summary>Smaller pieces of room are not worth a system call while the Guest is about to make more.</summary>
    private const int WorthReading = 64 << 10;

    /// <summary>The Guest can begin with these while the next are copied.</summary>
    private const int MostAtOnce = 256 << 10;

    /// <summary>
    /// Frames that go in one write: the kernel puts a write of up to 32 KiB and a bit into the socket as one piece (net/unix/af_unix.c,
    /// unix_stream_sendmsg), and one frame of any size as two at most.
    /// </summary>
    private const int MostInOnePiece = 32 << 10;

    /// <inheritdoc/>
    public override string Description => description;

    protected override string Receive()
    {
        while (Port.Received.WaitForRoom(WorthReading))
        {
            Span<byte> room = Port.Received.Room;
            int count = socket.Receive(room[..Math.Min(room.Length, MostAtOnce)], SocketFlags.None);
            if (count == 0)
            {
                return child?.LastWords ?? "the other end has closed the connection";
            }

            Port.Received.Put(count);
            Port.RaiseNews();
        }

        return "";
    }

    protected override string Send()
    {
        FrameRing ring = Port.ToSend;
        byte[] joined = new byte[FrameRing.Prefix + NetPort.MaximumFrame];
        while (ring.WaitForFilled())
        {
            // Nothing but whole frames was ever put there.
            int length = ring.WholeFrames(MostInOnePiece);
            ReadOnlySpan<byte> frames = ring.Peek(0, length);
            if (frames.Length < length)
            {
                // The ring's end lies within.
                ring.Copy(0, joined.AsSpan(0, length));
                frames = joined.AsSpan(0, length);
            }

            while (!frames.IsEmpty)
            {
                frames = frames[socket.Send(frames, SocketFlags.None)..];
            }

            Port.Sent(length);
        }

        return "";
    }

    protected override void Hangup()
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException)
        {
            // The other end was faster.
        }
    }

    protected override void Free()
    {
        socket.Dispose();
        child?.Dispose();
    }
}
