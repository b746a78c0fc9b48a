using System.Numerics;

namespace Lguest.Jit.Core.Semantics;

/// <summary>
/// What <see cref="BitScan"/> and <see cref="DoubleShift"/> come to at 32 bits, as values: for translated code, which has operands and results
/// in registers and describes flags apart from them.
/// </summary>
internal static class BitValues
{
    /// <summary>SHLD; by 0 (modulo 32) it is <paramref name="value"/>.</summary>
    public static uint ShiftLeftDouble(uint value, uint filler, uint count) => (uint)(((((ulong)value << 32) | filler) << (int)(count & 31)) >> 32);

    /// <summary>SHRD; by 0 (modulo 32) it is <paramref name="value"/>.</summary>
    public static uint ShiftRightDouble(uint value, uint filler, uint count) => (uint)((((ulong)filler << 32) | value) >> (int)(count & 31));

    /// <summary>BSF: the destination afterwards, <paramref name="before"/> if the source is 0.</summary>
    public static uint ScanForward(uint source, uint before) => source != 0 ? (uint)BitOperations.TrailingZeroCount(source) : before;

    /// <summary>BSR: the destination afterwards, <paramref name="before"/> if the source is 0.</summary>
    public static uint ScanReverse(uint source, uint before) => source != 0 ? (uint)BitOperations.Log2(source) : before;

    /// <summary>The result word of BSF's flags; their aux word is 0.</summary>
    public static uint AfterForwardScan(uint source) => BitScan.ResultWord(source, (uint)BitOperations.TrailingZeroCount(source));

    /// <summary>The result word of BSR's flags; their aux word is 0.</summary>
    public static uint AfterReverseScan(uint source) => BitScan.ResultWord(source, (uint)BitOperations.Log2(source));
}
