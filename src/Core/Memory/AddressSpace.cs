using Lguest.Jit.Core.Snapshots;

namespace Lguest.Jit.Core.Memory;

/// <summary>
/// The soft TLB of one page directory: four page-indexed tables (supervisor and user, read and write), 8 MiB of address
/// space each of which only touched pages cost memory, and the list of what was filled so that a flush touches
/// nothing else.
/// </summary>
internal sealed unsafe class AddressSpace
{
    /// <summary>Bytes of one table: 2^20 pages × 8.</summary>
    public const ulong TableBytes = 8UL << 20;

    /// <summary>
    /// Entries from a supervisor table to the user's table of the same kind: a change of ring that keeps the address space is an
    /// addition to the two pointers in the CPU.
    /// </summary>
    public const int UserTableDistance = (int)(2 * TableBytes / sizeof(ulong));

    /// <summary>
    /// Four to execute with, and behind them, at <see cref="ParkedOffset"/> from each write table, one for write entries that have
    /// been taken away for a checkpoint (<see cref="DirtyPages"/>). The one between those two is never touched.
    /// </summary>
    private const int Tables = 7;

    /// <summary>From a cell of a write table to where its entry is parked, bytes.</summary>
    public const ulong ParkedOffset = 3 * TableBytes;

    /// <summary>From a cell of a read table to the one for stores, bytes: whoever has the one need not keep the other.</summary>
    public const int WriteTableDistance = (int)TableBytes;

    private readonly TlbClock _clock;
    private readonly FilledPages _filled;
    private readonly byte* _memory = HostMemory.Reserve(Tables * TableBytes, HostPages.Small);

    /// <param name="clock">Numbers the states of all spaces of a machine.</param>
    public AddressSpace(TlbClock clock)
    {
        _clock = clock;
        Epoch = clock.Next();
        _filled = new FilledPages(HasEntry);
    }

    /// <summary>Guest-physical address of the page directory these entries came from.</summary>
    public uint PageDirectory { get; set; }

    /// <summary>For the choice of a victim.</summary>
    public long LastUsed { get; set; }

    /// <summary>The number of the state that the entries are in: another one as soon as one goes or changes.</summary>
    public ulong Epoch { get; private set; }

    /// <summary>An entry has gone, or is about to change.</summary>
    public void EntryLost() => Epoch = _clock.Next();

    public ulong* ReadTable(bool user) => (ulong*)(_memory + (user ? 2 * TableBytes : 0));

    public ulong* WriteTable(bool user) => (ulong*)(_memory + (user ? 3 * TableBytes : TableBytes));

    /// <summary>Write entries that the next store may have back without a walk, once it has been noticed.</summary>
    public ulong* ParkedTable(bool user) => (ulong*)((byte*)WriteTable(user) + ParkedOffset);

    /// <summary>Writes are tracked: entries may be parked.</summary>
    public bool Tracked { get; set; }

    /// <summary>
    /// The copy that the last snapshot made, for as long as no entry has come or gone; parked ones come back only to a space in force.
    /// </summary>
    public TlbSnapshot.Space? Saved { get; set; }

    /// <summary>Pages that some table has an entry for; doubles and dead ones among them.</summary>
    public IEnumerable<uint> Filled => _filled.All;

    /// <summary>Remembers that some table has an entry for <paramref name="page"/> (virtual page number).</summary>
    public void NoteFilled(uint page)
    {
        Saved = null;
        _filled.Add(page);
    }

    /// <summary>Is there an entry, in any of the four tables, so that the page is on the fill list already?</summary>
    public bool HasEntry(uint page) =>
        (ReadTable(false)[page] | WriteTable(false)[page] | ReadTable(true)[page] | WriteTable(true)[page]) != 0;

    public void Drop(uint page)
    {
        if (HasEntry(page))
        {
            Saved = null;
            EntryLost();
            ReadTable(false)[page] = 0;
            WriteTable(false)[page] = 0;
            ReadTable(true)[page] = 0;
            WriteTable(true)[page] = 0;
        }

        if (Tracked)
        {
            ParkedTable(false)[page] = 0;
            ParkedTable(true)[page] = 0;
        }
    }

    /// <summary>Drops the entries of virtual pages [<paramref name="first"/>, <paramref name="end"/>), and what else lies in their slots of 1,024.</summary>
    /// <remarks>A Linux that forks calls this a dozen times.</remarks>
    public void DropRange(uint first, uint end)
    {
        while (_filled.Next(ref first, end) is { } pages)
        {
            foreach (uint page in pages)
            {
                Drop(page);
            }

            pages.Clear();
        }
    }

    public void DropAll() => DropRange(0, 1 << 20);

    public void Release() => HostMemory.Release(_memory, Tables * TableBytes);
}
