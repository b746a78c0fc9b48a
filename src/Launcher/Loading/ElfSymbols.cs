using System.Buffers.Binary;
using System.Text;

namespace Lguest.Jit.Launcher.Loading;

/// <summary>The .symtab of a 32-bit ELF file. A file without one, or with a damaged one, has no symbols: that is no error.</summary>
internal static class ElfSymbols
{
    private const int SectionHeaderSize = 40;
    private const int SymbolSize = 16;
    private const uint SectionTypeSymbols = 2;
    private const uint SectionExecutable = 4;
    private const int MaximumTableBytes = 64 << 20;

    private readonly record struct Section(uint Type, uint Flags, uint Offset, uint Size, uint Link);

    public static bool Recognises(ImageFile file)
    {
        Span<byte> ident = stackalloc byte[6];
        return file.TryRead(0, ident) && BinaryPrimitives.ReadUInt32LittleEndian(ident) == ElfImage.Magic && ident[4] == 1 && ident[5] == 1;
    }

    public static List<SymbolTable.Entry> Read(ImageFile file)
    {
        Section[] sections = ReadSections(file);
        var symbols = new List<SymbolTable.Entry>();
        foreach (Section section in sections)
        {
            if (section.Type == SectionTypeSymbols && section.Link < sections.Length
                && TryReadAll(file, section, out byte[] table) && TryReadAll(file, sections[section.Link], out byte[] names))
            {
                Collect(sections, table, names, symbols);
            }
        }

        return symbols;
    }

    private static void Collect(Section[] sections, ReadOnlySpan<byte> table, ReadOnlySpan<byte> names, List<SymbolTable.Entry> symbols)
    {
        for (; table.Length >= SymbolSize; table = table[SymbolSize..])
        {
            uint name = BinaryPrimitives.ReadUInt32LittleEndian(table);
            uint address = BinaryPrimitives.ReadUInt32LittleEndian(table[4..]);
            int type = table[12] & 0xF;
            int section = BinaryPrimitives.ReadUInt16LittleEndian(table[14..]);

            // No type, object, function; defined in a section of this file (not absolute, not elsewhere).
            if (type > 2 || section == 0 || section >= sections.Length || name == 0 || name >= names.Length || address == 0)
            {
                continue;
            }

            ReadOnlySpan<byte> rest = names[(int)name..];
            int length = rest.IndexOf((byte)0);
            if (length > 0)
            {
                bool text = (sections[section].Flags & SectionExecutable) != 0;
                string printable = SymbolTable.Printable(Encoding.Latin1.GetString(rest[..Math.Min(length, 200)]));
                symbols.Add(new SymbolTable.Entry(address, printable, text));
            }
        }
    }

    private static Section[] ReadSections(ImageFile file)
    {
        Span<byte> header = stackalloc byte[52];
        if (!file.TryRead(0, header) || BinaryPrimitives.ReadUInt16LittleEndian(header[46..]) != SectionHeaderSize)
        {
            return [];
        }

        int count = BinaryPrimitives.ReadUInt16LittleEndian(header[48..]);
        byte[] table = new byte[count * SectionHeaderSize];
        if (!file.TryRead(BinaryPrimitives.ReadUInt32LittleEndian(header[32..]), table))
        {
            return [];
        }

        var sections = new Section[count];
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> raw = table.AsSpan(i * SectionHeaderSize, SectionHeaderSize);
            sections[i] = new Section(
                BinaryPrimitives.ReadUInt32LittleEndian(raw[4..]),
                BinaryPrimitives.ReadUInt32LittleEndian(raw[8..]),
                BinaryPrimitives.ReadUInt32LittleEndian(raw[16..]),
                BinaryPrimitives.ReadUInt32LittleEndian(raw[20..]),
                BinaryPrimitives.ReadUInt32LittleEndian(raw[24..]));
        }

        return sections;
    }

    private static bool TryReadAll(ImageFile file, in Section section, out byte[] bytes)
    {
        bytes = section.Size <= MaximumTableBytes && (ulong)section.Offset + section.Size <= (ulong)file.Length ? new byte[section.Size] : [];
        return bytes.Length > 0 && file.TryRead(section.Offset, bytes);
    }
}
