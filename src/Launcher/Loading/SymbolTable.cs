using System.Globalization;
using System.Text;

namespace Lguest.Jit.Launcher.Loading;

/// <summary>Names for Guest kernel addresses, from a System.map or the .symtab of a vmlinux. A dying Guest is read with it.</summary>
internal sealed class SymbolTable
{
    /// <summary>Further than this from the last symbol, an address belongs to something else.</summary>
    private const uint MaximumOffset = 1 << 20;

    private readonly uint[] _addresses;
    private readonly Entry[] _entries;

    private SymbolTable(IEnumerable<Entry> entries)
    {
        _entries = [.. entries.OrderBy(static e => e.Address)];
        _addresses = Array.ConvertAll(_entries, static e => e.Address);
    }

    /// <param name="Address">Virtual.</param>
    /// <param name="Name">Printable.</param>
    /// <param name="IsText">Code, as opposed to data.</param>
    public readonly record struct Entry(uint Address, string Name, bool IsText);

    public static SymbolTable Empty { get; } = new([]);

    public int Count => _entries.Length;

    /// <summary>Reads <paramref name="path"/>, a System.map or an ELF file.</summary>
    /// <exception cref="LoadException">It cannot be read, or holds no symbols.</exception>
    public static SymbolTable Load(string path)
    {
        using ImageFile file = ImageFile.Open(path, "symbol file");
        SymbolTable table = ElfSymbols.Recognises(file) ? new SymbolTable(ElfSymbols.Read(file)) : new SymbolTable(ReadMap(file));
        return table.Count > 0 ? table : throw file.Bad("holds no symbols (neither a System.map nor a vmlinux with .symtab)");
    }

    /// <summary>What a kernel file says about itself: a bzImage nothing, a vmlinux perhaps all. Never an error.</summary>
    public static SymbolTable FromKernel(string path)
    {
        try
        {
            using ImageFile file = ImageFile.Open(path, "kernel");
            return ElfSymbols.Recognises(file) ? new SymbolTable(ElfSymbols.Read(file)) : Empty;
        }
        catch (LoadException)
        {
            // It was there when it was loaded. Without it there are fewer names, and that is all.
            return Empty;
        }
    }

    public static SymbolTable From(IEnumerable<Entry> entries) => new(entries);

    /// <summary>The nearest symbol at or below <paramref name="address"/>; of several at one address, the first listed.</summary>
    public bool TryFind(uint address, out Entry symbol, out uint offset)
    {
        int index = Array.BinarySearch(_addresses, address);
        if (index < 0)
        {
            index = ~index - 1;
        }

        symbol = default;
        offset = 0;
        if (index < 0)
        {
            return false;
        }

        while (index > 0 && _addresses[index - 1] == _addresses[index])
        {
            index--;
        }

        symbol = _entries[index];
        offset = address - symbol.Address;
        return offset < MaximumOffset;
    }

    /// <summary>A symbol by its name, and where the next one begins.</summary>
    public bool TryFindName(string name, out uint address, out uint next)
    {
        int index = Array.FindIndex(_entries, e => e.Name == name);
        address = index < 0 ? 0 : _entries[index].Address;
        int after = index;
        while (after >= 0 && after < _entries.Length && _addresses[after] == address)
        {
            after++;
        }

        next = index < 0 ? 0 : after < _entries.Length ? _addresses[after] : address + 1;
        return index >= 0;
    }

    /// <summary>"name+0x12", or empty.</summary>
    public string Describe(uint address) =>
        !TryFind(address, out Entry symbol, out uint offset) ? "" : offset == 0 ? symbol.Name : $"{symbol.Name}+0x{offset:x}";

    /// <summary>
    /// As <see cref="Describe"/>; before paging the kernel runs at physical addresses, 3 GiB (or what it was configured
    /// for) below its symbols: such a name is marked with "(pa)".
    /// </summary>
    public string DescribePhysical(uint address)
    {
        if (Count == 0 || address >= _addresses[0])
        {
            return Describe(address);
        }

        string name = Describe(address + (_addresses[0] & 0xF0000000));
        return name.Length == 0 ? "" : "(pa) " + name;
    }

    /// <summary>Does the address lie in kernel code, so that on a stack it is probably a return address?</summary>
    public bool IsText(uint address) => TryFind(address, out Entry symbol, out _) && symbol.IsText;

    /// <summary>Lines "c1000000 T startup_32"; anything else is passed over.</summary>
    private static IEnumerable<Entry> ReadMap(ImageFile file)
    {
        const long MaximumMap = 64 << 20;
        byte[] bytes = new byte[Math.Min(file.Length, MaximumMap)];
        if (!file.TryRead(0, bytes))
        {
            throw file.Bad("became shorter while being read");
        }

        using var reader = new StreamReader(new MemoryStream(bytes), Encoding.Latin1);
        while (reader.ReadLine() is { } line)
        {
            // Absolute symbols ('A') are constants, not places.
            string[] parts = line.Split(' ', 4);
            if (parts.Length == 3 && parts[1].Length == 1 && "tTwWdDbBrRvV".Contains(parts[1][0], StringComparison.Ordinal)
                && uint.TryParse(parts[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint address) && address != 0)
            {
                yield return new Entry(address, Printable(parts[2]), "tTwW".Contains(parts[1][0], StringComparison.Ordinal));
            }
        }
    }

    /// <summary>Symbol files come from strangers too: no escape sequences on our terminal.</summary>
    internal static string Printable(string name)
    {
        ReadOnlySpan<char> shown = name.AsSpan(0, Math.Min(name.Length, 200));
        return string.Create(shown.Length, shown, static (to, from) =>
        {
            for (int i = 0; i < to.Length; i++)
            {
                to[i] = from[i] is > ' ' and < '\x7F' ? from[i] : '?';
            }
        });
    }
}
