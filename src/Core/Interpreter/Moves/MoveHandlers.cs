using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Moves;

/// <summary>MOV, MOVZX, MOVSX and LEA.</summary>
internal static unsafe class MoveHandlers
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* RegReg<TWidth>(GuestCpu* cpu, Op* op)
        where TWidth : struct, IWidth
    {
        Registers.Set<TWidth>(cpu, op->Destination, Registers.Get<TWidth>(cpu, op->Source));
        return Flow.Next(cpu, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* RegImm<TWidth>(GuestCpu* cpu, Op* op)
        where TWidth : struct, IWidth
    {
        Registers.Set<TWidth>(cpu, op->Destination, op->Immediate);
        return Flow.Next(cpu, op);
    }

    /// <summary>A load.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* RegMem<TWidth, TAddress>(GuestCpu* cpu, Op* op)
        where TWidth : struct, IWidth
        where TAddress : struct, IAddress
    {
        uint address = TAddress.Linear(cpu, op);
        byte* p = Tlb.Read<TWidth>(cpu, address);
        if (p == null)
        {
            return LoadCold<TWidth, TWidth, ZeroExtend>(cpu, op, address);
        }

        Registers.Set<TWidth>(cpu, op->Destination, TWidth.Load(p));
        return Flow.Next(cpu, op);
    }

    /// <summary>A store.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* MemReg<TWidth, TAddress>(GuestCpu* cpu, Op* op)
        where TWidth : struct, IWidth
        where TAddress : struct, IAddress
    {
        uint address = TAddress.Linear(cpu, op);
        uint value = Registers.Get<TWidth>(cpu, op->Source);
        byte* p = Tlb.Write<TWidth>(cpu, address);
        if (p == null)
        {
            return StoreCold<TWidth>(cpu, op, address, value);
        }

        TWidth.Store(p, value);
        return Flow.Next(cpu, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* MemImm<TWidth, TAddress>(GuestCpu* cpu, Op* op)
        where TWidth : struct, IWidth
        where TAddress : struct, IAddress
    {
        uint address = TAddress.Linear(cpu, op);
        byte* p = Tlb.Write<TWidth>(cpu, address);
        if (p == null)
        {
            return StoreCold<TWidth>(cpu, op, address, op->Immediate);
        }

        TWidth.Store(p, op->Immediate);
        return Flow.Next(cpu, op);
    }

    /// <summary>MOVZX and MOVSX between registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* ExtendReg<TTo, TFrom, TExtension>(GuestCpu* cpu, Op* op)
        where TTo : struct, IWidth
        where TFrom : struct, IWidth
        where TExtension : struct, IExtension
    {
        Registers.Set<TTo>(cpu, op->Destination, TExtension.Extend<TFrom>(Registers.Get<TFrom>(cpu, op->Source)));
        return Flow.Next(cpu, op);
    }

    /// <summary>MOVZX and MOVSX from memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* ExtendMem<TTo, TFrom, TExtension, TAddress>(GuestCpu* cpu, Op* op)
        where TTo : struct, IWidth
        where TFrom : struct, IWidth
        where TExtension : struct, IExtension
        where TAddress : struct, IAddress
    {
        uint address = TAddress.Linear(cpu, op);
        byte* p = Tlb.Read<TFrom>(cpu, address);
        if (p == null)
        {
            return LoadCold<TTo, TFrom, TExtension>(cpu, op, address);
        }

        Registers.Set<TTo>(cpu, op->Destination, TExtension.Extend<TFrom>(TFrom.Load(p)));
        return Flow.Next(cpu, op);
    }

    /// <summary>LEA with 32-bit addresses: no segment, no access.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* Lea<TWidth>(GuestCpu* cpu, Op* op)
        where TWidth : struct, IWidth
    {
        Registers.Set<TWidth>(cpu, op->Destination, AddressIndexed.Linear(cpu, op));
        return Flow.Next(cpu, op);
    }

    /// <summary>LEA with the 16-bit address forms.</summary>
    public static Op* Lea16<TWidth>(GuestCpu* cpu, Op* op)
        where TWidth : struct, IWidth
    {
        Registers.Set<TWidth>(cpu, op->Destination, AddressGeneral.Offset(cpu, op));
        return Flow.Next(cpu, op);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* LoadCold<TTo, TFrom, TExtension>(GuestCpu* cpu, Op* op, uint address)
        where TTo : struct, IWidth
        where TFrom : struct, IWidth
        where TExtension : struct, IExtension
    {
        if (!ColdAccess.Read(cpu, address, TFrom.Bytes, out uint value))
        {
            return Flow.Faulted(cpu, op);
        }

        Registers.Set<TTo>(cpu, op->Destination, TExtension.Extend<TFrom>(value));
        return Flow.AfterCold(cpu, op);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* StoreCold<TWidth>(GuestCpu* cpu, Op* op, uint address, uint value)
        where TWidth : struct, IWidth =>
        ColdAccess.Write(cpu, address, TWidth.Bytes, value) ? Flow.AfterCold(cpu, op) : Flow.Faulted(cpu, op);
}

/// <summary>How a narrow value becomes a wide one.</summary>
internal interface IExtension
{
    static abstract uint Extend<TFrom>(uint value)
        where TFrom : struct, IWidth;
}

internal readonly struct ZeroExtend : IExtension
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Extend<TFrom>(uint value)
        where TFrom : struct, IWidth => value;
}

internal readonly struct SignExtend : IExtension
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Extend<TFrom>(uint value)
        where TFrom : struct, IWidth => TFrom.SignExtend(value);
}
