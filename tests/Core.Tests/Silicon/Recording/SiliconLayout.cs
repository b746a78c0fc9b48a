namespace Lguest.Jit.Core.Tests.Silicon.Recording;

/// <summary>
/// Where a vector lives, the same on silicon and in the Guest. Two homes: a high one, and a low one below 64 KiB for
/// forms with 16-bit addresses or a 16-bit eip. A home has one data page, all of it <see cref="Filler"/> but for the
/// window of random bytes in its middle, and two code pages of <c>int3</c> into which the encodings of a form are laid.
/// </summary>
internal readonly record struct SiliconLayout(uint DataPage, uint CodePages)
{
    public const int PageSize = 4096;
    public const int CodeSize = 2 * PageSize;

    public const int WindowSize = 256;

    /// <summary>From the start of the data page to the window.</summary>
    public const int WindowOffset = 0x400;

    /// <summary>Every byte of the data page outside the window, before and after: stray writes show.</summary>
    public const byte Filler = 0xA5;

    /// <summary>Every byte of the code pages that is not an instruction under test: wherever it ends up, it stops.</summary>
    public const byte Stopper = 0xCC;

    /// <summary>Bytes of a slot, and the place in it where the instruction starts, so that there is room to jump both ways.</summary>
    public const int SlotSize = 64;
    public const int EntryOffset = 32;

    /// <summary>Odd, so that encodings start at every alignment, and across the page boundary now and then.</summary>
    public const int SlotStride = 67;

    public static SiliconLayout High { get; } = new(0x00A00000, 0x00900000);

    public static SiliconLayout Low { get; } = new(0x00008000, 0x00009000);

    public uint Window => DataPage + WindowOffset;
}
