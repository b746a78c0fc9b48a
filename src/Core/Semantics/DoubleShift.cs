using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Semantics;

/// <summary>
/// SHLD and SHRD at 16 and 32 bits (SDM vol. 2). SDM leaves 16-bit counts above 16 open; Zen goes on with more copies of
/// the source, and loses CF. AF is set, as by other shifts.
/// </summary>
internal static unsafe class DoubleShift
{
    public static uint Shld<TWidth>(GuestCpu* cpu, uint value, uint filler, uint count)
        where TWidth : struct, IWidth
    {
        int by = (int)count & 31;
        if (by == 0)
        {
            return value;
        }

        // With no bits of the old value left (16-bit, count > 16) the bit "shifted out last" is 0, whatever the filler has.
        ulong alone = (ulong)value << by;
        uint carry = by <= TWidth.Bits ? (uint)(alone >> TWidth.Bits) & 1 : 0;
        uint result = TWidth.Bits == 32
            ? (uint)(alone | (filler >> (32 - by)))
            : (uint)(((((ulong)value << 32) | (filler << 16) | filler) << by) >> 32) & TWidth.Mask;
        FlagWriter.Set<TWidth>(cpu, result, carry, carry ^ FlagWriter.Top<TWidth>((uint)alone), adjust: 1);
        return result;
    }

    public static uint Shrd<TWidth>(GuestCpu* cpu, uint value, uint filler, uint count)
        where TWidth : struct, IWidth
    {
        int by = (int)count & 31;
        if (by == 0)
        {
            return value;
        }

        uint carry = (value >> (by - 1)) & 1;
        ulong wide = TWidth.Bits == 32 ? ((ulong)filler << 32) | value : ((ulong)filler << 32) | (filler << 16) | value;
        uint result = (uint)(wide >> by) & TWidth.Mask;
        FlagWriter.Set<TWidth>(cpu, result, carry, FlagWriter.TopTwoDiffer<TWidth>(result), adjust: 1);
        return result;
    }
}
