using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Alu;

/// <summary>Whether an ALU handler has to leave flags behind.</summary>
internal interface IFlagPolicy
{
    static abstract bool Live { get; }
}

/// <summary>Somebody may look at the flags.</summary>
internal readonly struct FlagsLive : IFlagPolicy
{
    public static bool Live => true;
}

/// <summary>The flags are overwritten before anything can look: not computed.</summary>
internal readonly struct FlagsDead : IFlagPolicy
{
    public static bool Live => false;
}

/// <summary>A two-operand ALU operation with its flags (SDM vol. 2). Unary ones ignore the second operand.</summary>
internal unsafe interface IAluOperation
{
    /// <summary>False for CMP and TEST.</summary>
    static abstract bool WritesBack { get; }

    static abstract uint Compute<TWidth, TFlags>(GuestCpu* cpu, uint a, uint b)
        where TWidth : struct, IWidth
        where TFlags : struct, IFlagPolicy;
}

internal readonly unsafe struct Add : IAluOperation
{
    public static bool WritesBack => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Compute<TWidth, TFlags>(GuestCpu* cpu, uint a, uint b)
        where TWidth : struct, IWidth
        where TFlags : struct, IFlagPolicy
    {
        uint r = a + b;
        if (TFlags.Live)
        {
            cpu->FlagsResult = TWidth.SignExtend(r);
            cpu->FlagsAux = TWidth.NarrowAux((a & b) | ((a | b) & ~r));
        }

        return r;
    }
}

internal readonly unsafe struct Adc : IAluOperation
{
    public static bool WritesBack => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Compute<TWidth, TFlags>(GuestCpu* cpu, uint a, uint b)
        where TWidth : struct, IWidth
        where TFlags : struct, IFlagPolicy
    {
        uint r = a + b + LazyFlags.CarryBit(cpu);
        if (TFlags.Live)
        {
            cpu->FlagsResult = TWidth.SignExtend(r);
            cpu->FlagsAux = TWidth.NarrowAux((a & b) | ((a | b) & ~r));
        }

        return r;
    }
}

internal readonly unsafe struct Sub : IAluOperation
{
    public static bool WritesBack => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Compute<TWidth, TFlags>(GuestCpu* cpu, uint a, uint b)
        where TWidth : struct, IWidth
        where TFlags : struct, IFlagPolicy
    {
        uint r = a - b;
        if (TFlags.Live)
        {
            cpu->FlagsResult = TWidth.SignExtend(r);
            cpu->FlagsAux = TWidth.NarrowAux((~a & b) | ((~a | b) & r));
        }

        return r;
    }
}

internal readonly unsafe struct Sbb : IAluOperation
{
    public static bool WritesBack => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Compute<TWidth, TFlags>(GuestCpu* cpu, uint a, uint b)
        where TWidth : struct, IWidth
        where TFlags : struct, IFlagPolicy
    {
        uint r = a - b - LazyFlags.CarryBit(cpu);
        if (TFlags.Live)
        {
            cpu->FlagsResult = TWidth.SignExtend(r);
            cpu->FlagsAux = TWidth.NarrowAux((~a & b) | ((~a | b) & r));
        }

        return r;
    }
}

internal readonly unsafe struct Cmp : IAluOperation
{
    public static bool WritesBack => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Compute<TWidth, TFlags>(GuestCpu* cpu, uint a, uint b)
        where TWidth : struct, IWidth
        where TFlags : struct, IFlagPolicy => Sub.Compute<TWidth, TFlags>(cpu, a, b);
}

internal readonly unsafe struct And : IAluOperation
{
    public static bool WritesBack => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Compute<TWidth, TFlags>(GuestCpu* cpu, uint a, uint b)
        where TWidth : struct, IWidth
        where TFlags : struct, IFlagPolicy => Logic.Result<TWidth, TFlags>(cpu, a & b);
}

internal readonly unsafe struct Test : IAluOperation
{
    public static bool WritesBack => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Compute<TWidth, TFlags>(GuestCpu* cpu, uint a, uint b)
        where TWidth : struct, IWidth
        where TFlags : struct, IFlagPolicy => Logic.Result<TWidth, TFlags>(cpu, a & b);
}

internal readonly unsafe struct Or : IAluOperation
{
    public static bool WritesBack => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Compute<TWidth, TFlags>(GuestCpu* cpu, uint a, uint b)
        where TWidth : struct, IWidth
        where TFlags : struct, IFlagPolicy => Logic.Result<TWidth, TFlags>(cpu, a | b);
}

internal readonly unsafe struct Xor : IAluOperation
{
    public static bool WritesBack => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Compute<TWidth, TFlags>(GuestCpu* cpu, uint a, uint b)
        where TWidth : struct, IWidth
        where TFlags : struct, IFlagPolicy => Logic.Result<TWidth, TFlags>(cpu, a ^ b);
}

/// <summary>INC keeps CF.</summary>
internal readonly unsafe struct Inc : IAluOperation
{
    public static bool WritesBack => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Compute<TWidth, TFlags>(GuestCpu* cpu, uint a, uint b)
        where TWidth : struct, IWidth
        where TFlags : struct, IFlagPolicy
    {
        uint r = a + 1;
        if (TFlags.Live)
        {
            cpu->FlagsResult = TWidth.SignExtend(r);
            cpu->FlagsAux = Logic.KeepCarry(cpu->FlagsAux, TWidth.NarrowAux(a & ~r));
        }

        return r;
    }
}

/// <summary>DEC keeps CF.</summary>
internal readonly unsafe struct Dec : IAluOperation
{
    public static bool WritesBack => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Compute<TWidth, TFlags>(GuestCpu* cpu, uint a, uint b)
        where TWidth : struct, IWidth
        where TFlags : struct, IFlagPolicy
    {
        uint r = a - 1;
        if (TFlags.Live)
        {
            cpu->FlagsResult = TWidth.SignExtend(r);
            cpu->FlagsAux = Logic.KeepCarry(cpu->FlagsAux, TWidth.NarrowAux(~a & r));
        }

        return r;
    }
}

/// <summary>NEG is 0 − a.</summary>
internal readonly unsafe struct Neg : IAluOperation
{
    public static bool WritesBack => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Compute<TWidth, TFlags>(GuestCpu* cpu, uint a, uint b)
        where TWidth : struct, IWidth
        where TFlags : struct, IFlagPolicy => Sub.Compute<TWidth, TFlags>(cpu, 0, a);
}

/// <summary>NOT touches no flag.</summary>
internal readonly unsafe struct Not : IAluOperation
{
    public static bool WritesBack => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Compute<TWidth, TFlags>(GuestCpu* cpu, uint a, uint b)
        where TWidth : struct, IWidth
        where TFlags : struct, IFlagPolicy => ~a;
}

/// <summary>What the logical operations and INC/DEC share about flags.</summary>
internal static unsafe class Logic
{
    /// <summary>CF and OF become 0; AF, undefined in the SDM, is 0 on current CPUs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Result<TWidth, TFlags>(GuestCpu* cpu, uint r)
        where TWidth : struct, IWidth
        where TFlags : struct, IFlagPolicy
    {
        if (TFlags.Live)
        {
            cpu->FlagsResult = TWidth.SignExtend(r);
            cpu->FlagsAux = 0;
        }

        return r;
    }

    /// <summary>The new carry vector with the old CF; OF, the xor of the top two bits, stays the new one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint KeepCarry(uint oldAux, uint newAux)
    {
        uint flip = (oldAux ^ newAux) & LazyFlags.CarryOut;
        return newAux ^ (flip | (flip >> 1));
    }
}
