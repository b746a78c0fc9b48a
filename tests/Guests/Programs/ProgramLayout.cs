namespace Lguest.Jit.Guests.Programs;

/// <summary>
/// Where a benchmark program and its surroundings stand in Guest-physical memory: the same under the lguest ABI and on
/// a bare machine (multiboot), so that the very same bytes run on both. Everything is below 16 MiB.
/// </summary>
internal static class ProgramLayout
{
    /// <summary>The program: entered here by a call.</summary>
    public const uint Code = 0x100000;

    /// <summary>Constant tables, loaded with the code.</summary>
    public const uint Constants = 0x108000;

    /// <summary>What enters the program and tells its result; loaded with the code.</summary>
    public const uint Harness = 0x10C000;

    /// <summary>End of what is loaded.</summary>
    public const uint LoadEnd = 0x110000;

    /// <summary>The program's own memory, zero at the start, up to <see cref="StackTop"/> minus a megabyte.</summary>
    public const uint Data = 0x200000;

    /// <summary>Initial stack pointer.</summary>
    public const uint StackTop = 0xE00000;

    /// <summary>The harness's page directory, followed by four page tables that map 16 MiB to themselves.</summary>
    public const uint PageDirectory = 0xF00000;

    /// <summary>The harness's <c>struct lguest_data</c>.</summary>
    public const uint LguestData = 0xF10000;

    /// <summary>RAM that a program needs.</summary>
    public const uint MemorySize = 0x1000000;
}
