using System.Globalization;
using Lguest.Jit.Launcher.Loading;

namespace Lguest.Jit.Launcher.Tracing;

/// <summary>Ranges of Guest addresses, given as "0xC1000000-0xC1001000,schedule,0x1234"; none: everything.</summary>
internal sealed class AddressFilter
{
    private readonly List<(uint First, uint Last)> _ranges = [];

    public static AddressFilter Everything { get; } = new();

    /// <summary>Does the address lie in one of the ranges?</summary>
    public bool Contains(uint address) => Overlaps(address, 1);

    /// <summary>Do any of <paramref name="length"/> (≥ 1) bytes from <paramref name="address"/> on?</summary>
    public bool Overlaps(uint address, uint length)
    {
        if (_ranges.Count == 0)
        {
            return true;
        }

        foreach ((uint first, uint last) in _ranges)
        {
            if (address <= last && (ulong)address + length > first)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Reads a filter. The end of a range is not in it; a symbol stands for all up to the next one.</summary>
    /// <exception cref="LoadException">One line about the part that makes no sense.</exception>
    public static AddressFilter Parse(string text, SymbolTable symbols)
    {
        var filter = new AddressFilter();
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            filter._ranges.Add(ParseRange(part, symbols));
        }

        return filter._ranges.Count > 0 ? filter : throw new LoadException($"--trace-filter {text}: names no address");
    }

    private static (uint First, uint Last) ParseRange(string part, SymbolTable symbols)
    {
        int dash = part.IndexOf('-', StringComparison.Ordinal);
        if (dash > 0 && TryParse(part[..dash], out uint from) && TryParse(part[(dash + 1)..], out uint to))
        {
            return to > from ? (from, to - 1) : throw new LoadException($"--trace-filter {part}: ends before it begins");
        }

        if (TryParse(part, out uint address))
        {
            return (address, address);
        }

        return symbols.TryFindName(part, out uint first, out uint next)
            ? (first, next - 1)
            : throw new LoadException($"--trace-filter {part}: neither an address, a range of them (0xC1000000-0xC1001000) nor a known symbol");
    }

    private static bool TryParse(string text, out uint value)
    {
        value = 0;
        return text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            && uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
