namespace Lguest.Jit.Launcher.Storage;

/// <summary>A disk as the command line names it: <c>FILE[,ro][,snapshot]</c>, where FILE may be an address of an NBD server.</summary>
/// <param name="Place">The file, or the address.</param>
/// <param name="ReadOnly">The Guest may not write.</param>
/// <param name="Snapshot">The Guest may write, and it is all gone afterwards.</param>
internal sealed record DiskSpec(string Place, bool ReadOnly, bool Snapshot)
{
    private const string ReadOnlyWord = ",ro";
    private const string SnapshotWord = ",snapshot";

    /// <summary>The words are looked for at the end only: a file's name may have commas in it.</summary>
    /// <param name="text">What was written.</param>
    /// <param name="spec">What it means.</param>
    /// <returns>What is wrong with it; null: nothing.</returns>
    public static string? TryParse(string text, out DiskSpec spec)
    {
        string place = text;
        bool readOnly = false;
        bool snapshot = false;
        while (true)
        {
            if (place.EndsWith(ReadOnlyWord, StringComparison.Ordinal))
            {
                place = place[..^ReadOnlyWord.Length];
                readOnly = true;
            }
            else if (place.EndsWith(SnapshotWord, StringComparison.Ordinal))
            {
                place = place[..^SnapshotWord.Length];
                snapshot = true;
            }
            else
            {
                break;
            }
        }

        spec = new DiskSpec(place, readOnly, snapshot);
        return place.Length == 0 ? "no file" : readOnly && snapshot ? "either ro or snapshot" : null;
    }
}
