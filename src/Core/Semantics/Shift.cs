using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Semantics;

/// <summary>
/// SHL, SHR and SAR (SDM vol. 2, SAL/SAR/SHL/SHR). Counts are masked to five bits, and a count of 0 leaves the flags.
/// What SDM leaves open is done as Zen does it: AF is set, and OF follows the formula for a count of 1 at any count.
/// </summary>
internal static unsafe class Shift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Shl<TWidth>(GuestCpu* cpu, uint value, uint count)
        where TWidth : struct, IWidth
    {
        count &= 31;
        if (count == 0)
        {
            return value;
        }

        ulong wide = (ulong)value << (int)count;
        uint result = (uint)wide & TWidth.Mask;
        uint carry = (uint)(wide >> TWidth.Bits) & 1;
        FlagWriter.Set<TWidth>(cpu, result, carry, carry ^ FlagWriter.Top<TWidth>(result), adjust: 1);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Shr<TWidth>(GuestCpu* cpu, uint value, uint count)
        where TWidth : struct, IWidth
    {
        count &= 31;
        if (count == 0)
        {
            return value;
        }

        uint beforeLast = value >> ((int)count - 1);
        uint result = beforeLast >> 1;
        FlagWriter.Set<TWidth>(cpu, result, beforeLast & 1, FlagWriter.TopTwoDiffer<TWidth>(result), adjust: 1);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Sar<TWidth>(GuestCpu* cpu, uint value, uint count)
        where TWidth : struct, IWidth
    {
        count &= 31;
        if (count == 0)
        {
            return value;
        }

        int beforeLast = (int)TWidth.SignExtend(value) >> ((int)count - 1);
        uint result = (uint)(beforeLast >> 1) & TWidth.Mask;
        FlagWriter.Set<TWidth>(cpu, result, (uint)beforeLast & 1, overflow: 0, adjust: 1);
        return result;
    }
}
