using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Segmentation;

/// <summary>
/// The checks of far transfers (SDM vol. 2, CALL, JMP, RET, IRET; vol. 3, §5.8). All checks come before any change.
/// Gates, task switches and the LDT have no meaning under lguest, so selectors of system descriptors are #GP(selector).
/// </summary>
internal static unsafe class FarTransfers
{
    /// <summary>Checks the target of a far CALL or JMP. The selector to load has RPL = CPL.</summary>
    public static bool CheckTarget(GuestCpu* cpu, uint selector, uint offset, out ulong descriptor)
    {
        uint error = selector & 0xFFFC;
        descriptor = 0;
        if (error == 0)
        {
            return Fault.GeneralProtection(cpu);
        }

        if (!Segments.TryDescriptor(cpu, selector, out descriptor) || !Segments.IsCode(descriptor))
        {
            return Fault.GeneralProtection(cpu, error);
        }

        uint dpl = (uint)Segments.Dpl(descriptor);
        bool allowed = Segments.IsConforming(descriptor) ? dpl <= cpu->Cpl : (selector & 3) <= cpu->Cpl && dpl == cpu->Cpl;
        if (!allowed)
        {
            return Fault.GeneralProtection(cpu, error);
        }

        if (!Segments.IsPresent(descriptor))
        {
            return Fault.Raise(cpu, Vectors.SegmentNotPresent, error);
        }

        return offset <= Segments.Limit(descriptor) || Fault.GeneralProtection(cpu);
    }

    /// <summary>Goes to a target that <see cref="CheckTarget"/> has let pass; CPL stays.</summary>
    public static void Enter(GuestCpu* cpu, uint selector, uint offset, ulong descriptor)
    {
        Segments.SetHidden(cpu, Seg.Cs, (selector & 0xFFFC) | cpu->Cpl, descriptor);
        cpu->Eip = offset;
        Segments.UpdateMode(cpu);
    }

    /// <summary>Checks the code segment that a RET or IRET returns to, but for the limit.</summary>
    public static bool CheckReturn(GuestCpu* cpu, uint selector, out ulong descriptor)
    {
        uint error = selector & 0xFFFC;
        uint rpl = selector & 3;
        descriptor = 0;
        if (error == 0)
        {
            return Fault.GeneralProtection(cpu);
        }

        if (!Segments.TryDescriptor(cpu, selector, out descriptor) || !Segments.IsCode(descriptor) || rpl < cpu->Cpl)
        {
            return Fault.GeneralProtection(cpu, error);
        }

        uint dpl = (uint)Segments.Dpl(descriptor);
        if (Segments.IsConforming(descriptor) ? dpl > rpl : dpl != rpl)
        {
            return Fault.GeneralProtection(cpu, error);
        }

        return Segments.IsPresent(descriptor) || Fault.Raise(cpu, Vectors.SegmentNotPresent, error);
    }

    /// <summary>#GP(0) for an eip beyond the limit of its code segment.</summary>
    public static bool CheckLimit(GuestCpu* cpu, ulong descriptor, uint offset) =>
        offset <= Segments.Limit(descriptor) || Fault.GeneralProtection(cpu);

    /// <summary>Checks the stack segment that a return to an outer ring brings along.</summary>
    public static bool CheckOuterStack(GuestCpu* cpu, uint selector, uint newCpl, out ulong descriptor)
    {
        uint error = selector & 0xFFFC;
        descriptor = 0;
        if (error == 0)
        {
            return Fault.GeneralProtection(cpu);
        }

        if (!Segments.TryDescriptor(cpu, selector, out descriptor) || (selector & 3) != newCpl
            || !Segments.IsCodeOrData(descriptor) || Segments.IsCode(descriptor) || !Segments.IsReadableOrWritable(descriptor)
            || (uint)Segments.Dpl(descriptor) != newCpl)
        {
            return Fault.GeneralProtection(cpu, error);
        }

        return Segments.IsPresent(descriptor) || Fault.Raise(cpu, Vectors.StackFault, error);
    }

    /// <summary>Returns within the ring; the caller moves the stack pointer.</summary>
    public static void ReturnSame(GuestCpu* cpu, uint selector, uint offset, ulong code)
    {
        Segments.SetHidden(cpu, Seg.Cs, selector, code);
        cpu->Eip = offset;
    }

    /// <summary>Returns to an outer ring, everything having been checked.</summary>
    /// <param name="cpu">CPL becomes the RPL of the code selector.</param>
    /// <param name="codeSelector">To CS.</param>
    /// <param name="offset">To eip.</param>
    /// <param name="code">Descriptor of CS.</param>
    /// <param name="stackSelector">To SS.</param>
    /// <param name="stackPointer">To ESP, or to SP alone if the new stack is a 16-bit one: that ESP's upper half shines through is
    /// why Linux has an "ESPFIX".</param>
    /// <param name="stack">Descriptor of SS.</param>
    public static void ReturnOuter(
        GuestCpu* cpu, uint codeSelector, uint offset, ulong code, uint stackSelector, uint stackPointer, ulong stack)
    {
        cpu->Cpl = codeSelector & 3;
        Segments.SetHidden(cpu, Seg.Cs, codeSelector, code);
        Segments.SetHidden(cpu, Seg.Ss, stackSelector, stack);
        cpu->Eip = offset;
        bool wide = (GuestCpu.Segment(cpu, Seg.Ss)->Attributes & SegmentRegister.Big) != 0;
        cpu->Gpr[Reg.Esp] = wide ? stackPointer : (cpu->Gpr[Reg.Esp] & 0xFFFF0000) | (stackPointer & 0xFFFF);
        Relinquish(cpu, Seg.Es);
        Relinquish(cpu, Seg.Fs);
        Relinquish(cpu, Seg.Gs);
        Relinquish(cpu, Seg.Ds);
        Segments.UpdateMode(cpu);
        GuestMachine.Of(cpu).Mmu.Activate(cpu);
    }

    /// <summary>Takes away a segment that the outer ring could not have loaded itself.</summary>
    public static void Relinquish(GuestCpu* cpu, int number)
    {
        SegmentRegister* register = GuestCpu.Segment(cpu, number);
        const ushort ConformingCode = SegmentRegister.Code | SegmentRegister.ExpandDownOrConforming;
        if ((register->Attributes & ConformingCode) != ConformingCode && (uint)register->Dpl < cpu->Cpl)
        {
            Segments.SetNull(cpu, number, 0);
        }
    }
}
