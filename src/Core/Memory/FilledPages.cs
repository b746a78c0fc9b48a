using System.Numerics;

namespace Lguest.Jit.Core.Memory;

/// <summary>
/// Which pages a soft TLB may have entries for, by the 4 MiB slot of the page directory that they lie in. A flush is always of slots (one, those of the user, all), and
/// must not cost what others have filled: a kernel that has touched all of its RAM has 65,536 pages here, and one that forks flushes a dozen times.
/// </summary>
/// <remarks>A page stands here once for each time that it was filled after it had been dropped; the dead and the doubles go when a slot's list wants to grow.</remarks>
/// <param name="isAlive">Does a page have an entry?</param>
internal sealed class FilledPages(Predicate<uint> isAlive)
{
    private const int PagesInSlot = 1024;
    private const int Slots = 1024;

    private readonly List<uint>?[] _bySlot = new List<uint>?[Slots];
    private readonly ulong[] _used = new ulong[Slots / 64];

    /// <summary>Takes note of a page that has got its first entry.</summary>
    /// <param name="page">Its number.</param>
    public void Add(uint page)
    {
        int slot = (int)(page / PagesInSlot);
        List<uint> pages = _bySlot[slot] ??= new List<uint>(16);
        _used[slot / 64] |= 1UL << (slot % 64);
        if (pages.Count == pages.Capacity)
        {
            Compact(pages);
        }

        pages.Add(page);
    }

    /// <summary>All of them, doubles and dead ones included.</summary>
    public IEnumerable<uint> All => _bySlot.Where(static pages => pages != null).SelectMany(static pages => pages!);

    /// <summary>Hands out the lists of the slots that lie in pages [<paramref name="first"/>, <paramref name="end"/>) one by one, each to be emptied; null: there are no more.</summary>
    /// <param name="first">Goes on to behind the list that is returned.</param>
    /// <param name="end">With a slot of which it is in the middle, that goes as well: a TLB may forget what it likes.</param>
    public List<uint>? Next(ref uint first, uint end)
    {
        uint slot = first / PagesInSlot;
        uint last = (end + PagesInSlot - 1) / PagesInSlot;
        while (slot < last)
        {
            ulong ahead = _used[slot / 64] >> (int)(slot % 64);
            if (ahead == 0)
            {
                slot = (slot | 63) + 1;
                continue;
            }

            slot += (uint)BitOperations.TrailingZeroCount(ahead);
            if (slot < last)
            {
                first = (slot + 1) * PagesInSlot;
                _used[slot / 64] &= ~(1UL << (int)(slot % 64));
                return _bySlot[slot];
            }
        }

        return null;
    }

    private void Compact(List<uint> pages)
    {
        var seen = new HashSet<uint>(pages.Count);
        pages.RemoveAll(page => !isAlive(page) || !seen.Add(page));
        if (pages.Count > pages.Capacity / 2)
        {
            pages.Capacity *= 2;
        }
    }
}
