using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Semantics;

/// <summary>
/// MUL, IMUL, DIV and IDIV (SDM vol. 2). Of the flags that SDM leaves open, Zen's multiplications keep SF, ZF, AF and
/// PF; its divisions set AF, clear SF, ZF and PF, and keep CF and OF.
/// </summary>
internal static unsafe class MultiplyDivide
{
    /// <summary>Unsigned product; returns the low half.</summary>
    public static uint Mul<TWidth>(GuestCpu* cpu, uint a, uint b, out uint high)
        where TWidth : struct, IWidth
    {
        ulong product = (ulong)a * b;
        high = (uint)(product >> TWidth.Bits) & TWidth.Mask;
        uint lost = high != 0 ? 1u : 0;
        FlagWriter.SetCarryOverflow(cpu, lost, lost);
        return (uint)product & TWidth.Mask;
    }

    /// <summary>Signed product; returns the low half. CF and OF tell that the low half alone is not the product.</summary>
    public static uint Imul<TWidth>(GuestCpu* cpu, uint a, uint b, out uint high)
        where TWidth : struct, IWidth
    {
        long product = (long)(int)TWidth.SignExtend(a) * (int)TWidth.SignExtend(b);
        high = (uint)(product >> TWidth.Bits) & TWidth.Mask;
        uint low = (uint)product & TWidth.Mask;
        uint lost = product != (int)TWidth.SignExtend(low) ? 1u : 0;
        FlagWriter.SetCarryOverflow(cpu, lost, lost);
        return low;
    }

    /// <summary>Unsigned division of high:low. False: #DE is due, nothing has changed.</summary>
    public static bool Div<TWidth>(GuestCpu* cpu, uint high, uint low, uint divisor, out uint quotient, out uint remainder)
        where TWidth : struct, IWidth
    {
        // A quotient fits exactly when the high half is less than the divisor (which therefore is not 0).
        if (high >= divisor)
        {
            quotient = remainder = 0;
            return false;
        }

        (ulong q, ulong r) = Math.DivRem(((ulong)high << TWidth.Bits) | low, divisor);
        quotient = (uint)q;
        remainder = (uint)r;
        SetDivisionFlags(cpu);
        return true;
    }

    /// <summary>Signed division of high:low, towards zero. False: #DE is due, nothing has changed.</summary>
    public static bool Idiv<TWidth>(GuestCpu* cpu, uint high, uint low, uint divisor, out uint quotient, out uint remainder)
        where TWidth : struct, IWidth
    {
        quotient = remainder = 0;
        long by = (int)TWidth.SignExtend(divisor);
        long dividend = ((long)(int)TWidth.SignExtend(high) << TWidth.Bits) | low;

        // The second case would overflow 64 bits, and our own CPU would trap.
        if (by == 0 || (by == -1 && dividend == long.MinValue))
        {
            return false;
        }

        (long q, long r) = Math.DivRem(dividend, by);
        if (q != (int)TWidth.SignExtend((uint)q))
        {
            return false;
        }

        quotient = (uint)q & TWidth.Mask;
        remainder = (uint)r & TWidth.Mask;
        SetDivisionFlags(cpu);
        return true;
    }

    private static void SetDivisionFlags(GuestCpu* cpu)
    {
        // A result of 1 has SF = ZF = PF = 0.
        cpu->FlagsResult = 1;
        cpu->FlagsAux = (cpu->FlagsAux & (LazyFlags.CarryOut | LazyFlags.CarryIn)) | LazyFlags.AdjustCarry;
    }
}
