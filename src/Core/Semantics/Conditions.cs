using System.Runtime.CompilerServices;
using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Semantics;

/// <summary>One of the sixteen conditions as a type, for jcc, setcc and cmovcc (SDM vol. 1, appendix B).</summary>
internal unsafe interface ICondition
{
    static abstract bool Test(GuestCpu* cpu);
}

/// <summary>The condition types by their code.</summary>
internal static class Conditions
{
    /// <summary>The type that tests <paramref name="code"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not a condition: a caller's bug.</exception>
    public static Type ForCode(ConditionCode code) => code switch
    {
        ConditionCode.o => typeof(IfOverflow),
        ConditionCode.no => typeof(IfNotOverflow),
        ConditionCode.b => typeof(IfBelow),
        ConditionCode.ae => typeof(IfAboveOrEqual),
        ConditionCode.e => typeof(IfEqual),
        ConditionCode.ne => typeof(IfNotEqual),
        ConditionCode.be => typeof(IfBelowOrEqual),
        ConditionCode.a => typeof(IfAbove),
        ConditionCode.s => typeof(IfSign),
        ConditionCode.ns => typeof(IfNotSign),
        ConditionCode.p => typeof(IfParity),
        ConditionCode.np => typeof(IfNotParity),
        ConditionCode.l => typeof(IfLess),
        ConditionCode.ge => typeof(IfGreaterOrEqual),
        ConditionCode.le => typeof(IfLessOrEqual),
        ConditionCode.g => typeof(IfGreater),
        _ => throw new ArgumentOutOfRangeException(nameof(code), code, null),
    };
}

/// <summary>OF.</summary>
internal readonly unsafe struct IfOverflow : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(GuestCpu* cpu) => LazyFlags.Overflow(cpu);
}

/// <summary>not OF.</summary>
internal readonly unsafe struct IfNotOverflow : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(GuestCpu* cpu) => !LazyFlags.Overflow(cpu);
}

/// <summary>CF.</summary>
internal readonly unsafe struct IfBelow : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(GuestCpu* cpu) => LazyFlags.Carry(cpu);
}

/// <summary>not CF.</summary>
internal readonly unsafe struct IfAboveOrEqual : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(GuestCpu* cpu) => !LazyFlags.Carry(cpu);
}

/// <summary>ZF.</summary>
internal readonly unsafe struct IfEqual : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(GuestCpu* cpu) => LazyFlags.Zero(cpu);
}

/// <summary>not ZF.</summary>
internal readonly unsafe struct IfNotEqual : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(GuestCpu* cpu) => !LazyFlags.Zero(cpu);
}

/// <summary>CF or ZF.</summary>
internal readonly unsafe struct IfBelowOrEqual : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(GuestCpu* cpu) => LazyFlags.Carry(cpu) || LazyFlags.Zero(cpu);
}

/// <summary>neither CF nor ZF.</summary>
internal readonly unsafe struct IfAbove : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(GuestCpu* cpu) => !LazyFlags.Carry(cpu) && !LazyFlags.Zero(cpu);
}

/// <summary>SF.</summary>
internal readonly unsafe struct IfSign : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(GuestCpu* cpu) => LazyFlags.Sign(cpu);
}

/// <summary>not SF.</summary>
internal readonly unsafe struct IfNotSign : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(GuestCpu* cpu) => !LazyFlags.Sign(cpu);
}

/// <summary>PF.</summary>
internal readonly unsafe struct IfParity : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(GuestCpu* cpu) => LazyFlags.Parity(cpu);
}

/// <summary>not PF.</summary>
internal readonly unsafe struct IfNotParity : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(GuestCpu* cpu) => !LazyFlags.Parity(cpu);
}

/// <summary>SF ≠ OF.</summary>
internal readonly unsafe struct IfLess : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(GuestCpu* cpu) => LazyFlags.Less(cpu);
}

/// <summary>SF = OF.</summary>
internal readonly unsafe struct IfGreaterOrEqual : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(GuestCpu* cpu) => !LazyFlags.Less(cpu);
}

/// <summary>ZF or SF ≠ OF.</summary>
internal readonly unsafe struct IfLessOrEqual : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(GuestCpu* cpu) => LazyFlags.Zero(cpu) || LazyFlags.Less(cpu);
}

/// <summary>not ZF, and SF = OF.</summary>
internal readonly unsafe struct IfGreater : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(GuestCpu* cpu) => !LazyFlags.Zero(cpu) && !LazyFlags.Less(cpu);
}
