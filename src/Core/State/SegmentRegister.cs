using System.Runtime.InteropServices;

namespace Lguest.Jit.Core.State;

/// <summary>
/// A segment register with its hidden part (SDM vol. 3, §3.4.3). A null selector has <see cref="Attributes"/> 0,
/// so "not present" is what every check on it sees.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SegmentRegister
{
    /// <summary>Linear address of offset 0.</summary>
    public uint Base;

    /// <summary>Last valid offset in bytes (granularity applied); for expand-down data, the last <i>invalid</i> one.</summary>
    public uint Limit;

    /// <summary>The visible selector.</summary>
    public ushort Selector;

    /// <summary>
    /// Bits 40..47 and 52..55 of the descriptor as bits 0..7 and 12..15: type 0..3, S 4, DPL 5..6, P 7, AVL 12, L 13,
    /// D/B 14, G 15.
    /// </summary>
    public ushort Attributes;

    public const ushort Accessed = 1;

    /// <summary>Data: writable. Code: readable.</summary>
    public const ushort WritableOrReadable = 2;

    /// <summary>Data: expand-down. Code: conforming.</summary>
    public const ushort ExpandDownOrConforming = 4;
    public const ushort Code = 8;
    public const ushort NotSystem = 0x10;
    public const ushort Present = 0x80;
    public const ushort Big = 1 << 14;

    /// <summary>Selector and, above it, attributes, in one load: they are neighbours. 0: a null selector, and nothing of what was there before it.</summary>
    public static unsafe uint SelectorAndAttributes(SegmentRegister* register) => *(uint*)&register->Selector;

    public readonly int Dpl => (Attributes >> 5) & 3;

    /// <summary>Base 0, limit 4 GiB, present, expand-up: an access through it needs no check of its own.</summary>
    public readonly bool IsFlat =>
        Base == 0 && Limit == uint.MaxValue
        && (Attributes & (Present | NotSystem)) == (Present | NotSystem)
        && ((Attributes & Code) != 0 ? (Attributes & WritableOrReadable) != 0 : (Attributes & ExpandDownOrConforming) == 0);
}
