using System.Buffers.Binary;
using Lguest.Jit.Core.Memory;

namespace Lguest.Jit.Launcher.Loading;

/// <summary>
/// An uncompressed kernel, vmlinux (ABI sheet §2.2; lguest: tools/lguest/lguest.c, map_elf). Segments go to their
/// <i>physical</i> addresses, and the entry point of a kernel is a physical address too, for there is no paging yet.
/// </summary>
/// <remarks>
/// lguest trusted its files; we are handed whatever lies on somebody's disk. Every offset is held against the file and
/// every address against RAM before a byte moves.
/// </remarks>
internal static class ElfImage
{
    public const uint Magic = 0x464C457F;

    private const int HeaderSize = 52;
    private const int ProgramHeaderSize = 32;
    private const int MaximumProgramHeaders = 2048;
    private const ushort TypeExecutable = 2;
    private const ushort Machine386 = 3;
    private const ushort MachineX8664 = 62;
    private const uint SegmentLoad = 1;

    private readonly record struct Segment(uint Offset, uint Address, uint FileSize, uint MemorySize)
    {
        public ulong FileEnd => (ulong)Address + FileSize;

        public ulong MemoryEnd => (ulong)Address + Math.Max(FileSize, MemorySize);
    }

    /// <exception cref="LoadException">Not a 32-bit x86 executable, damaged, or too large for this RAM.</exception>
    public static LoadedKernel Load(ImageFile file, GuestRam ram)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        if (!file.TryRead(0, header[..20]))
        {
            throw file.Bad("truncated kernel (the ELF header is incomplete)");
        }

        CheckIdentity(file, header);
        if (!file.TryRead(0, header))
        {
            throw file.Bad("truncated kernel (the ELF header is incomplete)");
        }

        uint entry = BinaryPrimitives.ReadUInt32LittleEndian(header[24..]);
        List<Segment> segments = ReadSegments(file, header);
        ulong end = 0;
        foreach (Segment segment in segments)
        {
            end = Math.Max(end, segment.MemoryEnd);
        }

        if (end > ram.Size)
        {
            throw file.Bad($"memory too small: this kernel needs {MemorySize.Describe(end)}, the Guest has {MemorySize.Describe(ram.Size)}");
        }

        if (!segments.Exists(s => entry >= s.Address && entry < s.MemoryEnd))
        {
            throw file.Bad($"malformed kernel (entry point 0x{entry:x} lies in no segment)");
        }

        foreach (Segment segment in segments)
        {
            if (!file.TryRead(segment.Offset, ram.Window(segment.Address, segment.FileSize)))
            {
                throw file.Bad("truncated kernel (it became shorter while being read)");
            }
        }

        return new LoadedKernel("vmlinux", entry, (uint)end);
    }

    private static void CheckIdentity(ImageFile file, ReadOnlySpan<byte> header)
    {
        ushort machine = BinaryPrimitives.ReadUInt16LittleEndian(header[18..]);
        if (header[4] == 2 || machine == MachineX8664)
        {
            throw file.Bad("64-bit kernel: lguest Guests are 32-bit x86");
        }

        if (header[4] != 1 || header[5] != 1 || machine != Machine386)
        {
            throw file.Bad("not a 32-bit x86 kernel");
        }

        if (BinaryPrimitives.ReadUInt16LittleEndian(header[16..]) != TypeExecutable)
        {
            throw file.Bad("not a kernel: an ELF file, but not an executable one");
        }
    }

    private static List<Segment> ReadSegments(ImageFile file, ReadOnlySpan<byte> header)
    {
        uint tableOffset = BinaryPrimitives.ReadUInt32LittleEndian(header[28..]);
        int entrySize = BinaryPrimitives.ReadUInt16LittleEndian(header[42..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(header[44..]);
        if (entrySize != ProgramHeaderSize || count is < 1 or > MaximumProgramHeaders)
        {
            throw file.Bad($"malformed kernel ({count} program headers of {entrySize} bytes)");
        }

        byte[] table = new byte[count * ProgramHeaderSize];
        if (!file.TryRead(tableOffset, table))
        {
            throw file.Bad("truncated kernel (the program headers are incomplete)");
        }

        var segments = new List<Segment>();
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> raw = table.AsSpan(i * ProgramHeaderSize, ProgramHeaderSize);
            if (BinaryPrimitives.ReadUInt32LittleEndian(raw) == SegmentLoad)
            {
                Add(file, segments, new Segment(
                    BinaryPrimitives.ReadUInt32LittleEndian(raw[4..]),
                    BinaryPrimitives.ReadUInt32LittleEndian(raw[12..]),
                    BinaryPrimitives.ReadUInt32LittleEndian(raw[16..]),
                    BinaryPrimitives.ReadUInt32LittleEndian(raw[20..])));
            }
        }

        if (segments.Count == 0)
        {
            throw file.Bad("not a kernel: an ELF file with nothing to load");
        }

        return segments;
    }

    private static void Add(ImageFile file, List<Segment> segments, in Segment added)
    {
        if (added is { FileSize: 0, MemorySize: 0 })
        {
            return;
        }

        if ((ulong)added.Offset + added.FileSize > (ulong)file.Length)
        {
            throw file.Bad($"truncated kernel (a segment ends at byte {(ulong)added.Offset + added.FileSize} of {file.Length})");
        }

        if (added.MemorySize < added.FileSize)
        {
            throw file.Bad("malformed kernel (a segment is larger in the file than in memory)");
        }

        if (added.Address < BootParameters.FirstFreeAddress)
        {
            throw file.Bad($"malformed kernel (a segment at 0x{added.Address:x} covers the boot parameters)");
        }

        if (added.MemoryEnd > 1UL << 32 || added.FileSize > int.MaxValue)
        {
            throw file.Bad("malformed kernel (a segment does not fit a 32-bit address space)");
        }

        foreach (Segment other in segments)
        {
            if (added.Address < other.FileEnd && other.Address < added.FileEnd)
            {
                throw file.Bad($"malformed kernel (segments overlap at 0x{Math.Max(added.Address, other.Address):x})");
            }
        }

        segments.Add(added);
    }
}
