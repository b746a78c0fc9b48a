using System.Buffers.Binary;

namespace Lguest.Jit.Launcher.Net;

/// <summary>Where the headers of an Ethernet frame are, as far as somebody who computes checksums has to know.</summary>
/// <param name="Network">Offset of the IP header.</param>
/// <param name="Version">4 or 6.</param>
/// <param name="Transport">Offset of the TCP or UDP header.</param>
/// <param name="Protocol">6 or 17.</param>
/// <param name="End">Where the IP packet ends; what follows pads the frame.</param>
internal readonly record struct FrameLayout(int Network, int Version, int Transport, byte Protocol, int End)
{
    public const int EthernetHeader = 14;
    public const int VlanTag = 4;
    public const byte Tcp = 6;
    public const byte Udp = 17;

    /// <summary>Bytes that <see cref="TryRead"/> may want to see: Ethernet, VLAN tag, the largest IPv4 header.</summary>
    public const int LongestHeaders = EthernetHeader + VlanTag + 60;

    /// <summary>Where the IP addresses are, source and destination.</summary>
    public Range Addresses => Version == 4 ? (Network + 12)..(Network + 20) : (Network + 8)..(Network + 40);

    /// <param name="headers">The first bytes of the frame.</param>
    /// <param name="length">Of the whole frame.</param>
    /// <param name="layout">What was found.</param>
    /// <returns>False: not a whole TCP or UDP packet right behind its IP header.</returns>
    public static bool TryRead(ReadOnlySpan<byte> headers, int length, out FrameLayout layout)
    {
        layout = default;
        int network = EthernetHeader;
        if (headers.Length < EthernetHeader + VlanTag)
        {
            return false;
        }

        ushort type = BinaryPrimitives.ReadUInt16BigEndian(headers[12..]);
        if (type == 0x8100)
        {
            network += VlanTag;
            type = BinaryPrimitives.ReadUInt16BigEndian(headers[16..]);
        }

        ReadOnlySpan<byte> ip = headers[network..];
        if (type == 0x0800 && ip.Length >= 20 && ip[0] >> 4 == 4)
        {
            int header = (ip[0] & 15) * 4;
            bool fragment = (BinaryPrimitives.ReadUInt16BigEndian(ip[6..]) & 0x3FFF) != 0;
            layout = new FrameLayout(network, 4, network + header, ip[9], network + BinaryPrimitives.ReadUInt16BigEndian(ip[2..]));
            return header >= 20 && !fragment && layout.IsWhole(length);
        }

        if (type == 0x86DD && ip.Length >= 40 && ip[0] >> 4 == 6)
        {
            layout = new FrameLayout(network, 6, network + 40, ip[6], network + 40 + BinaryPrimitives.ReadUInt16BigEndian(ip[4..]));
            return layout.IsWhole(length);
        }

        return false;
    }

    private bool IsWhole(int length) => Protocol is Tcp or Udp && End <= length && End >= Transport + (Protocol == Tcp ? 20 : 8);
}
