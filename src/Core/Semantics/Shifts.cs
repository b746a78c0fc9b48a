using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Semantics;

/// <summary>A shift or rotate: value and masked count in, result out, flags written (SDM vol. 2, SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR).</summary>
internal unsafe interface IShift
{
    /// <param name="cpu">Gets the flags.</param>
    /// <param name="value">Zero-extended operand.</param>
    /// <param name="count">1..31: a count of 0 changes nothing and never comes here.</param>
    static abstract uint Apply<TWidth>(GuestCpu* cpu, uint value, int count)
        where TWidth : struct, IWidth;
}

/// <summary>SHL and SAL.</summary>
internal readonly unsafe struct ShiftLeft : IShift
{
    public static uint Apply<TWidth>(GuestCpu* cpu, uint value, int count)
        where TWidth : struct, IWidth
    {
        // Bits beyond the operand are shifted through the upper half of 64, the last one out being CF.
        ulong wide = (ulong)value << count;
        bool carry = ((wide >> TWidth.Bits) & 1) != 0;
        uint result = (uint)wide & TWidth.Mask;
        ShiftFlags.Set<TWidth>(cpu, result, carry, overflow: carry != (TWidth.SignExtend(result) >> 31 != 0));
        return result;
    }
}

/// <summary>SHR.</summary>
internal readonly unsafe struct ShiftRight : IShift
{
    public static uint Apply<TWidth>(GuestCpu* cpu, uint value, int count)
        where TWidth : struct, IWidth
    {
        uint before = value >> (count - 1);
        uint result = before >> 1;

        // For a count of 1 OF is the operand's sign bit; both vendors go on showing the xor of the result's top two bits.
        uint top = result << (32 - TWidth.Bits);
        ShiftFlags.Set<TWidth>(cpu, result, (before & 1) != 0, overflow: (int)(top ^ (top << 1)) < 0);
        return result;
    }
}

/// <summary>SAR.</summary>
internal readonly unsafe struct ShiftArithmetic : IShift
{
    public static uint Apply<TWidth>(GuestCpu* cpu, uint value, int count)
        where TWidth : struct, IWidth
    {
        int before = (int)TWidth.SignExtend(value) >> (count - 1);
        uint result = (uint)(before >> 1) & TWidth.Mask;
        ShiftFlags.Set<TWidth>(cpu, result, (before & 1) != 0, overflow: false);
        return result;
    }
}

/// <summary>ROL.</summary>
internal readonly unsafe struct RotateLeft : IShift
{
    public static uint Apply<TWidth>(GuestCpu* cpu, uint value, int count)
        where TWidth : struct, IWidth
    {
        int turns = count & (TWidth.Bits - 1);
        uint result = turns == 0 ? value : ((value << turns) | (value >> (TWidth.Bits - turns))) & TWidth.Mask;
        bool carry = (result & 1) != 0;
        ShiftFlags.SetCarryAndOverflow(cpu, carry, overflow: carry != (TWidth.SignExtend(result) >> 31 != 0));
        return result;
    }
}

/// <summary>ROR.</summary>
internal readonly unsafe struct RotateRight : IShift
{
    public static uint Apply<TWidth>(GuestCpu* cpu, uint value, int count)
        where TWidth : struct, IWidth
    {
        int turns = count & (TWidth.Bits - 1);
        uint result = turns == 0 ? value : ((value >> turns) | (value << (TWidth.Bits - turns))) & TWidth.Mask;
        uint top = result << (32 - TWidth.Bits);
        ShiftFlags.SetCarryAndOverflow(cpu, (int)top < 0, overflow: (int)(top ^ (top << 1)) < 0);
        return result;
    }
}

/// <summary>RCL: a rotation of Bits + 1 bits.</summary>
internal readonly unsafe struct RotateCarryLeft : IShift
{
    public static uint Apply<TWidth>(GuestCpu* cpu, uint value, int count)
        where TWidth : struct, IWidth
    {
        int turns = count % (TWidth.Bits + 1);
        if (turns == 0)
        {
            return value;
        }

        ulong wide = value | ((ulong)LazyFlags.CarryBit(cpu) << TWidth.Bits);
        ulong rotated = (wide << turns) | (wide >> (TWidth.Bits + 1 - turns));
        uint result = (uint)rotated & TWidth.Mask;
        bool carry = ((rotated >> TWidth.Bits) & 1) != 0;
        ShiftFlags.SetCarryAndOverflow(cpu, carry, overflow: carry != (TWidth.SignExtend(result) >> 31 != 0));
        return result;
    }
}

