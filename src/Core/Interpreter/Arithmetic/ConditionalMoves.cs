using Lguest.Jit.Core.Semantics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Arithmetic;

/// <summary>CMOVcc: the operand is read, and may fault, whatever the condition.</summary>
internal readonly unsafe struct Cmov<TCondition, TWidth, TPlace> : IInstruction
    where TCondition : struct, ICondition
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.Load<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        if (TCondition.Test(cpu))
        {
            Registers.Set<TWidth>(cpu, op->Source, value);
        }

        return true;
    }
}

/// <summary>SETcc.</summary>
internal readonly unsafe struct Setcc<TCondition, TWidth, TPlace> : IInstruction
    where TCondition : struct, ICondition
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        return TPlace.Store<TWidth>(cpu, op, TCondition.Test(cpu) ? 1u : 0);
    }
}
