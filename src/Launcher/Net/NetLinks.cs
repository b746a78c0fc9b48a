using System.Net.Sockets;
using Lguest.Jit.Launcher.Loading;

namespace Lguest.Jit.Launcher.Net;

/// <summary>Opens what <c>--net</c> asks for.</summary>
internal static class NetLinks
{
    /// <returns>Not started yet; null for no network.</returns>
    /// <exception cref="LoadException">The Host does not have it, or does not let us.</exception>
    public static NetLink? Open(NetOptions options) => options.Kind switch
    {
        NetKind.Passt when options.Socket is { } path => new StreamLink(Connect(path), new NetPort(hasHeader: false, options.EffectiveMtu), $"passt at {path}"),
        NetKind.Passt => StartPasst(options),
        NetKind.Tap => TapLink.Open(options),
        _ => null,
    };

    private static StreamLink StartPasst(NetOptions options)
    {
        PasstProcess child = PasstProcess.Start(options, out Socket socket);
        return new StreamLink(socket, new NetPort(hasHeader: false, options.EffectiveMtu), "passt", child);
    }

    private static Socket Connect(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return socket;
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            socket.Dispose();
            throw new LoadException($"--net passt:{path}: {e.Message}");
        }
    }
}