/// <summary>RCR: a rotation of Bits + 1 bits.</summary>
internal readonly unsafe struct RotateCarryRight : IShift
{
    public static uint Apply<TWidth>(GuestCpu* cpu, uint value, int count)
        where TWidth : struct, IWidth
    {
        int turns = count % (TWidth.Bits + 1);
        if (turns == 0)
        {
            return value;
        }

        ulong wide = value | ((ulong)LazyFlags.CarryBit(cpu) << TWidth.Bits);
        ulong rotated = (wide >> turns) | (wide << (TWidth.Bits + 1 - turns));
        uint result = (uint)rotated & TWidth.Mask;
        uint top = result << (32 - TWidth.Bits);
        ShiftFlags.SetCarryAndOverflow(cpu, ((rotated >> TWidth.Bits) & 1) != 0, overflow: (int)(top ^ (top << 1)) < 0);
        return result;
    }
}

/// <summary>SHLD and SHRD.</summary>
internal static unsafe class DoubleShifts
{
    /// <param name="cpu">Gets the flags.</param>
    /// <param name="value">Destination.</param>
    /// <param name="filler">The register that bits come in from.</param>
    /// <param name="count">1..31.</param>
    public static uint Left<TWidth>(GuestCpu* cpu, uint value, uint filler, int count)
        where TWidth : struct, IWidth
    {
        // At 16 bits a count beyond 16 is undefined; CPUs go on with the destination again behind the filler.
        ulong wide = TWidth.Bits == 32 ? ((ulong)value << 32) | filler : ((ulong)value << 32) | (filler << 16) | value;
        int top = TWidth.Bits == 32 ? 64 : 48;
        bool carry = ((wide >> (top - count)) & 1) != 0;
        uint result = (uint)(wide >> (top - TWidth.Bits - count)) & TWidth.Mask;
        ShiftFlags.Set<TWidth>(cpu, result, carry, overflow: carry != (TWidth.SignExtend(result) >> 31 != 0));
        return result;
    }

    /// <inheritdoc cref="Left"/>
    public static uint Right<TWidth>(GuestCpu* cpu, uint value, uint filler, int count)
        where TWidth : struct, IWidth
    {
        ulong wide = TWidth.Bits == 32 ? ((ulong)filler << 32) | value : ((ulong)value << 32) | (filler << 16) | value;
        bool carry = ((wide >> (count - 1)) & 1) != 0;
        uint result = (uint)(wide >> count) & TWidth.Mask;
        uint top = result << (32 - TWidth.Bits);
        ShiftFlags.Set<TWidth>(cpu, result, carry, overflow: (int)(top ^ (top << 1)) < 0);
        return result;
    }
}

/// <summary>How shifts leave their flags.</summary>
internal static unsafe class ShiftFlags
{
    /// <summary>All six: SF ZF PF of the result, CF and OF as given, AF (undefined) 0.</summary>
    public static void Set<TWidth>(GuestCpu* cpu, uint result, bool carry, bool overflow)
        where TWidth : struct, IWidth
    {
        cpu->FlagsResult = TWidth.SignExtend(result);
        cpu->FlagsAux = Carries(carry, overflow);
    }

    /// <summary>CF and OF alone, as rotates do.</summary>
    public static void SetCarryAndOverflow(GuestCpu* cpu, bool carry, bool overflow) =>
        cpu->FlagsAux = (cpu->FlagsAux & ~(LazyFlags.CarryOut | LazyFlags.CarryIn)) | Carries(carry, overflow);

    private static uint Carries(bool carry, bool overflow) =>
        (carry ? LazyFlags.CarryOut : 0) | (carry != overflow ? LazyFlags.CarryIn : 0);
}
