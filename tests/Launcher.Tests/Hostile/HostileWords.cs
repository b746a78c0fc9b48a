namespace Lguest.Jit.Launcher.Tests.Hostile;

/// <summary>Numbers that hurt: edges of everything that has edges, and now and then just any number.</summary>
internal static class HostileWords
{
    private static readonly uint[] s_places =
    [
        0, 1, 0x1F, 0x20, 0x80, 0x100, 0x3FF, 0x400, 0xFFF, 0x1000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
        HostileLayout.Data, HostileLayout.Entrance, HostileLayout.KernelStack, HostileLayout.UserStack,
        HostileLayout.PageDirectory, HostileLayout.PageTable, HostileLayout.KernelTable, HostileLayout.Calls,
        HostileLayout.Code, HostileLayout.Code + 0x1000, HostileLayout.LastPage, HostileLayout.RamSize,
        HostileLayout.Device, HostileLayout.Device + 0x38, HostileLayout.Device + 0x1000,
        HostileLayout.KernelAddress, HostileLayout.KernelAddress + HostileLayout.Code, 0xFFBFF000, 0xFFC00000, 0xFFFFF000,
    ];

    /// <summary>One of the edges, a few bytes off at most.</summary>
    public static uint Place(Random random)
    {
        uint place = s_places[random.Next(s_places.Length)];
        return random.Next(3) switch
        {
            0 => place,
            1 => place - (uint)random.Next(1, 20),
            _ => place + (uint)random.Next(1, 0x600),
        };
    }

    public static uint Any(Random random) => (uint)random.NextInt64(1L << 32);

    /// <summary>For registers and hypercall arguments.</summary>
    public static uint Word(Random random) => random.Next(8) switch
    {
        0 => Any(random),
        1 => (uint)random.Next((int)HostileLayout.RamSize),
        2 => (uint)random.Next(0x420),
        3 => Selector(random),
        4 => HostileLayout.Code + (uint)random.Next(0x2000),
        _ => Place(random),
    };

    /// <summary>Any index, table and privilege.</summary>
    public static uint Selector(Random random) => (uint)random.Next(0x108);

    /// <summary>A page table entry: mostly an honest one, else with forbidden flags or a frame that is not there.</summary>
    public static uint PageEntry(Random random) => random.Next(10) switch
    {
        0 => Any(random),
        1 => HostileLayout.RamSize | 0x67,
        2 => 0xFFFFF067,
        3 => HostileLayout.Device | 0x67,
        4 => 0,
        5 => HostileLayout.Code | 0x67,
        6 => HostileLayout.PageTable | 0x67,
        7 => ((uint)random.Next(0x200) << 12) | 0x65,
        8 => ((uint)random.Next(0x200) << 12) | 0x63,
        _ => ((uint)random.Next(0x200) << 12) | 0x67,
    };
}
