namespace Lguest.Jit.Translator.Tests.Rigs;

/// <summary>Page tables for a <see cref="Rig"/>: the first 4 MiB stand at their own addresses, and more where a test wants it.</summary>
internal static unsafe class PagedRig
{
    public const uint Directory = 0x80000;
    public const uint SecondDirectory = 0x81000;

    /// <summary>A page in a slot of its own.</summary>
    public const uint Alias = 0x400000;

    private const uint IdentityTable = 0x82000;
    private const uint AliasTable = 0x83000;
    private const uint SecondAliasTable = 0x84000;
    private const uint Flags = 0x67;

    public static void TurnOn(Rig rig)
    {
        for (uint page = 0; page < 1024; page++)
        {
            rig.Write(IdentityTable + 4 * page, BitConverter.GetBytes((page << 12) | Flags));
        }

        foreach ((uint directory, uint table) in new[] { (Directory, AliasTable), (SecondDirectory, SecondAliasTable) })
        {
            rig.Write(directory, BitConverter.GetBytes(IdentityTable | Flags));
            rig.Write(directory + 4, BitConverter.GetBytes(table | Flags));
        }

        rig.Machine.Mmu.SetPageDirectory(rig.Cpu, Directory, trusted: true);
    }

    /// <summary>Writes a page-table entry; and announces it as SET_PTE does.</summary>
    public static void Map(Rig rig, uint virtualAddress, uint frame, uint directory = Directory) => Set(rig, virtualAddress, frame | Flags, directory);

    /// <summary>The page is no longer present.</summary>
    public static void Unmap(Rig rig, uint virtualAddress, uint directory = Directory) => Set(rig, virtualAddress, 0, directory);

    /// <summary>Makes the slot of <see cref="Alias"/> appear at that of another address as well.</summary>
    public static void RepeatAliasAt(Rig rig, uint virtualAddress) =>
        rig.Write(Directory + 4 * (virtualAddress >> 22), BitConverter.GetBytes(AliasTable | Flags));

    private static void Set(Rig rig, uint virtualAddress, uint entry, uint directory)
    {
        uint table = virtualAddress < Alias ? IdentityTable : directory == Directory ? AliasTable : SecondAliasTable;
        rig.Write(table + 4 * ((virtualAddress >> 12) & 0x3FF), BitConverter.GetBytes(entry));
        rig.Machine.Mmu.DropPage(directory, virtualAddress);
    }
}
