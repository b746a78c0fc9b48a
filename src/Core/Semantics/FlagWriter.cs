using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Semantics;

/// <summary>Ways to write the lazy flags that several groups of instructions share.</summary>
internal static unsafe class FlagWriter
{
    /// <summary>ZF, SF and PF of <paramref name="result"/>; CF, OF and AF as given, each 0 or 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Set<TWidth>(GuestCpu* cpu, uint result, uint carry, uint overflow, uint adjust)
        where TWidth : struct, IWidth
    {
        cpu->FlagsResult = TWidth.SignExtend(result);
        cpu->FlagsAux = (carry << 31) | ((carry ^ overflow) << 30) | (adjust << 3);
    }

    /// <summary>CF and OF alone (rotates, multiplications), each 0 or 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetCarryOverflow(GuestCpu* cpu, uint carry, uint overflow) =>
        cpu->FlagsAux = (cpu->FlagsAux & ~(LazyFlags.CarryOut | LazyFlags.CarryIn)) | (carry << 31) | ((carry ^ overflow) << 30);

    /// <summary>All six flags of a + b = sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetSum<TWidth>(GuestCpu* cpu, uint a, uint b, uint sum)
        where TWidth : struct, IWidth
    {
        cpu->FlagsResult = TWidth.SignExtend(sum);
        cpu->FlagsAux = TWidth.NarrowAux((a & b) | ((a | b) & ~sum));
    }

    /// <summary>All six flags of a − b = difference.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetDifference<TWidth>(GuestCpu* cpu, uint a, uint b, uint difference)
        where TWidth : struct, IWidth
    {
        cpu->FlagsResult = TWidth.SignExtend(difference);
        cpu->FlagsAux = TWidth.NarrowAux((~a & b) | ((~a | b) & difference));
    }

    /// <summary>The top bit of a value of this width.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Top<TWidth>(uint value)
        where TWidth : struct, IWidth => (value >> (TWidth.Bits - 1)) & 1;

    /// <summary>Do the two top bits of a value of this width differ (1) or not (0)?</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint TopTwoDiffer<TWidth>(uint value)
        where TWidth : struct, IWidth => ((value >> (TWidth.Bits - 1)) ^ (value >> (TWidth.Bits - 2))) & 1;
}
