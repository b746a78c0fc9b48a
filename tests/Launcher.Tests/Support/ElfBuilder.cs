using System.Buffers.Binary;
using System.Text;

namespace Lguest.Jit.Launcher.Tests.Support;

/// <summary>Writes small ELF files, right ones and, by its settable fields, wrong ones.</summary>
internal sealed class ElfBuilder
{
    public const uint DefaultAddress = 0x100000;

    private readonly List<(uint Address, byte[] Content, uint MemorySize)> _segments = [];
    private readonly List<(string Name, uint Value, byte Info, ushort Section)> _symbols = [];

    public byte Class { get; set; } = 1;

    public byte Endian { get; set; } = 1;

    public ushort Type { get; set; } = 2;

    public ushort Machine { get; set; } = 3;

    public uint Entry { get; set; } = DefaultAddress;

    public ushort ProgramHeaderSize { get; set; } = 32;

    public ushort? ProgramHeaderCount { get; set; }

    /// <summary>Added to every segment's file offset.</summary>
    public uint OffsetError { get; set; }

    public ElfBuilder Segment(uint address, byte[] content, uint? memorySize = null)
    {
        _segments.Add((address, content, memorySize ?? (uint)content.Length));
        return this;
    }

    /// <summary>A function in the (only) executable section, or an object in the data section.</summary>
    public ElfBuilder Symbol(string name, uint value, bool text = true)
    {
        _symbols.Add((name, value, (byte)(text ? 2 : 1), (ushort)(text ? 1 : 2)));
        return this;
    }

    public byte[] Build()
    {
        const int HeaderBytes = 52;
        var image = new MemoryStream();
        image.SetLength(HeaderBytes + 32 * _segments.Count);
        image.Position = image.Length;
        byte[] headers = new byte[32 * _segments.Count];
        for (int i = 0; i < _segments.Count; i++)
        {
            (uint address, byte[] content, uint memorySize) = _segments[i];
            Put(headers, 32 * i, 1, (uint)image.Position + OffsetError, address + 0xC0000000, address, (uint)content.Length, memorySize, 7, 0x1000);
            image.Write(content);
        }

        (uint sections, ushort sectionCount) = WriteSections(image);
        byte[] result = image.ToArray();
        Put(result, 0, 0x464C457F);
        result[4] = Class;
        result[5] = Endian;
        result[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(result.AsSpan(16), Type);
        BinaryPrimitives.WriteUInt16LittleEndian(result.AsSpan(18), Machine);
        Put(result, 20, 1, Entry, HeaderBytes, sections);
        BinaryPrimitives.WriteUInt16LittleEndian(result.AsSpan(40), HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(result.AsSpan(42), ProgramHeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(result.AsSpan(44), ProgramHeaderCount ?? (ushort)_segments.Count);
        BinaryPrimitives.WriteUInt16LittleEndian(result.AsSpan(46), 40);
        BinaryPrimitives.WriteUInt16LittleEndian(result.AsSpan(48), sectionCount);
        headers.CopyTo(result, HeaderBytes);
        return result;
    }

    private (uint Offset, ushort Count) WriteSections(MemoryStream image)
    {
        if (_symbols.Count == 0)
        {
            return (0, 0);
        }

        var names = new MemoryStream();
        names.WriteByte(0);
        byte[] table = new byte[16 * (_symbols.Count + 1)];
        for (int i = 0; i < _symbols.Count; i++)
        {
            Put(table, 16 * (i + 1), (uint)names.Position, _symbols[i].Value, 0);
            table[16 * (i + 1) + 12] = _symbols[i].Info;
            BinaryPrimitives.WriteUInt16LittleEndian(table.AsSpan(16 * (i + 1) + 14), _symbols[i].Section);
            names.Write(Encoding.Latin1.GetBytes(_symbols[i].Name + '\0'));
        }

        uint tableOffset = (uint)image.Position;
        image.Write(table);
        uint namesOffset = (uint)image.Position;
        image.Write(names.ToArray());
        uint offset = (uint)image.Position;

        // Nothing, text, data, symbols, names.
        byte[] sections = new byte[5 * 40];
        Put(sections, 40, 0, 1, 6);
        Put(sections, 80, 0, 1, 3);
        Put(sections, 120, 0, 2, 0, 0, tableOffset, (uint)table.Length, 4);
        Put(sections, 160, 0, 3, 0, 0, namesOffset, (uint)names.Length);
        image.Write(sections);
        return (offset, 5);
    }

    private static void Put(byte[] to, int offset, params ReadOnlySpan<uint> words)
    {
        foreach (uint word in words)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(to.AsSpan(offset), word);
            offset += 4;
        }
    }
}
