using System.Runtime.CompilerServices;

namespace Lguest.Jit.Core.Memory;

/// <summary>How a walk ended.</summary>
internal enum WalkResult
{
    /// <summary>Translated; A (and for writes D) are set in the Guest's entry.</summary>
    Ok,

    /// <summary>The Guest gets a #PF.</summary>
    NotPresent,

    /// <summary>The Guest gets a #PF with the present bit.</summary>
    Protection,

    /// <summary>The frame lies above RAM, where devices are.</summary>
    Device,

    /// <summary>lguest kills: "bad page directory entry".</summary>
    BadDirectoryEntry,

    /// <summary>lguest kills: "bad page table entry".</summary>
    BadTableEntry,

    /// <summary>lguest kills: "bad read address" (a page table outside RAM).</summary>
    BadTableAddress,
}

/// <summary>A finished translation: physical address of the page, and what the page allows.</summary>
internal struct Translation
{
    public uint PhysicalPage;
    public bool Writable;
    public bool User;
    public bool Dirty;

    /// <summary>A and, for a write, D stood in the entry before.</summary>
    public bool Marked;

    /// <summary>With the Bad… results: what the message shows (the entry, or the address).</summary>
    public uint Detail;
}

/// <summary>
/// The two-level walk of 4 KiB pages as lguest's demand_page does it (ABI sheet §6.2), with the rights of PDE and
/// PTE combined as hardware combines them, and CR0.WP in force.
/// </summary>
internal static unsafe class PageWalker
{
    public const uint Present = 1;
    public const uint Writable = 2;
    public const uint User = 4;
    public const uint Accessed = 0x20;
    public const uint Dirty = 0x40;
    public const uint PageSizeExtension = 0x80;

    /// <summary>The flags a page directory entry may have (check_gpgd).</summary>
    private const uint DirectoryFlags = 0x067;

    /// <param name="ram">Guest RAM, tables included.</param>
    /// <param name="pageDirectory">Guest-physical address of the page directory.</param>
    /// <param name="virtualAddress">What to translate.</param>
    /// <param name="write">A store: needs RW at any privilege, sets D.</param>
    /// <param name="user">CPL 3: needs US.</param>
    /// <param name="deviceLimit">End of the device region, bytes; frames from RAM size up to here are devices.</param>
    /// <param name="translation">The result.</param>
    /// <param name="update">False for a look without consequences: A and D stay as they are.</param>
    public static WalkResult Walk(
        GuestRam ram, uint pageDirectory, uint virtualAddress, bool write, bool user, uint deviceLimit, out Translation translation, bool update = true)
    {
        translation = default;
        uint entryAddress = (pageDirectory & ~0xFFFu) + (virtualAddress >> 22) * 4;
        if (!ram.Contains(entryAddress, 4))
        {
            translation.Detail = entryAddress;
            return WalkResult.BadTableAddress;
        }

        uint directory = Unsafe.ReadUnaligned<uint>(ram.Base + entryAddress);
        if ((directory & Present) == 0)
        {
            return WalkResult.NotPresent;
        }

        uint tablePage = directory & ~0xFFFu;
        if ((directory & 0xFFF & ~DirectoryFlags) != 0 || !ram.Contains(tablePage, GuestRam.PageSize))
        {
            translation.Detail = directory;
            return WalkResult.BadDirectoryEntry;
        }

        entryAddress = tablePage + ((virtualAddress >> 12) & 0x3FF) * 4;
        uint entry = Unsafe.ReadUnaligned<uint>(ram.Base + entryAddress);
        if ((entry & Present) == 0)
        {
            return WalkResult.NotPresent;
        }

        uint rights = directory & entry;
        if ((write && (rights & Writable) == 0) || (user && (rights & User) == 0))
        {
            return WalkResult.Protection;
        }

        uint page = entry & ~0xFFFu;
        translation.PhysicalPage = page;
        translation.Writable = (rights & Writable) != 0;
        translation.User = (rights & User) != 0;
        if (page >= ram.Size && page < deviceLimit && (entry & PageSizeExtension) == 0)
        {
            return WalkResult.Device;
        }

        if ((entry & PageSizeExtension) != 0 || !ram.Contains(page, GuestRam.PageSize))
        {
            translation.Detail = entry;
            return WalkResult.BadTableEntry;
        }

        uint marked = entry | Accessed | (write ? Dirty : 0);
        translation.Dirty = (marked & Dirty) != 0;
        translation.Marked = marked == entry;
        if (update && marked != entry)
        {
            ram.Dirty?.Mark(entryAddress >> 12);
            Unsafe.WriteUnaligned(ram.Base + entryAddress, marked);
            ram.WriteObserver?.NotifyWrite(entryAddress, 4);
        }

        return WalkResult.Ok;
    }
}
