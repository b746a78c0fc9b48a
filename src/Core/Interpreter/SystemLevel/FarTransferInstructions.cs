using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.SystemLevel;

/// <summary>Where a far pointer comes from.</summary>
internal unsafe interface IFarTarget
{
    static abstract bool Read(GuestCpu* cpu, Op* op, out uint selector, out uint offset);
}

/// <summary>ptr16:16 and ptr16:32, in the instruction.</summary>
internal readonly unsafe struct DirectFarTarget<TWidth> : IFarTarget
    where TWidth : struct, IWidth
{
    public static bool Read(GuestCpu* cpu, Op* op, out uint selector, out uint offset)
    {
        selector = op->Info;
        offset = op->Immediate;
        return true;
    }
}

/// <summary>m16:16 and m16:32.</summary>
internal readonly unsafe struct IndirectFarTarget<TWidth> : IFarTarget
    where TWidth : struct, IWidth
{
    public static bool Read(GuestCpu* cpu, Op* op, out uint selector, out uint offset)
    {
        uint address = AddressGeneral.Offset(cpu, op);
        selector = 0;
        return Access.Read<TWidth>(cpu, op->Segment, address, out offset)
            && Access.Read<W16>(cpu, op->Segment, address + (uint)TWidth.Bytes, out selector);
    }
}

/// <summary>JMP far.</summary>
internal readonly unsafe struct FarJump<TWidth, TTarget> : IInstruction
    where TWidth : struct, IWidth
    where TTarget : struct, IFarTarget
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TTarget.Read(cpu, op, out uint selector, out uint offset)
            || !FarTransfers.CheckTarget(cpu, selector, offset, out ulong descriptor))
        {
            return false;
        }

        FarTransfers.Enter(cpu, selector, offset, descriptor);
        return true;
    }
}

/// <summary>CALL far: CS and the return address are pushed, both or none.</summary>
internal readonly unsafe struct FarCall<TWidth, TTarget> : IInstruction
    where TWidth : struct, IWidth
    where TTarget : struct, IFarTarget
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TTarget.Read(cpu, op, out uint selector, out uint offset)
            || !FarTransfers.CheckTarget(cpu, selector, offset, out ulong descriptor)
            || !StackSlots.Probe<TWidth>(cpu, 2)
            || !Access.Push<TWidth>(cpu, GuestCpu.Segment(cpu, Seg.Cs)->Selector)
            || !Access.Push<TWidth>(cpu, op->NextEip & TWidth.Mask))
        {
            return false;
        }

        FarTransfers.Enter(cpu, selector, offset, descriptor);
        return true;
    }
}

/// <summary>RET far, to the same ring or an outer one.</summary>
internal readonly unsafe struct FarReturn<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint popped = op->Immediate;
        if (!StackSlots.Read<TWidth>(cpu, 0, 0, out uint offset) || !StackSlots.Read<TWidth>(cpu, 1, 0, out uint selector)
            || !FarTransfers.CheckReturn(cpu, selector & 0xFFFF, out ulong code))
        {
            return false;
        }

        selector &= 0xFFFF;
        if ((selector & 3) == cpu->Cpl)
        {
            if (!FarTransfers.CheckLimit(cpu, code, offset))
            {
                return false;
            }

            FarTransfers.ReturnSame(cpu, selector, offset, code);
            Access.SetStackPointer(cpu, Access.StackOffset(cpu, 2 * (uint)TWidth.Bytes + popped));
            Segments.UpdateMode(cpu);
            return true;
        }

        if (!StackSlots.Read<TWidth>(cpu, 2, popped, out uint stackPointer) || !StackSlots.Read<TWidth>(cpu, 3, popped, out uint stackSelector)
            || !FarTransfers.CheckOuterStack(cpu, stackSelector & 0xFFFF, selector & 3, out ulong stack)
            || !FarTransfers.CheckLimit(cpu, code, offset))
        {
            return false;
        }

        FarTransfers.ReturnOuter(cpu, selector, offset, code, stackSelector & 0xFFFF, stackPointer + popped, stack);
        return true;
    }
}
