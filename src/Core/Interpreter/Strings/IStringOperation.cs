using System.Runtime.CompilerServices;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Strings;

/// <summary>One string instruction as a type; <see cref="StringHandlers"/> does the repeating and the counting.</summary>
internal unsafe interface IStringOperation
{
    /// <summary>True for the two that compare: F3 and F2 then also test ZF.</summary>
    static abstract bool Compares { get; }

    /// <summary>One element the careful way, index registers moved on. False: a fault is recorded, nothing has changed.</summary>
    static abstract bool Step(GuestCpu* cpu, Op* op);

    /// <summary>
    /// Up to <paramref name="most"/> elements at once, as many as one page look-up serves, index registers moved on.
    /// </summary>
    /// <returns>Elements done; 0 sends the next one to <see cref="Step"/>. Never faults, never touches code or devices.</returns>
    static abstract uint Bulk(GuestCpu* cpu, Op* op, uint most);
}

/// <summary>What the string instructions share: index registers, direction, page chunks.</summary>
internal static unsafe class StringIndex
{
    /// <summary>Does nothing stand between an offset and its linear address?</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Flat(GuestCpu* cpu, Op* op) =>
        (op->Traits & OpTraits.Address16) == 0 && (cpu->Mode & CpuMode.Checked) == 0 && op->Segment < Seg.Fs;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Backward(GuestCpu* cpu) => (cpu->SystemFlags & Eflags.Direction) != 0;

    /// <summary>ESI or EDI, or SI or DI.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Get(GuestCpu* cpu, Op* op, int register) =>
        (op->Traits & OpTraits.Address16) != 0 ? cpu->Gpr[register] & 0xFFFF : cpu->Gpr[register];

    /// <summary>Moves an index register by <paramref name="elements"/> in the direction of DF.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Advance<TWidth>(GuestCpu* cpu, Op* op, int register, uint elements)
        where TWidth : struct, IWidth
    {
        uint distance = elements * (uint)TWidth.Bytes;
        uint old = cpu->Gpr[register];
        uint moved = Backward(cpu) ? old - distance : old + distance;
        cpu->Gpr[register] = (op->Traits & OpTraits.Address16) != 0 ? (old & 0xFFFF0000) | (moved & 0xFFFF) : moved;
    }

    /// <summary>Whole elements from <paramref name="address"/> on, in the given direction, before its page ends.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint InPage<TWidth>(uint address, bool backward)
        where TWidth : struct, IWidth
    {
        uint within = address & 0xFFF;
        uint above = 0x1000 - within;
        if (above < (uint)TWidth.Bytes)
        {
            return 0;
        }

        return backward ? within / (uint)TWidth.Bytes + 1 : above / (uint)TWidth.Bytes;
    }
}
