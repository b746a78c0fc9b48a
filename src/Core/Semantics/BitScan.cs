using System.Numerics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Semantics;

/// <summary>
/// BSF and BSR (SDM vol. 2). ZF tells of a source of 0, which leaves the destination alone (documented by AMD, true on
/// Intel). The other flags are Zen's: PF of the index, the rest 0.
/// </summary>
internal static unsafe class BitScan
{
    /// <summary>Index of the lowest bit set; false if there is none.</summary>
    public static bool Forward(GuestCpu* cpu, uint source, out uint index)
    {
        index = (uint)BitOperations.TrailingZeroCount(source);
        return SetFlags(cpu, source, index);
    }

    /// <summary>Index of the highest bit set; false if there is none.</summary>
    public static bool Reverse(GuestCpu* cpu, uint source, out uint index)
    {
        index = (uint)BitOperations.Log2(source);
        return SetFlags(cpu, source, index);
    }

    /// <summary>What <see cref="Flags.LazyFlags"/> has as the result: bit 8 keeps it from being 0 and is out of the parity byte.</summary>
    public static uint ResultWord(uint source, uint index) => source == 0 ? 0 : index | 0x100;

    private static bool SetFlags(GuestCpu* cpu, uint source, uint index)
    {
        cpu->FlagsResult = ResultWord(source, index);
        cpu->FlagsAux = 0;
        return source != 0;
    }
}
