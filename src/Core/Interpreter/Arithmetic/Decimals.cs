using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Semantics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Arithmetic;

/// <summary>ASCII adjust after addition.</summary>
internal readonly unsafe struct Aaa : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        DecimalAdjust.Aaa(cpu);
        return true;
    }
}

/// <summary>ASCII adjust after subtraction.</summary>
internal readonly unsafe struct Aas : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        DecimalAdjust.Aas(cpu);
        return true;
    }
}

/// <summary>Decimal adjust after addition.</summary>
internal readonly unsafe struct Daa : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        DecimalAdjust.Daa(cpu);
        return true;
    }
}

/// <summary>Decimal adjust after subtraction.</summary>
internal readonly unsafe struct Das : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        DecimalAdjust.Das(cpu);
        return true;
    }
}

/// <summary>ASCII adjust after multiplication, in any base but 0.</summary>
internal readonly unsafe struct Aam : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        return DecimalAdjust.Aam(cpu, op->Immediate) || Fault.Raise(cpu, Vectors.DivideError);
    }
}

/// <summary>ASCII adjust before division, in any base.</summary>
internal readonly unsafe struct Aad : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        DecimalAdjust.Aad(cpu, op->Immediate);
        return true;
    }
}
