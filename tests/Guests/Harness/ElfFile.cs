using System.Buffers.Binary;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Guests.Harness;

/// <summary>
/// Writes an image as an ELF32 executable, which our Launcher takes for a vmlinux; with a multiboot header in front of
/// the segment, where loaders that know it look.
/// </summary>
internal static class ElfFile
{
    private const int ProgramHeader = 52;
    private const int MultibootHeader = 0x60;
    private const int Segment = 0x1000;
    private const uint MultibootMagic = 0x1BADB002;

    public static byte[] Write(GuestImage image)
    {
        byte[] file = new byte[Segment + image.Bytes.Length];
        Span<byte> bytes = file;
        new byte[] { 0x7F, (byte)'E', (byte)'L', (byte)'F', 1, 1, 1 }.CopyTo(bytes);
        Half(bytes[16..], 2); // ET_EXEC
        Half(bytes[18..], 3); // EM_386
        Word(bytes[20..], 1); // EV_CURRENT
        Word(bytes[24..], image.Entry);
        Word(bytes[28..], ProgramHeader);
        Half(bytes[40..], 52); // e_ehsize
        Half(bytes[42..], 32); // e_phentsize
        Half(bytes[44..], 1); // e_phnum

        Span<byte> header = bytes[ProgramHeader..];
        Word(header, 1); // PT_LOAD
        Word(header[4..], Segment);
        Word(header[8..], image.LoadAddress);
        Word(header[12..], image.LoadAddress);
        Word(header[16..], (uint)image.Bytes.Length);
        Word(header[20..], (uint)image.Bytes.Length);
        Word(header[24..], 7); // read, write, execute
        Word(header[28..], 0x1000);

        Word(bytes[MultibootHeader..], MultibootMagic);
        Word(bytes[(MultibootHeader + 8)..], unchecked(0 - MultibootMagic)); // no flags; the three words add up to zero
        image.Bytes.CopyTo(bytes[Segment..]);
        return file;
    }

    private static void Half(Span<byte> at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(at, value);

    private static void Word(Span<byte> at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(at, value);
}
