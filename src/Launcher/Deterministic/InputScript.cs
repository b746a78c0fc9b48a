using System.Globalization;
using Lguest.Jit.Launcher.Loading;

namespace Lguest.Jit.Launcher.Deterministic;

/// <summary>
/// Console input with the moments at which it arrives: lines of <c>count TAB bytes</c>, where the count is ticks of the Guest's clock (one for each
/// instruction, and those that a halted Guest skipped) and the bytes are text with C's escapes. Empty lines and lines that
/// begin with # say nothing.
/// </summary>
/// <param name="Lines">In order of their counts.</param>
internal sealed record InputScript(IReadOnlyList<InputScript.Line> Lines)
{
    private const long MaximumFile = 16 << 20;

    public static InputScript Empty { get; } = new([]);

    /// <summary>Bytes in all.</summary>
    public int Length => Lines.Sum(static line => line.Bytes.Length);

    /// <summary>Reads a file.</summary>
    /// <exception cref="LoadException">It cannot be read, or one of its lines; which one is said.</exception>
    public static InputScript Load(string path)
    {
        string[] lines;
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > MaximumFile })
            {
                throw new LoadException($"input script {path}: larger than 16 MiB");
            }

            lines = File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new LoadException($"input script {path}: {e.Message}");
        }

        return Parse(lines, path);
    }

    /// <summary>Reads lines.</summary>
    /// <param name="lines">Of the script.</param>
    /// <param name="name">For the complaint.</param>
    /// <exception cref="LoadException">One of them is wrong; which one is said.</exception>
    public static InputScript Parse(IReadOnlyList<string> lines, string name)
    {
        var parsed = new List<Line>();
        for (int i = 0; i < lines.Count; i++)
        {
            string line = lines[i];
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            int tab = line.IndexOf('\t', StringComparison.Ordinal);
            string complaint = "";
            if (tab < 0)
            {
                complaint = "not 'count<TAB>bytes'";
            }
            else if (!long.TryParse(line.AsSpan(0, tab), NumberStyles.None, CultureInfo.InvariantCulture, out long count))
            {
                complaint = "the count is not a number";
            }
            else if (parsed.Count > 0 && count < parsed[^1].Count)
            {
                complaint = "earlier than the line before it";
            }
            else if (!TryUnescape(line.AsSpan(tab + 1), out byte[] bytes))
            {
                complaint = "an escape that C does not have, or a character above 255";
            }
            else
            {
                parsed.Add(new Line(count, bytes));
            }

            if (complaint.Length > 0)
            {
                throw new LoadException($"input script {name}, line {i + 1}: {complaint}");
            }
        }

        return new InputScript(parsed);
    }

    /// <param name="Count">When.</param>
    /// <param name="Bytes">What.</param>
    internal readonly record struct Line(long Count, byte[] Bytes);

    /// <summary>C's escapes: \n \r \t \a \b \e \f \v \\ \' \" \? \ooo \xhh.</summary>
    private static bool TryUnescape(ReadOnlySpan<char> text, out byte[] bytes)
    {
        var result = new List<byte>(text.Length);
        bytes = [];
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\')
            {
                if (text[i] > 255)
                {
                    return false;
                }

                result.Add((byte)text[i]);
                continue;
            }

            if (++i == text.Length)
            {
                return false;
            }

            const string Names = "nrtabefv\\'\"?";
            const string Values = "\n\r\t\a\b\e\f\v\\'\"?";
            int known = Names.IndexOf(text[i], StringComparison.Ordinal);
            if (known >= 0)
            {
                result.Add((byte)Values[known]);
                continue;
            }

            bool hexadecimal = text[i] == 'x';
            int start = hexadecimal ? i + 1 : i;
            int most = hexadecimal ? 2 : 3;
            int end = start;
            int value = 0;
            while (end < text.Length && end - start < most && (hexadecimal ? char.IsAsciiHexDigit(text[end]) : text[end] is >= '0' and <= '7'))
            {
                value = value * (hexadecimal ? 16 : 8) + Convert.ToInt32(text[end].ToString(), 16);
                end++;
            }

            if (end == start || value > 255)
            {
                return false;
            }

            result.Add((byte)value);
            i = end - 1;
        }

        bytes = [.. result];
        return true;
    }
}
