using System.Numerics;
using System.Runtime.CompilerServices;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Flags;

/// <summary>
/// The six status flags as two words: a sign-extended <i>result</i>, and <i>aux</i>, the vector of carries out of each
/// bit. Every flag can be derived from the two, whatever instruction wrote them, so an ALU operation costs two stores
/// and a reader needs no switch over "which operation was it". (The idea is Bochs's lazy_flags.h; the layout and the
/// code are our own.)
/// <code>
/// ZF = result == 0                      SF = bit 31 of result ^ aux.SignFlip
/// CF = aux bit 31                       OF = aux bit 31 ^ aux bit 30
/// AF = aux bit 3                        PF = even parity of (low byte of result ^ aux.ParityFlip)
/// </code>
/// The flips exist for the few writers (popf, sahf, multi-flag results of shifts) that need flags no single result
/// could show: aux bit 0 flips SF, aux bits 8..15 are xored into the parity byte.
/// </summary>
internal static unsafe class LazyFlags
{
    public const uint SignFlip = 1;
    public const uint ParityFlip = 0xFF00;
    public const uint AdjustCarry = 1 << 3;
    public const uint CarryOut = 1u << 31;
    public const uint CarryIn = 1u << 30;

    private const uint Kept = ~(SignFlip | ParityFlip);

    /// <summary>Carries of a + b (+ carry in) = r, at 32 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint AddAux32(uint a, uint b, uint r) => ((a & b) | ((a | b) & ~r)) & Kept;

    /// <summary>Borrows of a − b (− borrow in) = r, at 32 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint SubAux32(uint a, uint b, uint r) => ((~a & b) | ((~a | b) & r)) & Kept;

    /// <summary>Moves an 8- or 16-bit carry vector's top two bits to 31 and 30, keeping the adjust carry.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Narrow(uint carries, int bits) => (carries << (32 - bits)) & (CarryOut | CarryIn) | (carries & AdjustCarry);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Carry(GuestCpu* cpu) => (int)cpu->FlagsAux < 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint CarryBit(GuestCpu* cpu) => cpu->FlagsAux >> 31;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Zero(GuestCpu* cpu) => cpu->FlagsResult == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Sign(GuestCpu* cpu) => (int)(cpu->FlagsResult ^ (cpu->FlagsAux << 31)) < 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Overflow(GuestCpu* cpu) => (int)(cpu->FlagsAux ^ (cpu->FlagsAux << 1)) < 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Parity(GuestCpu* cpu) =>
        (BitOperations.PopCount((cpu->FlagsResult ^ (cpu->FlagsAux >> 8)) & 0xFF) & 1) == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Adjust(GuestCpu* cpu) => (cpu->FlagsAux & AdjustCarry) != 0;

    /// <summary>Signed less: SF ≠ OF.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Less(GuestCpu* cpu)
    {
        uint aux = cpu->FlagsAux;
        return (int)(cpu->FlagsResult ^ (aux << 31) ^ aux ^ (aux << 1)) < 0;
    }

    /// <summary>The six flags in their EFLAGS positions.</summary>
    public static uint Materialise(GuestCpu* cpu) => Materialise(cpu->FlagsResult, cpu->FlagsAux);

    /// <inheritdoc cref="Materialise(GuestCpu*)"/>
    public static uint Materialise(uint result, uint aux)
    {
        uint flags = aux >> 31;
        flags |= (aux & AdjustCarry) << 1;
        flags |= result == 0 ? Eflags.Zero : 0;
        flags |= ((result >> 31) ^ (aux & SignFlip)) << 7;
        flags |= (aux >> 31 ^ ((aux >> 30) & 1)) << 11;
        flags |= (BitOperations.PopCount((result ^ (aux >> 8)) & 0xFF) & 1) == 0 ? Eflags.Parity : 0;
        return flags;
    }

    /// <summary>Sets all six flags from their EFLAGS positions; other bits of <paramref name="flags"/> are ignored.</summary>
    public static void Set(GuestCpu* cpu, uint flags)
    {
        // ZF fixes whether the result is zero; SF and PF are then reached through the flips.
        uint result = (flags & Eflags.Zero) != 0 ? 0u : 0x100u;
        uint aux = (flags & Eflags.Carry) << 31;
        uint overflow = (flags >> 11) & 1;
        aux |= ((flags & 1) ^ overflow) << 30;
        aux |= (flags & Eflags.Adjust) >> 1;
        aux |= (flags >> 7) & SignFlip;
        aux |= (flags & Eflags.Parity) != 0 ? 0u : 0x100u;
        cpu->FlagsResult = result;
        cpu->FlagsAux = aux;
    }

    /// <summary>Replaces CF alone.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetCarry(GuestCpu* cpu, bool carry)
    {
        // OF is the xor of bits 31 and 30, so both flip together.
        uint flip = Carry(cpu) != carry ? CarryOut | CarryIn : 0;
        cpu->FlagsAux ^= flip;
    }

    /// <summary>Replaces the flags in <paramref name="mask"/> (EFLAGS positions) by those in <paramref name="flags"/>.</summary>
    public static void Merge(GuestCpu* cpu, uint mask, uint flags) =>
        Set(cpu, (Materialise(cpu) & ~mask) | (flags & mask));

    /// <summary>The whole EFLAGS register as <c>pushf</c> shows it, before any rule about IF.</summary>
    public static uint Read(GuestCpu* cpu) => Materialise(cpu) | cpu->SystemFlags;
}
