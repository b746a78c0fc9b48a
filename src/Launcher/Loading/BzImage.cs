using System.Buffers.Binary;
using Lguest.Jit.Core.Memory;

namespace Lguest.Jit.Launcher.Loading;

/// <summary>
/// A compressed kernel (ABI sheet §2.3; lguest: tools/lguest/lguest.c, load_bzimage; the header is described in Linux's
/// Documentation/x86/boot.txt). Its real-mode part is left alone: only the protected-mode part runs, at 1 MiB, and
/// unpacks the kernel proper from there.
/// </summary>
internal static class BzImage
{
    /// <summary>Where the protected-mode part goes.</summary>
    public const uint LoadAddress = 0x100000;

    private const int HeaderEnd = 0x268;
    private const uint HeaderMagic = 0x53726448; // "HdrS"
    private const int SectorSize = 512;

    /// <summary>Does the file carry the boot protocol's signature?</summary>
    public static bool Recognises(ImageFile file)
    {
        Span<byte> magic = stackalloc byte[4];
        return file.TryRead(0x202, magic) && BinaryPrimitives.ReadUInt32LittleEndian(magic) == HeaderMagic;
    }

    /// <exception cref="LoadException">Damaged, 64-bit, or too large for this RAM.</exception>
    public static LoadedKernel Load(ImageFile file, GuestRam ram)
    {
        Span<byte> header = stackalloc byte[HeaderEnd];
        if (!file.TryRead(0, header))
        {
            throw file.Bad("truncated kernel (the boot header is incomplete)");
        }

        ushort version = BinaryPrimitives.ReadUInt16LittleEndian(header[0x206..]);
        if (version < 0x0204 || (header[0x211] & 1) == 0)
        {
            throw file.Bad($"boot protocol {version >> 8}.{version & 0xFF:d2} without a 32-bit part at 1 MiB: not a kernel that knows lguest");
        }

        if (version >= 0x020C && (BinaryPrimitives.ReadUInt16LittleEndian(header[0x236..]) & 1) != 0)
        {
            throw file.Bad("64-bit kernel: lguest Guests are 32-bit x86");
        }

        // lguest's Launcher takes 0 for 0; the boot protocol says that it means 4.
        int setupSectors = header[0x1F1] == 0 ? 4 : header[0x1F1];
        long payloadOffset = (setupSectors + 1) * SectorSize;
        long promised = BinaryPrimitives.ReadUInt32LittleEndian(header[0x1F4..]) * 16L;
        long payload = file.Length - payloadOffset;
        if (payload <= 0 || payload < promised)
        {
            throw file.Bad($"truncated kernel ({file.Length} of {payloadOffset + promised} bytes)");
        }

        if (payload > int.MaxValue)
        {
            throw file.Bad("malformed kernel (larger than a 32-bit kernel can be)");
        }

        ulong end = Math.Max((ulong)(LoadAddress + payload), UnpackedEnd(header, version));
        if (end > ram.Size)
        {
            throw file.Bad($"memory too small: this kernel needs {MemorySize.Describe(end)}, the Guest has {MemorySize.Describe(ram.Size)}");
        }

        uint entry = BinaryPrimitives.ReadUInt32LittleEndian(header[0x214..]);
        if (entry < LoadAddress || entry - LoadAddress >= payload)
        {
            throw file.Bad($"malformed kernel (entry point 0x{entry:x} lies outside it)");
        }

        if (!file.TryRead(payloadOffset, ram.Window(LoadAddress, (uint)payload)))
        {
            throw file.Bad("truncated kernel (it became shorter while being read)");
        }

        return new LoadedKernel("bzImage", entry, (uint)end);
    }

    /// <summary>
    /// How far the kernel reaches once unpacked. The decompressor goes to its preferred address, and a relocatable one
    /// aligns that up to the <c>kernel_alignment</c> which lguest tells it.
    /// </summary>
    private static ulong UnpackedEnd(ReadOnlySpan<byte> header, ushort version)
    {
        if (version < 0x020A)
        {
            return 0;
        }

        ulong preferred = BinaryPrimitives.ReadUInt64LittleEndian(header[0x258..]);
        uint initSize = BinaryPrimitives.ReadUInt32LittleEndian(header[0x260..]);
        bool relocatable = header[0x234] != 0;
        ulong target = relocatable ? Math.Max(preferred, BootParameters.KernelAlignment) : preferred;
        return target > ulong.MaxValue - initSize ? ulong.MaxValue : target + initSize;
    }
}
