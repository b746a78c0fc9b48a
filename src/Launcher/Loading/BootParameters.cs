using System.Buffers.Binary;
using System.Text;
using Lguest.Jit.Core.Memory;

namespace Lguest.Jit.Launcher.Loading;

/// <summary>
/// The zero page, <c>struct boot_params</c> (arch/x86/include/uapi/asm/bootparam.h), with exactly the fields that lguest's
/// Launcher sets (ABI sheet §2.4; tools/lguest/lguest.c, main), and the command line right behind it. All else in these
/// two pages stays zero, which is as good as a BIOS that found nothing.
/// </summary>
internal static class BootParameters
{
    /// <summary>Guest-physical address of the command line; <c>boot_params</c> itself is at 0.</summary>
    public const uint CommandLineAddress = 0x1000;

    /// <summary>Kernels copy <c>COMMAND_LINE_SIZE</c> = 2048 bytes, the last of which has to be NUL.</summary>
    public const int MaximumCommandLine = 2047;

    /// <summary>What we write ends below this; no kernel may be loaded there.</summary>
    public const uint FirstFreeAddress = 0x2000;

    /// <summary>Relocatable decompressors align their target to this.</summary>
    public const uint KernelAlignment = 0x01000000;

    private const int E820Entries = 0x1E8;
    private const int Version = 0x206;
    private const int TypeOfLoader = 0x210;
    private const int LoadFlags = 0x211;
    private const int RamdiskImage = 0x218;
    private const int RamdiskSize = 0x21C;
    private const int CommandLinePointer = 0x228;
    private const int KernelAlignmentField = 0x230;
    private const int HardwareSubarchitecture = 0x23C;
    private const int E820Map = 0x2D0;

    /// <summary>KEEP_SEGMENTS: the segment registers are set up, and ring 1 could not load better ones.</summary>
    private const byte KeepSegments = 0x40;

    /// <summary>Says why a command line cannot be passed on, or null.</summary>
    public static string? Complaint(string commandLine)
    {
        if (commandLine.Contains('\0', StringComparison.Ordinal))
        {
            return "the kernel command line has a NUL in it";
        }

        int bytes = Encoding.UTF8.GetByteCount(commandLine);
        return bytes > MaximumCommandLine ? $"the kernel command line has {bytes} bytes, and {MaximumCommandLine} is the most a kernel takes" : null;
    }

    /// <param name="ram">Fresh RAM: zero where nothing was loaded.</param>
    /// <param name="commandLine">Passed as UTF-8.</param>
    /// <param name="ramdiskAddress">Guest-physical, page-aligned; ignored when <paramref name="ramdiskSize"/> is 0.</param>
    /// <param name="ramdiskSize">Page-aligned size in bytes (sic: lguest never told its Guests the exact one), or 0.</param>
    /// <exception cref="LoadException">The command line is too long or has a NUL in it.</exception>
    public static void Write(GuestRam ram, string commandLine, uint ramdiskAddress, uint ramdiskSize)
    {
        if (Complaint(commandLine) is { } complaint)
        {
            throw new LoadException(complaint);
        }

        Span<byte> page = ram.Window(0, GuestRam.PageSize);
        page[E820Entries] = 1;
        BinaryPrimitives.WriteUInt64LittleEndian(page[E820Map..], 0);
        BinaryPrimitives.WriteUInt64LittleEndian(page[(E820Map + 8)..], ram.Size);
        BinaryPrimitives.WriteUInt32LittleEndian(page[(E820Map + 16)..], 1);
        BinaryPrimitives.WriteUInt16LittleEndian(page[Version..], 0x0207);
        page[LoadFlags] |= KeepSegments;
        BinaryPrimitives.WriteUInt32LittleEndian(page[CommandLinePointer..], CommandLineAddress);
        BinaryPrimitives.WriteUInt32LittleEndian(page[KernelAlignmentField..], KernelAlignment);
        BinaryPrimitives.WriteUInt32LittleEndian(page[HardwareSubarchitecture..], 1);
        if (ramdiskSize != 0)
        {
            page[TypeOfLoader] = 0xFF;
            BinaryPrimitives.WriteUInt32LittleEndian(page[RamdiskImage..], ramdiskAddress);
            BinaryPrimitives.WriteUInt32LittleEndian(page[RamdiskSize..], ramdiskSize);
        }

        Span<byte> line = ram.Window(CommandLineAddress, MaximumCommandLine + 1);
        line.Clear();
        Encoding.UTF8.GetBytes(commandLine, line);
    }
}
