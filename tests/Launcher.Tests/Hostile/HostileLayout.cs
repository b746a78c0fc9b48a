namespace Lguest.Jit.Launcher.Tests.Hostile;

/// <summary>Where things are in the 2 MiB of a hostile Guest. All of it is the Guest's to overwrite.</summary>
internal static class HostileLayout
{
    public const uint RamSize = 2 << 20;

    /// <summary>Registers, esp and frame that the entrance code loads before it goes to the code under test.</summary>
    public const uint Image = 0x0800;

    /// <summary>struct lguest_data.</summary>
    public const uint Data = 0x1000;

    /// <summary>Code that sets the Guest up, and its trap handlers.</summary>
    public const uint Entrance = 0x2000;

    public const uint KernelStack = 0x4000;
    public const uint UserStack = 0x6000;
    public const uint PageDirectory = 0x8000;

    /// <summary>Maps the first 4 MiB to themselves.</summary>
    public const uint PageTable = 0x9000;

    /// <summary>The same frames once more, from <see cref="KernelAddress"/> on.</summary>
    public const uint KernelTable = 0xA000;

    public const uint KernelAddress = 0xC0000000;

    /// <summary>Arguments of hypercalls to come, for Guests that make many.</summary>
    public const uint Calls = 0xC000;

    /// <summary>The code under test, and what may follow it.</summary>
    public const uint Code = 0x10000;

    /// <summary>The last page of RAM: code that runs off its end.</summary>
    public const uint LastPage = RamSize - 0x1000;

    /// <summary>The console's registers, as the Launcher places them; virtual addresses are the same.</summary>
    public const uint Device = RamSize + (1 << 20);
}
