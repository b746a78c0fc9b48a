using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Lguest.Jit.Launcher.Loading;

namespace Lguest.Jit.Launcher.Storage;

/// <summary>
/// Where an NBD server is, and what it calls the disk: <c>nbd://host[:port]/name</c>, <c>nbd+unix:///name?socket=/path</c> as the
/// protocol's own document has it (doc/uri.md), and the shorter <c>nbd+unix:///path[?name]</c>.
/// </summary>
/// <param name="Server">Its address.</param>
/// <param name="Export">The name; may be empty.</param>
internal sealed record NbdUri(EndPoint Server, string Export)
{
    private const string Tcp = "nbd://";
    private const string Unix = "nbd+unix://";
    private const string SocketQuery = "socket=";
    private const int DefaultPort = 10809;

    /// <summary>Does it look like one?</summary>
    public static bool IsOne(string text) => text.StartsWith(Tcp, StringComparison.Ordinal) || text.StartsWith(Unix, StringComparison.Ordinal);

    /// <param name="text">For which <see cref="IsOne"/> holds.</param>
    /// <exception cref="LoadException">It is not; why is said.</exception>
    public static NbdUri Parse(string text)
    {
        try
        {
            return text.StartsWith(Unix, StringComparison.Ordinal) ? ParseUnix(text[Unix.Length..]) : ParseTcp(text[Tcp.Length..]);
        }
        catch (FormatException e)
        {
            throw new LoadException($"disk {text}: {e.Message}");
        }
    }

    private static NbdUri ParseUnix(string rest)
    {
        int query = rest.IndexOf('?', StringComparison.Ordinal);
        string path = Uri.UnescapeDataString(query < 0 ? rest : rest[..query]);
        string after = query < 0 ? "" : rest[(query + 1)..];
        string socket = path;
        string export = Uri.UnescapeDataString(after);
        string? named = after.Split('&').FirstOrDefault(static part => part.StartsWith(SocketQuery, StringComparison.Ordinal));
        if (named is not null)
        {
            socket = Uri.UnescapeDataString(named[SocketQuery.Length..]);
            export = path.TrimStart('/');
        }

        if (!socket.StartsWith('/') || socket.Length < 2)
        {
            throw new FormatException("no path of a socket (nbd+unix:///path/of/socket, or nbd+unix:///name?socket=/path/of/socket)");
        }

        try
        {
            return new NbdUri(new UnixDomainSocketEndPoint(socket), export);
        }
        catch (ArgumentException)
        {
            throw new FormatException("the path of a socket is that long only on other systems");
        }
    }

    private static NbdUri ParseTcp(string rest)
    {
        int slash = rest.IndexOf('/', StringComparison.Ordinal);
        string authority = slash < 0 ? rest : rest[..slash];
        string export = slash < 0 ? "" : Uri.UnescapeDataString(rest[(slash + 1)..]);
        string host = authority;
        int port = DefaultPort;
        int colon = authority.LastIndexOf(':');
        if (colon > authority.LastIndexOf(']'))
        {
            host = authority[..colon];
            if (!int.TryParse(authority.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port) || port is < 1 or > 65535)
            {
                throw new FormatException($"'{authority[(colon + 1)..]}' is not a port");
            }
        }

        host = host.Trim('[', ']');
        if (host.Length == 0)
        {
            throw new FormatException("no host (nbd://127.0.0.1:10809/name)");
        }

        return new NbdUri(IPAddress.TryParse(host, out IPAddress? address) ? new IPEndPoint(address, port) : new DnsEndPoint(host, port), export);
    }
}
