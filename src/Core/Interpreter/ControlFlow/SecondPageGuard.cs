using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.ControlFlow;

/// <summary>
/// The micro-op before an instruction that goes on in the next page: who follows a link has seen to the first page only, and the second may
/// have become another since, or gone. Then the dispatcher finds, or builds, the block that is right now.
/// </summary>
internal static unsafe class SecondPageGuard
{
    /// <summary>Immediate: guest-physical address of the second page when the instruction was decoded. For flat code.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* Handler(GuestCpu* cpu, Op* op) => Holds(cpu, op->Eip, op->Immediate) ? Flow.Next(cpu, op) : Leave(cpu, op);

    /// <summary>Is <paramref name="second"/> what is mapped behind the page of <paramref name="eip"/>?</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(GuestCpu* cpu, uint eip, uint second)
    {
        uint address = (eip | 0xFFF) + 1;
        ulong entry = cpu->ReadTable[address >> 12];
        return entry != 0 && (uint)(entry + address - (ulong)GuestMachine.Of(cpu).Ram.Base) == second;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* Leave(GuestCpu* cpu, Op* op)
    {
        cpu->Eip = op->Eip;
        cpu->BudgetLeft += op->Remaining;
        return Flow.Dispatch(cpu);
    }
}
