using System.Globalization;

namespace Lguest.Jit.Launcher.Net;

/// <summary>An Ethernet address.</summary>
/// <param name="Bits">48 of them, the first byte highest.</param>
internal readonly record struct MacAddress(ulong Bits)
{
    public const int Size = 6;

    /// <summary>The Guest's, where nobody says otherwise: of the range that virtual machines use, and the same every time, so that leases last.</summary>
    public static MacAddress Default { get; } = new(0x5254006C6701);

    /// <summary>A byte of it.</summary>
    /// <param name="index">0 to 5, as it goes over the wire.</param>
    public byte this[int index] => (byte)(Bits >> (8 * (Size - 1 - index)));

    /// <summary>Six pairs of hexadecimal digits with colons between. An address for a group, or all zero, is nobody's.</summary>
    public static bool TryParse(string text, out MacAddress address)
    {
        string[] parts = text.Split(':');
        ulong bits = 0;
        bool good = parts.Length == Size;
        foreach (string part in parts)
        {
            good &= byte.TryParse(part, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value) && part.Length == 2;
            bits = (bits << 8) | value;
        }

        address = new MacAddress(bits & 0xFFFFFFFFFFFF);
        return good && bits != 0 && (address[0] & 1) == 0;
    }

    public void CopyTo(Span<byte> destination)
    {
        for (int i = 0; i < Size; i++)
        {
            destination[i] = this[i];
        }
    }

    public override string ToString() => $"{this[0]:x2}:{this[1]:x2}:{this[2]:x2}:{this[3]:x2}:{this[4]:x2}:{this[5]:x2}";
}
