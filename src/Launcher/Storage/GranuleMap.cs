namespace Lguest.Jit.Launcher.Storage;

/// <summary>
/// A set of granules of a disk, a bit for each, in chunks that exist only where a bit was ever set: a terabyte of which the Guest
/// writes a gigabyte costs a few hundred kilobytes.
/// </summary>
/// <remarks>Bits are set and cleared by one thread at a time; <see cref="Contains"/> may be asked by any thread meanwhile.</remarks>
internal sealed class GranuleMap
{
    /// <summary>Granules of a chunk; with granules of 4 KiB that is 128 MiB of disk.</summary>
    private const int ChunkGranules = 32768;

    private readonly ulong[]?[] _chunks;

    /// <param name="granules">Of the disk.</param>
    public GranuleMap(ulong granules) => _chunks = new ulong[checked((int)((granules + ChunkGranules - 1) / ChunkGranules))][];

    public bool Contains(ulong granule)
    {
        ulong[]? chunk = Volatile.Read(ref _chunks[granule / ChunkGranules]);
        return chunk is not null && (Volatile.Read(ref chunk[Word(granule)]) & Bit(granule)) != 0;
    }

    public void Add(ulong granule)
    {
        ref ulong[]? place = ref _chunks[granule / ChunkGranules];
        if (place is null)
        {
            Volatile.Write(ref place, new ulong[ChunkGranules / 64]);
        }

        ref ulong word = ref place![Word(granule)];
        Volatile.Write(ref word, word | Bit(granule));
    }

    public void Remove(ulong granule)
    {
        if (_chunks[granule / ChunkGranules] is { } chunk)
        {
            ref ulong word = ref chunk[Word(granule)];
            Volatile.Write(ref word, word & ~Bit(granule));
        }
    }

    private static int Word(ulong granule) => (int)(granule % ChunkGranules / 64);

    private static ulong Bit(ulong granule) => 1UL << (int)(granule % 64);
}
