using System.Runtime.CompilerServices;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>A form of memory operand as a type: how its linear address is computed.</summary>
internal unsafe interface IAddress
{
    static abstract uint Linear(GuestCpu* cpu, Op* op);
}

/// <summary>[base + displacement] or [displacement] in a flat segment: most operands.</summary>
internal readonly unsafe struct AddressBase : IAddress
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Linear(GuestCpu* cpu, Op* op) => Registers.Get32(cpu, op->Base) + op->Displacement;
}

/// <summary>[base + index·scale + displacement] in a flat segment.</summary>
internal readonly unsafe struct AddressIndexed : IAddress
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Linear(GuestCpu* cpu, Op* op) =>
        Registers.Get32(cpu, op->Base) + (Registers.Get32(cpu, op->Index) << op->Scale) + op->Displacement;
}

/// <summary>
/// Everything else: FS and GS, segments that are not flat, 16-bit addresses. A segment check op has gone before where
/// one is needed.
/// </summary>
internal readonly unsafe struct AddressGeneral : IAddress
{
    public static uint Linear(GuestCpu* cpu, Op* op) => Offset(cpu, op) + GuestCpu.Segment(cpu, op->Segment)->Base;

    /// <summary>The effective address within the segment.</summary>
    public static uint Offset(GuestCpu* cpu, Op* op)
    {
        uint offset = AddressIndexed.Linear(cpu, op);
        return (op->Traits & OpTraits.Address16) != 0 ? offset & 0xFFFF : offset;
    }
}
