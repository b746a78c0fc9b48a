using System.Runtime.InteropServices;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Translator.Cache;

/// <summary>
/// A stretch of Guest-virtual memory whose pages lie in the Host as they lie in the Guest, one behind the other: their soft TLB entries
/// are equal. Translated code that stays inside needs a subtraction and a comparison to be sure of it, and no look-up.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct AccessWindow
{
    /// <summary>0 − Guest-virtual address of the first byte, modulo 2^32.</summary>
    public uint NegatedStart;

    /// <summary>Number of the page that was looked at last: where to begin when the rest has become doubtful.</summary>
    public uint Page;

    /// <summary>The last offset at which four bytes are inside; −1: the window is shut.</summary>
    public long Limit;

    /// <summary>Host address of the first byte.</summary>
    public ulong Base;

    /// <summary>1: all pages may be written; 0: all may be read.</summary>
    public int Writable;
    private readonly int _padding;
}

/// <summary>
/// The windows of one region, in native memory: the method loads them when it is entered. Written by the Guest thread, while no
/// translated code runs or when it asks to.
/// </summary>
/// <remarks>Invariant: while <see cref="Epoch"/> is <see cref="GuestCpu.TlbEpoch"/>, the entries of all pages inside are as they were found.</remarks>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct WindowTable
{
    /// <summary>Pages looked at, each way, when a window opens; it grows as it is missed.</summary>
    private const uint FirstLook = 32;

    /// <summary>Pages looked at beyond the one that was missed.</summary>
    private const uint Ahead = 256;

    /// <summary>Pages for which empty entries may be filled in order to reach one that was missed, and of those beyond it.</summary>
    private const uint FurthestFill = 256;
    private const uint FillAhead = 16;

    /// <summary>Pages between a window and one that was missed through which it may reach there: to look at more takes longer than windows save.</summary>
    private const uint FurthestLook = 1 << 14;

    private const uint PagesOfMemory = 1u << 20;

    /// <summary>The state of the soft TLB that the windows were opened in (<see cref="GuestCpu.TlbEpoch"/>); 0: none.</summary>
    public ulong Epoch;

    /// <summary>Windows, which follow.</summary>
    public int Count;
    private readonly int _padding;

    public static AccessWindow* Window(WindowTable* table, int number) => (AccessWindow*)(table + 1) + number;

    /// <summary>Bytes of a table.</summary>
    public static int Size(int windows) => sizeof(WindowTable) + windows * sizeof(AccessWindow);

    /// <summary>A soft TLB entry has gone since: opens the windows anew where they were looked through last.</summary>
    public static void Refresh(GuestCpu* cpu, WindowTable* table)
    {
        table->Epoch = cpu->TlbEpoch;
        for (int i = 0; i < table->Count; i++)
        {
            AccessWindow* window = Window(table, i);
            window->Limit = -1;
            if (Entries(cpu, window)[window->Page] != 0)
            {
                Open(cpu, window, window->Page, fill: false);
            }
        }
    }

    /// <summary>The soft TLB's table that says what may be inside.</summary>
    public static ulong* Entries(GuestCpu* cpu, AccessWindow* window) => window->Writable != 0 ? cpu->WriteTable : cpu->ReadTable;

    /// <summary>Opens a window around a page that has an entry.</summary>
    /// <param name="cpu">Whose soft TLB it is about.</param>
    /// <param name="window">The window.</param>
    /// <param name="page">Number of the page.</param>
    /// <param name="fill">Empty entries may be filled ahead: not where it happens often, as a walk for each takes its time.</param>
    public static void Open(GuestCpu* cpu, AccessWindow* window, uint page, bool fill)
    {
        ulong* entries = Entries(cpu, window);
        ulong entry = entries[page];
        uint first = page;
        uint end = page + 1;
        while (first > 0 && page - first < FirstLook && Has(cpu, window, first - 1, entry, fill))
        {
            first--;
        }

        while (end < PagesOfMemory && end - page < FirstLook && Has(cpu, window, end, entry, fill))
        {
            end++;
        }

        Set(window, first, end, entry, page);
    }

    /// <summary>Is the page inside?</summary>
    public static bool Contains(AccessWindow* window, uint page) =>
        window->Limit >= 0 && (page << 12) + window->NegatedStart <= window->Limit;

    /// <summary>Pages inside; 0: it is shut.</summary>
    public static uint Pages(AccessWindow* window) => (uint)((window->Limit + 4) >> 12);

    /// <summary>Lets the window reach to a page outside, if nothing but its like lies between; false if it cannot.</summary>
    /// <param name="cpu">Whose soft TLB it is about.</param>
    /// <param name="window">The window.</param>
    /// <param name="page">Number of the page.</param>
    /// <param name="fill">Empty entries may be filled ahead.</param>
    public static bool TryExtend(GuestCpu* cpu, AccessWindow* window, uint page, bool fill)
    {
        uint start = 0 - window->NegatedStart;
        uint first = start >> 12;
        uint end = first + Pages(window);
        ulong* entries = Entries(cpu, window);
        ulong entry = window->Base - start;
        uint distance = page >= end ? page - end : first - page;
        if (window->Limit < 0 || entries[page] != entry || (page >= first && page < end) || distance > FurthestLook)
        {
            return false;
        }

        // Walks for what lies in between and a little beyond; a page far away is not worth so many.
        uint fillAhead = fill && distance <= FurthestFill ? FillAhead : 0;
        if (page >= end)
        {
            while (end < PagesOfMemory && end < page + Ahead && Has(cpu, window, end, entry, fill: end < page + fillAhead))
            {
                end++;
            }
        }
        else
        {
            while (first > 0 && first + Ahead > page && Has(cpu, window, first - 1, entry, fill: first + fillAhead > page + 1))
            {
                first--;
            }
        }

        Set(window, first, end, entry, page >= first && page < end ? page : window->Page);
        return page >= first && page < end;
    }

    /// <summary>Is this what the page's entry says, or would say?</summary>
    private static bool Has(GuestCpu* cpu, AccessWindow* window, uint page, ulong entry, bool fill)
    {
        ulong found = Entries(cpu, window)[page];
        return found == entry
            || (found == 0 && fill && ColdAccess.TryFillAhead(GuestMachine.Of(cpu), page, window->Writable != 0) && Entries(cpu, window)[page] == entry);
    }

    private static void Set(AccessWindow* window, uint first, uint end, ulong entry, uint page)
    {
        uint start = first << 12;
        window->NegatedStart = 0 - start;
        window->Page = page;
        window->Limit = ((long)(end - first) << 12) - 4;
        window->Base = entry + start;
    }
}
