using System.Globalization;

namespace Lguest.Jit.Launcher.Net;

internal enum NetKind
{
    None,

    /// <summary>passt, or whoever else speaks QEMU's stream protocol on a UNIX socket.</summary>
    Passt,

    /// <summary>A tap device of the Host.</summary>
    Tap,
}

/// <summary>A port of the Host that leads to one of the Guest's, in passt's words: <c>[address/]host[:guest]</c>.</summary>
internal sealed record PortForward(string Ports, bool Udp);

/// <summary>What <c>--net</c> says.</summary>
internal sealed record NetOptions
{
    /// <summary>Largest MTU: 65535 bytes of frame less 14 of Ethernet, in whole words; passt's own choice.</summary>
    public const int LargestMtu = 65520;

    /// <summary>Smallest MTU that IPv4 may have (RFC 791).</summary>
    public const int SmallestMtu = 68;

    private const int EthernetMtu = 1500;

    public NetKind Kind { get; init; }

    /// <summary>A running passt's socket; null: one of our own.</summary>
    public string? Socket { get; init; }

    /// <summary>The tap device's name.</summary>
    public string Tap { get; init; } = "";

    public MacAddress Mac { get; init; } = MacAddress.Default;

    /// <summary>0: what suits the link.</summary>
    public int Mtu { get; init; }

    public IReadOnlyList<PortForward> Forwards { get; init; } = [];

    /// <summary>Bytes. passt joins sockets, not wires: the larger the packet, the fewer of them.</summary>
    public int EffectiveMtu => Mtu != 0 ? Mtu : Kind == NetKind.Passt ? LargestMtu : EthernetMtu;

    /// <summary>Reads <c>none</c>, <c>passt[:socket][,option…]</c> or <c>tap:name[,option…]</c>.</summary>
    /// <param name="text">As typed.</param>
    /// <param name="options">What it means.</param>
    /// <returns>What is wrong with it; null: nothing.</returns>
    public static string? Parse(string text, out NetOptions options)
    {
        string[] parts = text.Split(',');
        int colon = parts[0].IndexOf(':', StringComparison.Ordinal);
        string kind = colon < 0 ? parts[0] : parts[0][..colon];
        string? argument = colon < 0 ? null : parts[0][(colon + 1)..];
        options = new NetOptions();
        switch (kind)
        {
            case "none" when argument is null && parts.Length == 1:
                return null;
            case "passt" when argument != "":
                options = options with { Kind = NetKind.Passt, Socket = argument };
                break;
            case "tap" when IsInterfaceName(argument):
                options = options with { Kind = NetKind.Tap, Tap = argument! };
                break;
            case "tap":
                return "a tap device has a name of 1 to 15 characters: tap:NAME";
            default:
                return "there are none, passt, passt:SOCKET and tap:NAME";
        }

        foreach (string option in parts[1..])
        {
            if (options.Add(option, out options) is { } complaint)
            {
                return complaint;
            }
        }

        return null;
    }

    private string? Add(string option, out NetOptions options)
    {
        int equals = option.IndexOf('=', StringComparison.Ordinal);
        string name = equals < 0 ? option : option[..equals];
        string value = equals < 0 ? "" : option[(equals + 1)..];
        options = this;
        switch (name)
        {
            case "mac" when MacAddress.TryParse(value, out MacAddress mac):
                options = this with { Mac = mac };
                return null;
            case "mac":
                return $"mac={value}: not the address of one card, such as {MacAddress.Default}";
            case "mtu" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int mtu) && mtu is >= SmallestMtu and <= LargestMtu:
                options = this with { Mtu = mtu };
                return null;
            case "mtu":
                return $"mtu={value}: not from {SmallestMtu} to {LargestMtu}";
            case "forward" when Kind != NetKind.Passt || Socket is not null:
                return "forward is for a passt that we start ourselves";
            case "forward" when TryParseForward(value, out PortForward forward):
                options = this with { Forwards = [.. Forwards, forward] };
                return null;
            case "forward":
                return $"forward={value}: not [ADDRESS/]HOSTPORT[:GUESTPORT][/udp]";
            default:
                return $"'{option}': there are mac=, mtu= and forward=";
        }
    }

    /// <summary>What the kernel lets an interface be called.</summary>
    private static bool IsInterfaceName(string? name) =>
        name is { Length: > 0 and < 16 } and not "." and not ".." && name.All(static c => c is > ' ' and < '\x7F' and not '/' and not ':' and not '%');

    private static bool TryParseForward(string text, out PortForward forward)
    {
        const string UdpSuffix = "/udp";
        bool udp = text.EndsWith(UdpSuffix, StringComparison.Ordinal);
        string ports = udp ? text[..^UdpSuffix.Length] : text;
        forward = new PortForward(ports, udp);
        int slash = ports.LastIndexOf('/');
        if (slash >= 0 && !System.Net.IPAddress.TryParse(ports.AsSpan(0, slash), out _))
        {
            return false;
        }

        string[] pair = ports[(slash + 1)..].Split(':');
        return pair.Length <= 2 && Array.TrueForAll(pair, IsPort);
    }

    private static bool IsPort(string text) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) && port != 0;
}
