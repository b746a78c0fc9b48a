using Lguest.Jit.Core.Memory;

namespace Lguest.Jit.Core.Snapshots;

/// <summary>
/// The soft TLBs of all cached address spaces. They are part of a snapshot because a Guest that goes on after a rollback
/// shall miss and hit as it did before: what translated code leaves to the interpreter depends on it.
/// </summary>
/// <param name="Spaces">Each cached space.</param>
/// <param name="Current">Which of them is in force.</param>
/// <param name="UseClock">For the choice of victims.</param>
internal sealed unsafe record TlbSnapshot(IReadOnlyList<TlbSnapshot.Space> Spaces, int Current, long UseClock)
{
    /// <summary>Copies one space. All its write entries must be parked.</summary>
    public static Space Save(AddressSpace space)
    {
        var pages = new HashSet<uint>(space.Filled.Count);
        foreach (uint page in space.Filled)
        {
            if (space.HasEntry(page))
            {
                pages.Add(page);
            }
        }

        var entries = new List<Entry>(pages.Count);
        foreach (uint page in pages)
        {
            entries.Add(new Entry(
                page, space.ReadTable(false)[page], space.ParkedTable(false)[page], space.ReadTable(true)[page], space.ParkedTable(true)[page]));
        }

        return new Space(space.PageDirectory, space.LastUsed, entries);
    }

    internal readonly record struct Entry(uint Page, ulong Read, ulong Parked, ulong UserRead, ulong UserParked);

    internal sealed record Space(uint PageDirectory, long LastUsed, IReadOnlyList<Entry> Entries)
    {
        public void RestoreTo(AddressSpace space)
        {
            space.PageDirectory = PageDirectory;
            space.LastUsed = LastUsed;
            foreach (Entry entry in Entries)
            {
                space.ReadTable(false)[entry.Page] = entry.Read;
                space.ParkedTable(false)[entry.Page] = entry.Parked;
                space.ReadTable(true)[entry.Page] = entry.UserRead;
                space.ParkedTable(true)[entry.Page] = entry.UserParked;
                space.NoteFilled(entry.Page);
            }
        }
    }
}
