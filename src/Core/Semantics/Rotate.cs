using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Semantics;

/// <summary>
/// ROL, ROR, RCL and RCR (SDM vol. 2, RCL/RCR/ROL/ROR): only CF and OF change, and neither for a masked count of 0. OF is
/// computed at any count as for 1, as Zen does; a count that is a multiple of the width still updates both.
/// </summary>
internal static unsafe class Rotate
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Rol<TWidth>(GuestCpu* cpu, uint value, uint count)
        where TWidth : struct, IWidth
    {
        count &= 31;
        if (count == 0)
        {
            return value;
        }

        int by = (int)count & (TWidth.Bits - 1);
        uint result = ((value << by) | (value >> (TWidth.Bits - by))) & TWidth.Mask;
        uint carry = result & 1;
        FlagWriter.SetCarryOverflow(cpu, carry, carry ^ FlagWriter.Top<TWidth>(result));
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Ror<TWidth>(GuestCpu* cpu, uint value, uint count)
        where TWidth : struct, IWidth
    {
        count &= 31;
        if (count == 0)
        {
            return value;
        }

        int by = (int)count & (TWidth.Bits - 1);
        uint result = ((value >> by) | (value << (TWidth.Bits - by))) & TWidth.Mask;
        FlagWriter.SetCarryOverflow(cpu, FlagWriter.Top<TWidth>(result), FlagWriter.TopTwoDiffer<TWidth>(result));
        return result;
    }

    /// <summary>Left through the carry: a rotation of width + 1 bits.</summary>
    public static uint Rcl<TWidth>(GuestCpu* cpu, uint value, uint count)
        where TWidth : struct, IWidth
    {
        count &= 31;
        if (count == 0)
        {
            return value;
        }

        int by = (int)count % (TWidth.Bits + 1);
        ulong ring = value | ((ulong)LazyFlags.CarryBit(cpu) << TWidth.Bits);
        ulong turned = (ring << by) | (ring >> (TWidth.Bits + 1 - by));
        uint result = (uint)turned & TWidth.Mask;
        uint carry = (uint)(turned >> TWidth.Bits) & 1;
        FlagWriter.SetCarryOverflow(cpu, carry, carry ^ FlagWriter.Top<TWidth>(result));
        return result;
    }

    /// <summary>Right through the carry.</summary>
    public static uint Rcr<TWidth>(GuestCpu* cpu, uint value, uint count)
        where TWidth : struct, IWidth
    {
        count &= 31;
        if (count == 0)
        {
            return value;
        }

        int by = (int)count % (TWidth.Bits + 1);
        ulong ring = value | ((ulong)LazyFlags.CarryBit(cpu) << TWidth.Bits);
        ulong turned = (ring >> by) | (ring << (TWidth.Bits + 1 - by));
        uint result = (uint)turned & TWidth.Mask;
        FlagWriter.SetCarryOverflow(cpu, (uint)(turned >> TWidth.Bits) & 1, FlagWriter.TopTwoDiffer<TWidth>(result));
        return result;
    }
}
