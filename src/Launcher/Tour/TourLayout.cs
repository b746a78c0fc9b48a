namespace Lguest.Jit.Launcher.Tour;

/// <summary>
/// The tour kernel's map. Physical memory above its image is zero when it starts, and it needs no more than 4 MiB of
/// it; virtually it lives where Linux does, from 3 GiB up, with the first 4 MiB mapped there.
/// </summary>
internal static class TourLayout
{
    /// <summary>PAGE_OFFSET: virtual = physical + this, for everything below.</summary>
    public const uint KernelOffset = 0xC0000000;

    /// <summary>Where the image is loaded, and begins to run.</summary>
    public const uint LoadAddress = 0x100000;

    /// <summary>Where it runs after the jump.</summary>
    public const uint KernelBase = LoadAddress + KernelOffset;

    // Physical addresses.
    public const uint LguestData = 0x200000;
    public const uint Variables = 0x201000;
    public const uint Line = 0x202000;
    public const uint Rings = 0x203000;
    public const uint InterruptLog = 0x204000;
    public const uint StackTop = 0x20C000;
    public const uint TrapStackTop = 0x210000;
    public const uint PageDirectory = 0x210000;
    public const uint SecondDirectory = 0x211000;
    public const uint KernelTable = 0x212000;
    public const uint FixmapTable = 0x213000;
    public const uint UserTable = 0x214000;
    public const uint UserStackTable = 0x215000;
    public const uint SecondUserTable = 0x216000;
    public const uint TickPage = 0x217000;
    public const uint ScratchPage = 0x218000;
    public const uint ScratchPage2 = 0x219000;
    public const uint CowOriginal = 0x21A000;
    public const uint CodePage = 0x21B000;
    public const uint TlsDescriptors = 0x21C000;
    public const uint FramePool = 0x300000;
    public const uint MemoryNeeded = 0x400000;

    // Virtual addresses of the fixmap: pages mapped one by one.
    public const uint Fixmap = 0xC8000000;
    public const uint FixmapDevice = Fixmap;
    public const uint FixmapReadOnly = Fixmap + 0x1000;
    public const uint FixmapAlias = Fixmap + 0x2000;
    public const uint FixmapLast = Fixmap + 0x4000;

    /// <summary>Never mapped; the page before it is <see cref="FixmapLast"/>.</summary>
    public const uint FixmapHole = Fixmap + 0x5000;

    // Virtual addresses of the user program.
    public const uint UserText = 0x08048000;

    /// <summary>A function that begins three bytes before a page's end.</summary>
    public const uint UserStraddle = 0x0804BFFD;
    public const uint UserTextEnd = 0x0804D000;
    public const uint UserTicks = 0x0804F000;
    public const uint UserData = 0x08050000;
    public const uint UserDataEnd = 0x08060000;
    public const uint UserCow = 0x08060000;
    public const uint UserHole = 0x08070000;

    /// <summary>Mapped to different frames by the two page directories.</summary>
    public const uint UserPrivate = 0x08200000;
    public const uint UserStackLow = 0xBFFF0000;
    public const uint UserStackTop = 0xC0000000;

    // Selectors, with the RPL they are used with.
    public const int KernelCode = 0x61;
    public const int KernelData = 0x69;
    public const int UserCode = 0x73;
    public const int UserDataSegment = 0x7B;

    /// <summary>GDT entry 20: a data segment that is not present.</summary>
    public const int AbsentSegment = 0xA1;

    /// <summary>GDT entry 21: rewritten by the ring test.</summary>
    public const int RingSegment = 0xA9;

    /// <summary>The kernel's virtual address of a physical one.</summary>
    public static uint Virtual(uint physical) => physical + KernelOffset;

    /// <summary>Byte offset of a page's entry in its page table.</summary>
    public static uint EntryOffset(uint virtualAddress) => ((virtualAddress >> 12) & 0x3FF) * 4;

    /// <summary>Byte offset of a 4 MiB slot's entry in the page directory.</summary>
    public static uint SlotOffset(uint virtualAddress) => (virtualAddress >> 22) * 4;
}
