using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.SystemLevel;

/// <summary>
/// IRET and IRETD (SDM vol. 2) as rings 1 and 3 can use them. IF, IOPL, VM, VIF and VIP keep what they are.
/// RF is kept as a place, <see cref="GuestCpu.ResumeFlagAt"/>, since the very next instruction clears it.
/// </summary>
internal readonly unsafe struct InterruptReturn<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if ((cpu->SystemFlags & Eflags.NestedTask) != 0)
        {
            // A return to the task in the TSS's back link. That of lguest's TSS is 0, a null selector: #TS(0).
            return Fault.Raise(cpu, Vectors.InvalidTss);
        }

        if (!StackSlots.Read<TWidth>(cpu, 0, 0, out uint offset) || !StackSlots.Read<TWidth>(cpu, 1, 0, out uint selector)
            || !StackSlots.Read<TWidth>(cpu, 2, 0, out uint flags)
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
            Access.SetStackPointer(cpu, Access.StackOffset(cpu, 3 * (uint)TWidth.Bytes));
            FlagImage.Load<TWidth>(cpu, flags);
            Segments.UpdateMode(cpu);
        }
        else
        {
            if (!StackSlots.Read<TWidth>(cpu, 3, 0, out uint stackPointer) || !StackSlots.Read<TWidth>(cpu, 4, 0, out uint stackSelector)
                || !FarTransfers.CheckOuterStack(cpu, stackSelector & 0xFFFF, selector & 3, out ulong stack)
                || !FarTransfers.CheckLimit(cpu, code, offset))
            {
                return false;
            }

            FlagImage.Load<TWidth>(cpu, flags);
            FarTransfers.ReturnOuter(cpu, selector, offset, code, stackSelector & 0xFFFF, stackPointer, stack);
        }

        if ((flags & TWidth.Mask & Eflags.Resume) != 0)
        {
            cpu->ResumeFlagAt = Flow.RetiredBefore(cpu, op) + 1;
        }

        if (op->Eip == cpu->NoirqIret && Volatile.Read(ref cpu->PendingInterrupts) != 0)
        {
            // What was put off while eip stood at this iret (design §12.4) is due now.
            cpu->Cut = ExitReason.NoirqIret;
        }

        return true;
    }
}
