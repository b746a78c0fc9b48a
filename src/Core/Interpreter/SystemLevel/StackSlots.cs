using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.SystemLevel;

/// <summary>Several stack slots at once, for instructions that must do all of their work or none.</summary>
internal static unsafe class StackSlots
{
    /// <summary>Would <paramref name="count"/> pushes succeed? Faults as the first that would not.</summary>
    public static bool Probe<TWidth>(GuestCpu* cpu, int count)
        where TWidth : struct, IWidth
    {
        for (int i = 1; i <= count; i++)
        {
            if (!ProbeAt<TWidth>(cpu, Access.StackOffset(cpu, (uint)(-i * TWidth.Bytes))))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Would a write at SS:<paramref name="offset"/> succeed?</summary>
    public static bool ProbeAt<TWidth>(GuestCpu* cpu, uint offset)
        where TWidth : struct, IWidth =>
        Access.Linear(cpu, Seg.Ss, offset, (uint)TWidth.Bytes, write: true, out uint linear)
        && (Tlb.Write<TWidth>(cpu, linear) != null || ColdAccess.ProbeWrite(cpu, linear, TWidth.Bytes));

    /// <summary>Slot <paramref name="index"/> above the stack pointer, and <paramref name="extra"/> bytes; nothing moves.</summary>
    public static bool Read<TWidth>(GuestCpu* cpu, int index, uint extra, out uint value)
        where TWidth : struct, IWidth =>
        Access.Read<TWidth>(cpu, Seg.Ss, Access.StackOffset(cpu, (uint)(index * TWidth.Bytes) + extra), out value);
}
