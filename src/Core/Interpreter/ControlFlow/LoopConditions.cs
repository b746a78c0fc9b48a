using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Semantics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.ControlFlow;

/// <summary>What LOOP and JeCXZ count with: ECX, or CX with the address-size prefix.</summary>
internal static unsafe class Counter
{
    public static uint Get<TWidth>(GuestCpu* cpu)
        where TWidth : struct, IWidth => cpu->Gpr[Reg.Ecx] & TWidth.Mask;

    /// <summary>Counts down and returns the new count. No flag changes.</summary>
    public static uint Decrement<TWidth>(GuestCpu* cpu)
        where TWidth : struct, IWidth
    {
        uint count = (cpu->Gpr[Reg.Ecx] - 1) & TWidth.Mask;
        cpu->Gpr[Reg.Ecx] = (cpu->Gpr[Reg.Ecx] & ~TWidth.Mask) | count;
        return count;
    }
}

/// <summary>LOOP.</summary>
internal readonly unsafe struct LoopCondition<TWidth> : ICondition
    where TWidth : struct, IWidth
{
    public static bool Test(GuestCpu* cpu) => Counter.Decrement<TWidth>(cpu) != 0;
}

/// <summary>LOOPE.</summary>
internal readonly unsafe struct LoopEqualCondition<TWidth> : ICondition
    where TWidth : struct, IWidth
{
    public static bool Test(GuestCpu* cpu) => Counter.Decrement<TWidth>(cpu) != 0 && LazyFlags.Zero(cpu);
}

/// <summary>LOOPNE.</summary>
internal readonly unsafe struct LoopNotEqualCondition<TWidth> : ICondition
    where TWidth : struct, IWidth
{
    public static bool Test(GuestCpu* cpu) => Counter.Decrement<TWidth>(cpu) != 0 && !LazyFlags.Zero(cpu);
}

/// <summary>JECXZ, JCXZ.</summary>
internal readonly unsafe struct CounterZeroCondition<TWidth> : ICondition
    where TWidth : struct, IWidth
{
    public static bool Test(GuestCpu* cpu) => Counter.Get<TWidth>(cpu) == 0;
}
