using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>
/// The r/m operand as a type: a register or memory. For the many instructions that are not hot enough for
/// hand-written forms of their own. False results mean that a fault is recorded and nothing has changed.
/// </summary>
internal unsafe interface IPlace
{
    /// <summary>Reads the operand.</summary>
    static abstract bool Load<TWidth>(GuestCpu* cpu, Op* op, out uint value)
        where TWidth : struct, IWidth;

    /// <summary>Reads an operand that will be written back: faults as a write does.</summary>
    static abstract bool LoadForUpdate<TWidth>(GuestCpu* cpu, Op* op, out uint value)
        where TWidth : struct, IWidth;

    /// <summary>Writes the operand. After a successful <see cref="LoadForUpdate"/> this cannot fault.</summary>
    static abstract bool Store<TWidth>(GuestCpu* cpu, Op* op, uint value)
        where TWidth : struct, IWidth;
}

/// <summary>The register in <see cref="Op.Destination"/>.</summary>
internal readonly unsafe struct RegisterPlace : IPlace
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Load<TWidth>(GuestCpu* cpu, Op* op, out uint value)
        where TWidth : struct, IWidth
    {
        value = Registers.Get<TWidth>(cpu, op->Destination);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool LoadForUpdate<TWidth>(GuestCpu* cpu, Op* op, out uint value)
        where TWidth : struct, IWidth => Load<TWidth>(cpu, op, out value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Store<TWidth>(GuestCpu* cpu, Op* op, uint value)
        where TWidth : struct, IWidth
    {
        Registers.Set<TWidth>(cpu, op->Destination, value);
        return true;
    }
}

/// <summary>The memory operand of the op.</summary>
internal readonly unsafe struct MemoryPlace<TAddress> : IPlace
    where TAddress : struct, IAddress
{
    public static bool Load<TWidth>(GuestCpu* cpu, Op* op, out uint value)
        where TWidth : struct, IWidth
    {
        uint address = TAddress.Linear(cpu, op);
        byte* p = Tlb.Read<TWidth>(cpu, address);
        if (p == null)
        {
            return ColdAccess.Read(cpu, address, TWidth.Bytes, out value);
        }

        value = TWidth.Load(p);
        return true;
    }

    public static bool LoadForUpdate<TWidth>(GuestCpu* cpu, Op* op, out uint value)
        where TWidth : struct, IWidth
    {
        uint address = TAddress.Linear(cpu, op);
        byte* p = Tlb.Write<TWidth>(cpu, address);
        if (p == null)
        {
            value = 0;
            return ColdAccess.ProbeWrite(cpu, address, TWidth.Bytes) && ColdAccess.Read(cpu, address, TWidth.Bytes, out value);
        }

        value = TWidth.Load(p);
        return true;
    }

    public static bool Store<TWidth>(GuestCpu* cpu, Op* op, uint value)
        where TWidth : struct, IWidth
    {
        uint address = TAddress.Linear(cpu, op);
        byte* p = Tlb.Write<TWidth>(cpu, address);
        if (p == null)
        {
            return ColdAccess.Write(cpu, address, TWidth.Bytes, value);
        }

        TWidth.Store(p, value);
        return true;
    }
}

/// <summary>The memory operand with its segment checks made at the access itself.</summary>
internal readonly unsafe struct SegmentedPlace : IPlace
{
    public static bool Load<TWidth>(GuestCpu* cpu, Op* op, out uint value)
        where TWidth : struct, IWidth => Access.Read<TWidth>(cpu, op->Segment, AddressGeneral.Offset(cpu, op), out value);

    public static bool LoadForUpdate<TWidth>(GuestCpu* cpu, Op* op, out uint value)
        where TWidth : struct, IWidth
    {
        value = 0;
        uint offset = AddressGeneral.Offset(cpu, op);
        return Access.ProbeWrite(cpu, op->Segment, offset, TWidth.Bytes) && Access.Read<TWidth>(cpu, op->Segment, offset, out value);
    }

    public static bool Store<TWidth>(GuestCpu* cpu, Op* op, uint value)
        where TWidth : struct, IWidth => Access.Write<TWidth>(cpu, op->Segment, AddressGeneral.Offset(cpu, op), value);
}
