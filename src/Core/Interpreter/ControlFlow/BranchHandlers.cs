using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter.Alu;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Semantics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.ControlFlow;

/// <summary>
/// Near branches. Links stand in the slots behind the op: taken (or only) target first, then the fall-through.
/// "Near" handlers serve targets in the block's own page, "Far" ones all.
/// </summary>
internal static unsafe class BranchHandlers
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static BlockLink* Link(Op* op, int number) => (BlockLink*)(op + number);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* JumpNear(GuestCpu* cpu, Op* op) => Links.FollowNear(cpu, Link(op, 1));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* JumpFar(GuestCpu* cpu, Op* op) => Links.FollowFar(cpu, Link(op, 1));

    /// <summary>Jcc, LOOPcc, JeCXZ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* ConditionalNear<TCondition>(GuestCpu* cpu, Op* op)
        where TCondition : struct, ICondition => Links.FollowNear(cpu, Link(op, TCondition.Test(cpu) ? 1 : 2));

    /// <inheritdoc cref="ConditionalNear"/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* ConditionalFar<TCondition>(GuestCpu* cpu, Op* op)
        where TCondition : struct, ICondition => Links.FollowFar(cpu, Link(op, TCondition.Test(cpu) ? 1 : 2));

    /// <summary>CMP/TEST/… reg, reg and the conditional branch after it, in one step: saves a dispatch in every loop.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* FusedRegReg<TOperation, TWidth, TCondition>(GuestCpu* cpu, Op* op)
        where TOperation : struct, IAluOperation
        where TWidth : struct, IWidth
        where TCondition : struct, ICondition
    {
        uint r = TOperation.Compute<TWidth, FlagsLive>(cpu, Registers.Get<TWidth>(cpu, op->Destination), Registers.Get<TWidth>(cpu, op->Source));
        if (TOperation.WritesBack)
        {
            Registers.Set<TWidth>(cpu, op->Destination, r);
        }

        return Links.FollowFar(cpu, Link(op, TCondition.Test(cpu) ? 1 : 2));
    }

    /// <inheritdoc cref="FusedRegReg"/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* FusedRegImm<TOperation, TWidth, TCondition>(GuestCpu* cpu, Op* op)
        where TOperation : struct, IAluOperation
        where TWidth : struct, IWidth
        where TCondition : struct, ICondition
    {
        uint r = TOperation.Compute<TWidth, FlagsLive>(cpu, Registers.Get<TWidth>(cpu, op->Destination), op->Immediate);
        if (TOperation.WritesBack)
        {
            Registers.Set<TWidth>(cpu, op->Destination, r);
        }

        return Links.FollowFar(cpu, Link(op, TCondition.Test(cpu) ? 1 : 2));
    }

    /// <summary>CALL rel32 on a flat 32-bit stack.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* Call(GuestCpu* cpu, Op* op)
    {
        uint top = cpu->Gpr[Reg.Esp] - 4;
        byte* p = Tlb.Write<W32>(cpu, top);
        if (p == null)
        {
            return CallCold(cpu, op, op->Immediate);
        }

        W32.Store(p, op->NextEip);
        cpu->Gpr[Reg.Esp] = top;
        return Links.FollowFar(cpu, Link(op, 1));
    }

    /// <summary>CALL r32. Like all indirect branches it leaves in Immediate where it led to last, for whoever compiles the block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* CallReg(GuestCpu* cpu, Op* op) => CallTo(cpu, op, Registers.Get32(cpu, op->Destination));

    /// <summary>CALL m32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* CallMem<TAddress>(GuestCpu* cpu, Op* op)
        where TAddress : struct, IAddress
    {
        uint address = TAddress.Linear(cpu, op);
        byte* p = Tlb.Read<W32>(cpu, address);
        return p == null ? CallMemCold(cpu, op, address) : CallTo(cpu, op, W32.Load(p));
    }

    /// <summary>JMP r32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* JumpReg(GuestCpu* cpu, Op* op) => JumpTo(cpu, op, Registers.Get32(cpu, op->Destination));

    /// <summary>JMP m32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* JumpMem<TAddress>(GuestCpu* cpu, Op* op)
        where TAddress : struct, IAddress
    {
        uint address = TAddress.Linear(cpu, op);
        byte* p = Tlb.Read<W32>(cpu, address);
        return p == null ? JumpMemCold(cpu, op, address) : JumpTo(cpu, op, W32.Load(p));
    }

    /// <summary>RET and RET imm16 on a flat 32-bit stack. Immediate: the bytes to drop, return address included.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* Return(GuestCpu* cpu, Op* op)
    {
        uint top = cpu->Gpr[Reg.Esp];
        byte* p = Tlb.Read<W32>(cpu, top);
        if (p == null)
        {
            return ReturnCold(cpu, op, top);
        }

        cpu->Gpr[Reg.Esp] = top + op->Immediate;
        return Links.Jump(cpu, W32.Load(p));
    }

    /// <summary>The end of a block that ends for no reason of its own (full, or at the end of its page).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* FallThrough(GuestCpu* cpu, Op* op) => Links.FollowFar(cpu, Link(op, 1));

    /// <summary>The same for a block with no right to links (a partial one, or one in a segment that is not flat).</summary>
    public static Op* Stop(GuestCpu* cpu, Op* op)
    {
        cpu->Eip = op->Immediate;
        return Flow.Dispatch(cpu);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Op* JumpTo(GuestCpu* cpu, Op* op, uint target)
    {
        op->Immediate = target;
        return Links.Jump(cpu, target);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Op* CallTo(GuestCpu* cpu, Op* op, uint target)
    {
        op->Immediate = target;
        uint top = cpu->Gpr[Reg.Esp] - 4;
        byte* p = Tlb.Write<W32>(cpu, top);
        if (p == null)
        {
            return CallCold(cpu, op, target);
        }

        W32.Store(p, op->NextEip);
        cpu->Gpr[Reg.Esp] = top;
        return Links.Jump(cpu, target);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* CallCold(GuestCpu* cpu, Op* op, uint target)
    {
        uint top = cpu->Gpr[Reg.Esp] - 4;
        if (!ColdAccess.Write(cpu, top, 4, op->NextEip))
        {
            return Flow.Faulted(cpu, op);
        }

        cpu->Gpr[Reg.Esp] = top;
        return Arrive(cpu, target);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* CallMemCold(GuestCpu* cpu, Op* op, uint address) =>
        ColdAccess.Read(cpu, address, 4, out uint target) ? CallCold(cpu, op, target) : Flow.Faulted(cpu, op);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* JumpMemCold(GuestCpu* cpu, Op* op, uint address) =>
        ColdAccess.Read(cpu, address, 4, out uint target) ? Arrive(cpu, target) : Flow.Faulted(cpu, op);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* ReturnCold(GuestCpu* cpu, Op* op, uint top)
    {
        if (!ColdAccess.Read(cpu, top, 4, out uint target))
        {
            return Flow.Faulted(cpu, op);
        }

        cpu->Gpr[Reg.Esp] = top + op->Immediate;
        return Arrive(cpu, target);
    }

    /// <summary>A branch that took a cold access on its way: through the dispatcher, or out if the access asked for it.</summary>
    private static Op* Arrive(GuestCpu* cpu, uint target)
    {
        cpu->Eip = target;
        cpu->Exit = cpu->Cut;
        cpu->Cut = ExitReason.Continue;
        return null;
    }
}
