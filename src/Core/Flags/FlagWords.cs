using System.Numerics;

namespace Lguest.Jit.Core.Flags;

/// <summary>
/// The two words of <see cref="LazyFlags"/> as values, for translated code, which has them in registers and not in the CPU
/// struct: how partial writers change the aux word, and what conditions say about the two.
/// </summary>
internal static class FlagWords
{
    private const uint CarryAndOverflow = LazyFlags.CarryOut | LazyFlags.CarryIn;

    /// <summary>ADC at 8 or 16 bits: the carries of a + b (+ carry in) = r.</summary>
    public static uint NarrowAddAux(uint a, uint b, uint r, int bits) => LazyFlags.Narrow((a & b) | ((a | b) & ~r), bits);

    /// <summary>SBB at 8 or 16 bits: the borrows of a - b (- borrow in) = r.</summary>
    public static uint NarrowSubAux(uint a, uint b, uint r, int bits) => LazyFlags.Narrow((~a & b) | ((~a | b) & r), bits);

    /// <summary>CF = OF = (<paramref name="lost"/> is not 0), the rest kept: what the multiplications do.</summary>
    public static uint WithProductLost(uint aux, uint lost) => (aux & ~CarryAndOverflow) | (lost != 0 ? LazyFlags.CarryOut : 0);

    /// <summary>CF, in bit 31, after SHL at 32 bits; by 0 (modulo 32) it is as before.</summary>
    public static uint ShiftedLeftCarry(uint value, uint count, uint before) => (count & 31) == 0 ? before : value << (int)((count - 1) & 31);

    /// <summary>CF, in bit 31, after SHR or SAR at 32 bits.</summary>
    public static uint ShiftedRightCarry(uint value, uint count, uint before) => (count & 31) == 0 ? before : value >> (int)((count - 1) & 31) << 31;

    /// <summary>CF, in bit 31, after a multiplication.</summary>
    public static uint ProductCarry(uint lost) => lost != 0 ? LazyFlags.CarryOut : 0;

    /// <summary>CF is bit 31 of <paramref name="carry"/> now, the rest kept.</summary>
    public static uint WithCarry(uint aux, uint carry) => aux ^ ((uint)((int)(aux ^ carry) >> 31) & CarryAndOverflow);

    /// <summary>The aux word that has SF and PF with a result of 0 or of 0x100, and the other flags as before: ZF may then be chosen.</summary>
    public static uint AuxAlone(uint result, uint aux)
    {
        uint odd = (uint)BitOperations.PopCount((result ^ (aux >> 8)) & 0xFF) & 1;
        return (aux & ~(LazyFlags.SignFlip | LazyFlags.ParityFlip)) | ((result >> 31) ^ (aux & LazyFlags.SignFlip)) | (odd << 8);
    }

    /// <summary>The upper half of a signed product as far as it is not the sign of the lower: 0 if nothing was lost.</summary>
    public static uint SignedProductLost(uint a, uint b)
    {
        long product = (long)(int)a * (int)b;
        return (uint)(product >> 32) ^ (uint)((int)product >> 31);
    }

    /// <summary>CF and OF kept, AF set, the rest clear (with a result of 1): what Zen's divisions do.</summary>
    public static uint AfterDivision(uint aux) => (aux & CarryAndOverflow) | LazyFlags.AdjustCarry;

    /// <summary>ROL at 32 bits to <paramref name="result"/>; a count of 0 changes nothing.</summary>
    public static uint AfterRol(uint aux, uint result, uint count) =>
        (count & 31) == 0 ? aux : (aux & ~CarryAndOverflow) | (result << 31) | ((result >> 1) & LazyFlags.CarryIn);

    /// <summary>ROR at 32 bits to <paramref name="result"/>; a count of 0 changes nothing.</summary>
    public static uint AfterRor(uint aux, uint result, uint count) =>
        (count & 31) == 0 ? aux : (aux & ~CarryAndOverflow) | (result & CarryAndOverflow);

    /// <summary>1 if a condition holds, by its number without the lowest bit (which negates): O B E BE S P L LE.</summary>
    public static uint Holds(uint pair, uint result, uint aux) => pair switch
    {
        0 => (aux ^ (aux << 1)) >> 31,
        1 => aux >> 31,
        2 => result == 0 ? 1u : 0,
        3 => result == 0 || (int)aux < 0 ? 1u : 0,
        4 => (result ^ (aux << 31)) >> 31,
        5 => 1 ^ ((uint)BitOperations.PopCount((result ^ (aux >> 8)) & 0xFF) & 1),
        6 => Less(result, aux),
        _ => result == 0 ? 1u : Less(result, aux),
    };

    private static uint Less(uint result, uint aux) => (result ^ (aux << 31) ^ aux ^ (aux << 1)) >> 31;
}
