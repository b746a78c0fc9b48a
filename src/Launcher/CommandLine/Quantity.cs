using System.Globalization;

namespace Lguest.Jit.Launcher.CommandLine;

/// <summary>Sizes, times and numbers as people write them on a command line.</summary>
internal static class Quantity
{
    /// <summary>
    /// "256M", "1G", "65536K", "64MiB", "1048576B"; a bare number is MiB, as lguest's own Launcher takes it. Always powers of 1024.
    /// </summary>
    /// <param name="text">What was written.</param>
    /// <param name="bytes">The size.</param>
    public static bool TryParseSize(string text, out ulong bytes)
    {
        bytes = 0;
        (string number, string unit) = Split(text);
        int shift = unit.ToUpperInvariant() switch
        {
            "B" => 0,
            "K" or "KB" or "KIB" => 10,
            "" or "M" or "MB" or "MIB" => 20,
            "G" or "GB" or "GIB" => 30,
            _ => -1,
        };
        if (shift < 0 || !ulong.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) || value > ulong.MaxValue >> shift)
        {
            return false;
        }

        bytes = value << shift;
        return true;
    }

    /// <summary>"30s", "500ms", "5m", "2h"; a bare number is seconds. Fractions are welcome ("1.5s"). More than zero, at most 20 days.</summary>
    public static bool TryParseTime(string text, out TimeSpan time)
    {
        time = default;
        (string number, string unit) = Split(text);
        double scale = unit.ToUpperInvariant() switch
        {
            "MS" => 0.001,
            "" or "S" => 1,
            "M" or "MIN" => 60,
            "H" => 3600,
            _ => 0,
        };

        // What a Host timer can take ends at 2^32 ms.
        const double Longest = 20 * 24 * 3600;
        if (scale == 0 || !double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value))
        {
            return false;
        }

        double seconds = value * scale;
        if (!(seconds is >= 0.001 and <= Longest))
        {
            return false;
        }

        time = TimeSpan.FromSeconds(seconds);
        return true;
    }

    /// <summary>"1000MHz", "1GHz", "500000kHz"; a bare number is MHz. Whole kilohertz.</summary>
    public static bool TryParseFrequency(string text, out uint khz)
    {
        khz = 0;
        (string number, string unit) = Split(text);
        double scale = unit.ToUpperInvariant() switch
        {
            "KHZ" => 1,
            "" or "MHZ" => 1_000,
            "GHZ" => 1_000_000,
            _ => 0,
        };
        if (scale == 0 || !double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value)
            || value * scale > uint.MaxValue || value * scale != Math.Floor(value * scale))
        {
            return false;
        }

        khz = (uint)(value * scale);
        return true;
    }

    /// <summary>Decimal, or hexadecimal with 0x.</summary>
    public static bool TryParseInteger(string text, out int value) =>
        text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? int.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    private static (string Number, string Unit) Split(string text)
    {
        string trimmed = text.Trim();
        int digits = 0;
        while (digits < trimmed.Length && (char.IsAsciiDigit(trimmed[digits]) || trimmed[digits] == '.'))
        {
            digits++;
        }

        return (trimmed[..digits], trimmed[digits..].Trim());
    }
}
