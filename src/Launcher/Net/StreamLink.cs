using System.Net.Sockets;

namespace Lguest.Jit.Launcher.Net;

/// <summary>
/// QEMU's stream protocol over a connected socket, which passt speaks too: each frame behind its length in four bytes.
/// The rings hold just that, so that one system call moves as many frames as there are.
/// </summary>
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
        while (Port.ToSend.WaitForFilled())
        {
            Port.Sent(socket.Send(Port.ToSend.Filled, SocketFlags.None));
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
