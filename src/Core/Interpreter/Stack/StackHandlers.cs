using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Stack;

/// <summary>PUSH and POP of 32 bits on a flat stack.</summary>
internal static unsafe class StackHandlers
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* PushReg(GuestCpu* cpu, Op* op) => Push(cpu, op, Registers.Get32(cpu, op->Source));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* PushImm(GuestCpu* cpu, Op* op) => Push(cpu, op, op->Immediate);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* PushMem<TAddress>(GuestCpu* cpu, Op* op)
        where TAddress : struct, IAddress
    {
        uint address = TAddress.Linear(cpu, op);
        byte* p = Tlb.Read<W32>(cpu, address);
        return p == null ? PushMemCold(cpu, op, address) : Push(cpu, op, W32.Load(p));
    }

    /// <summary>POP r32; POP ESP gets the popped value, not the incremented pointer.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* PopReg(GuestCpu* cpu, Op* op)
    {
        uint top = cpu->Gpr[Reg.Esp];
        byte* p = Tlb.Read<W32>(cpu, top);
        if (p == null)
        {
            return PopRegCold(cpu, op, top);
        }

        cpu->Gpr[Reg.Esp] = top + 4;
        Registers.Set32(cpu, op->Destination, W32.Load(p));
        return Flow.Next(cpu, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Op* Push(GuestCpu* cpu, Op* op, uint value)
    {
        uint top = cpu->Gpr[Reg.Esp] - 4;
        byte* p = Tlb.Write<W32>(cpu, top);
        if (p == null)
        {
            return PushCold(cpu, op, top, value);
        }

        W32.Store(p, value);
        cpu->Gpr[Reg.Esp] = top;
        return Flow.Next(cpu, op);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* PushCold(GuestCpu* cpu, Op* op, uint top, uint value)
    {
        if (!ColdAccess.Write(cpu, top, 4, value))
        {
            return Flow.Faulted(cpu, op);
        }

        cpu->Gpr[Reg.Esp] = top;
        return Flow.AfterCold(cpu, op);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* PushMemCold(GuestCpu* cpu, Op* op, uint address) =>
        ColdAccess.Read(cpu, address, 4, out uint value) ? PushCold(cpu, op, cpu->Gpr[Reg.Esp] - 4, value) : Flow.Faulted(cpu, op);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* PopRegCold(GuestCpu* cpu, Op* op, uint top)
    {
        if (!ColdAccess.Read(cpu, top, 4, out uint value))
        {
            return Flow.Faulted(cpu, op);
        }

        cpu->Gpr[Reg.Esp] = top + 4;
        Registers.Set32(cpu, op->Destination, value);
        return Flow.AfterCold(cpu, op);
    }
}

/// <summary>PUSH r/m or immediate of any size on any stack.</summary>
internal readonly unsafe struct PushPlace<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op) => TPlace.Load<TWidth>(cpu, op, out uint value) && Access.Push<TWidth>(cpu, value);
}

/// <inheritdoc cref="PushPlace{TWidth, TPlace}"/>
internal readonly unsafe struct PushImmediate<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op) => Access.Push<TWidth>(cpu, op->Immediate);
}

/// <summary>
/// POP r/m of any size on any stack. An address with ESP as its base uses the incremented ESP (SDM vol. 2, POP), so ESP
/// moves first and is put back if the store faults.
/// </summary>
internal readonly unsafe struct PopPlace<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint before = cpu->Gpr[Reg.Esp];
        if (!Access.Pop<TWidth>(cpu, out uint value))
        {
            return false;
        }

        if (TPlace.Store<TWidth>(cpu, op, value))
        {
            return true;
        }

        cpu->Gpr[Reg.Esp] = before;
        return false;
    }
}
