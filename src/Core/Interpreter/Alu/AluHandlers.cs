using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Alu;

/// <summary>The operand forms of ALU instructions. One method per form; RyuJIT makes one handler per operation and width.</summary>
internal static unsafe class AluHandlers
{
    /// <summary>reg, reg.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* RegReg<TOperation, TWidth, TFlags>(GuestCpu* cpu, Op* op)
        where TOperation : struct, IAluOperation
        where TWidth : struct, IWidth
        where TFlags : struct, IFlagPolicy
    {
        uint r = TOperation.Compute<TWidth, TFlags>(cpu, Registers.Get<TWidth>(cpu, op->Destination), Registers.Get<TWidth>(cpu, op->Source));
        if (TOperation.WritesBack)
        {
            Registers.Set<TWidth>(cpu, op->Destination, r);
        }

        return Flow.Next(cpu, op);
    }

    /// <summary>reg, imm; and the unary operations on a register.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* RegImm<TOperation, TWidth, TFlags>(GuestCpu* cpu, Op* op)
        where TOperation : struct, IAluOperation
        where TWidth : struct, IWidth
        where TFlags : struct, IFlagPolicy
    {
        uint r = TOperation.Compute<TWidth, TFlags>(cpu, Registers.Get<TWidth>(cpu, op->Destination), op->Immediate);
        if (TOperation.WritesBack)
        {
            Registers.Set<TWidth>(cpu, op->Destination, r);
        }

        return Flow.Next(cpu, op);
    }

    /// <summary>reg, mem.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* RegMem<TOperation, TWidth, TAddress>(GuestCpu* cpu, Op* op)
        where TOperation : struct, IAluOperation
        where TWidth : struct, IWidth
        where TAddress : struct, IAddress
    {
        uint address = TAddress.Linear(cpu, op);
        byte* p = Tlb.Read<TWidth>(cpu, address);
        if (p == null)
        {
            return RegMemCold<TOperation, TWidth>(cpu, op, address);
        }

        uint r = TOperation.Compute<TWidth, FlagsLive>(cpu, Registers.Get<TWidth>(cpu, op->Destination), TWidth.Load(p));
        if (TOperation.WritesBack)
        {
            Registers.Set<TWidth>(cpu, op->Destination, r);
        }

        return Flow.Next(cpu, op);
    }

    /// <summary>mem, reg.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* MemReg<TOperation, TWidth, TAddress>(GuestCpu* cpu, Op* op)
        where TOperation : struct, IAluOperation
        where TWidth : struct, IWidth
        where TAddress : struct, IAddress
    {
        uint address = TAddress.Linear(cpu, op);
        uint b = Registers.Get<TWidth>(cpu, op->Source);
        byte* p = TOperation.WritesBack ? Tlb.Write<TWidth>(cpu, address) : Tlb.Read<TWidth>(cpu, address);
        if (p == null)
        {
            return MemCold<TOperation, TWidth>(cpu, op, address, b);
        }

        uint r = TOperation.Compute<TWidth, FlagsLive>(cpu, TWidth.Load(p), b);
        if (TOperation.WritesBack)
        {
            TWidth.Store(p, r);
        }

        return Flow.Next(cpu, op);
    }

    /// <summary>mem, imm; and the unary operations on memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* MemImm<TOperation, TWidth, TAddress>(GuestCpu* cpu, Op* op)
        where TOperation : struct, IAluOperation
        where TWidth : struct, IWidth
        where TAddress : struct, IAddress
    {
        uint address = TAddress.Linear(cpu, op);
        byte* p = TOperation.WritesBack ? Tlb.Write<TWidth>(cpu, address) : Tlb.Read<TWidth>(cpu, address);
        if (p == null)
        {
            return MemCold<TOperation, TWidth>(cpu, op, address, op->Immediate);
        }

        uint r = TOperation.Compute<TWidth, FlagsLive>(cpu, TWidth.Load(p), op->Immediate);
        if (TOperation.WritesBack)
        {
            TWidth.Store(p, r);
        }

        return Flow.Next(cpu, op);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* RegMemCold<TOperation, TWidth>(GuestCpu* cpu, Op* op, uint address)
        where TOperation : struct, IAluOperation
        where TWidth : struct, IWidth
    {
        if (!ColdAccess.Read(cpu, address, TWidth.Bytes, out uint b))
        {
            return Flow.Faulted(cpu, op);
        }

        uint r = TOperation.Compute<TWidth, FlagsLive>(cpu, Registers.Get<TWidth>(cpu, op->Destination), b);
        if (TOperation.WritesBack)
        {
            Registers.Set<TWidth>(cpu, op->Destination, r);
        }

        return Flow.AfterCold(cpu, op);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* MemCold<TOperation, TWidth>(GuestCpu* cpu, Op* op, uint address, uint b)
        where TOperation : struct, IAluOperation
        where TWidth : struct, IWidth
    {
        // A destination that cannot be written faults before anything, the flags included, has changed.
        if ((TOperation.WritesBack && !ColdAccess.ProbeWrite(cpu, address, TWidth.Bytes))
            || !ColdAccess.Read(cpu, address, TWidth.Bytes, out uint a))
        {
            return Flow.Faulted(cpu, op);
        }

        uint r = TOperation.Compute<TWidth, FlagsLive>(cpu, a, b);
        if (TOperation.WritesBack && !ColdAccess.Write(cpu, address, TWidth.Bytes, r))
        {
            return Flow.Faulted(cpu, op);
        }

        return Flow.AfterCold(cpu, op);
    }
}
