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
    /// <param name="space">Which one.</param>
    /// <param name="isCurrent">It is in force, and will have changed by the next time.</param>
    /// <remarks>
    /// There are dozens of spaces with thousands of entries each, cold in the cache, and most have not been in force since the last time:
    /// for those there is still that copy.
    /// </remarks>
    public static Space Save(AddressSpace space, bool isCurrent)
    {
        if (space.Saved is { } saved && saved.LastUsed == space.LastUsed && saved.PageDirectory == space.PageDirectory)
        {
            return saved;
        }

        // What stands on the list twice may be put back twice.
        var entries = new List<Entry>();
        foreach (uint page in space.Filled)
        {
            if (space.HasEntry(page))
            {
                entries.Add(new Entry(
                    page, space.ReadTable(false)[page], space.ParkedTable(false)[page], space.ReadTable(true)[page], space.ParkedTable(true)[page]));
            }
        }

        var copy = new Space(space.PageDirectory, space.LastUsed, entries);
        space.Saved = isCurrent ? null : copy;
        return copy;
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
