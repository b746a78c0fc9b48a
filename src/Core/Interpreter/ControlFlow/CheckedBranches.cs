using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.ControlFlow;

/// <summary>
/// Near branches with 16-bit operands, on 16-bit stacks or in segments that are not flat: rare, so in one plain form
/// each. TWidth is the operand size: a 16-bit branch clears the upper half of eip.
/// </summary>
internal static unsafe class CheckedBranches
{
    /// <summary>Sets eip if the code segment lets it: #GP(0) otherwise.</summary>
    public static bool Arrive<TWidth>(GuestCpu* cpu, uint target)
        where TWidth : struct, IWidth
    {
        if (!InLimit<TWidth>(cpu, target))
        {
            return false;
        }

        cpu->Eip = target & TWidth.Mask;
        return true;
    }

    public static bool InLimit<TWidth>(GuestCpu* cpu, uint target)
        where TWidth : struct, IWidth => (target & TWidth.Mask) <= GuestCpu.Segment(cpu, Seg.Cs)->Limit || Fault.GeneralProtection(cpu);
}

/// <summary>JMP rel.</summary>
internal readonly unsafe struct JumpRelative<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op) => CheckedBranches.Arrive<TWidth>(cpu, op->Immediate);
}

/// <summary>CALL rel.</summary>
internal readonly unsafe struct CallRelative<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op) =>
        CheckedBranches.InLimit<TWidth>(cpu, op->Immediate) && Access.Push<TWidth>(cpu, op->NextEip)
        && CheckedBranches.Arrive<TWidth>(cpu, op->Immediate);
}

/// <summary>JMP r/m.</summary>
internal readonly unsafe struct JumpIndirect<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op) =>
        TPlace.Load<TWidth>(cpu, op, out uint target) && CheckedBranches.Arrive<TWidth>(cpu, target);
}

/// <summary>CALL r/m.</summary>
internal readonly unsafe struct CallIndirect<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op) =>
        TPlace.Load<TWidth>(cpu, op, out uint target) && CheckedBranches.InLimit<TWidth>(cpu, target)
        && Access.Push<TWidth>(cpu, op->NextEip) && CheckedBranches.Arrive<TWidth>(cpu, target);
}

/// <summary>RET and RET imm16. Immediate: bytes to drop beside the return address.</summary>
internal readonly unsafe struct ReturnNear<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!Access.Read<TWidth>(cpu, Seg.Ss, Access.StackPointer(cpu), out uint target) || !CheckedBranches.Arrive<TWidth>(cpu, target))
        {
            return false;
        }

        Access.SetStackPointer(cpu, Access.StackOffset(cpu, (uint)TWidth.Bytes + op->Immediate));
        return true;
    }
}

/// <summary>Jcc, LOOPcc and JeCXZ with everything checked.</summary>
internal readonly unsafe struct ConditionalRelative<TWidth, TCondition> : IInstruction
    where TWidth : struct, IWidth
    where TCondition : struct, Semantics.ICondition
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint counter = cpu->Gpr[Reg.Ecx];
        if (!TCondition.Test(cpu))
        {
            cpu->Eip = op->NextEip;
            return true;
        }

        if (CheckedBranches.Arrive<TWidth>(cpu, op->Immediate))
        {
            return true;
        }

        // LOOP has counted already; a faulting instruction must not have.
        cpu->Gpr[Reg.Ecx] = counter;
        return false;
    }
}
