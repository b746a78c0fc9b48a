using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Switcher;

/// <content>Pushing a frame onto the Guest's stack and entering its handler.</content>
internal sealed unsafe partial class InterruptsAndTraps
{
    private const uint InterruptFlag = LguestData.InterruptFlag;

    /// <summary>
    /// push_guest_stack: one word onto ss:esp, as the supervisor and through the Guest's page tables. (The original walked
    /// one physical cursor down, and got it wrong where a frame crosses into a page that lies elsewhere.)
    /// </summary>
    /// <returns>False: no such stack, and the Guest is dead. Silicon would call it a double fault.</returns>
    private bool PushGuestStack(uint value)
    {
        bool big = (GuestCpu.Segment(_cpu, Seg.Ss)->Attributes & SegmentRegister.Big) != 0;
        uint esp = _cpu->Gpr[Reg.Esp];
        uint offset = big ? esp - 4 : (esp - 4) & 0xFFFF;
        if (!Segments.Check(_cpu, Seg.Ss, offset, 4, write: true, out uint linear)
            || !ColdAccess.Write(_cpu, linear, 4, user: false, value))
        {
            _context.Kill($"Bad address {GuestContext.Hex(linear)}");
            return false;
        }

        _cpu->Gpr[Reg.Esp] = big ? offset : (esp & 0xFFFF0000) | offset;
        return true;
    }

    /// <summary>
    /// push_guest_interrupt_stack: [ss, esp,] eflags, cs, eip [, error code]. Coming from ring 3 the words go onto the stack
    /// that SET_STACK named; in the kernel they go onto the one in use.
    /// </summary>
    /// <remarks>
    /// The real IF is always 1. What the Guest reads in the frame is its own idea of it, from <c>irq_enabled</c>; so this comes
    /// before an interrupt gate clears that.
    /// </remarks>
    /// <param name="isFault">RF is pushed as 1 by a fault; by all others as it is (SDM vol. 3, §17.3.1.1).</param>
    /// <param name="hasErr">Is there an error code?</param>
    /// <param name="errorCode">Pushed last.</param>
    /// <returns>False if it cannot be done; ss, esp and CPL are then as before.</returns>
    private bool PushGuestInterruptStack(bool isFault, bool hasErr, uint errorCode)
    {
        SegmentRegister* stack = GuestCpu.Segment(_cpu, Seg.Ss);
        SegmentRegister oldSs = *stack;
        uint oldEsp = _cpu->Gpr[Reg.Esp];
        uint oldCpl = _cpu->Cpl;
        bool fromUser = oldCpl != GuestPl;
        if (fromUser && !SwitchToKernelStack())
        {
            return false;
        }

        _ = _data.TryRead(LguestData.IrqEnabled, out uint irqEnabled);
        uint eflags = (LazyFlags.Read(_cpu) & ~Eflags.Interrupt) | (irqEnabled & InterruptFlag);
        eflags |= isFault || _cpu->ResumeFlagAt == _cpu->Retired ? Eflags.Resume : 0;
        bool pushed = (!fromUser || (PushGuestStack(oldSs.Selector) && PushGuestStack(oldEsp)))
            && PushGuestStack(eflags)
            && PushGuestStack(GuestCpu.Segment(_cpu, Seg.Cs)->Selector)
            && PushGuestStack(_cpu->Eip)
            && (!hasErr || PushGuestStack(errorCode));
        if (!pushed)
        {
            *stack = oldSs;
            _cpu->Gpr[Reg.Esp] = oldEsp;
            _cpu->Cpl = oldCpl;
        }

        // A stack in device memory is nobody's idea of a block to be left.
        _cpu->Cut = default;
        return pushed;
    }

    /// <summary>Loads ss1:esp1 and ring 1. False if ss1 does not name a stack for ring 1 (silicon: #TS while delivering).</summary>
    private bool SwitchToKernelStack()
    {
        if (!Segments.TryDescriptor(_cpu, _cpu->Ss1, out ulong descriptor)
            || !Segments.IsCodeOrData(descriptor) || Segments.IsCode(descriptor) || !Segments.IsReadableOrWritable(descriptor)
            || Segments.Dpl(descriptor) != GuestPl || !Segments.IsPresent(descriptor))
        {
            return false;
        }

        Segments.SetHidden(_cpu, Seg.Ss, _cpu->Ss1, descriptor);
        _cpu->Gpr[Reg.Esp] = _cpu->Esp1;
        _cpu->Cpl = GuestPl;
        return true;
    }

    /// <summary>
    /// guest_run_interrupt: continue at the handler. An interrupt gate "disables interrupts": in memory, where lguest keeps
    /// that; the real IF stays set.
    /// </summary>
    /// <remarks>
    /// The original began with "if ss is not in ring 1, ss = esp1", a stack <i>pointer</i> into a segment register. It never
    /// ran with any Guest that had said SET_STACK, and is not here.
    /// </remarks>
    private bool GuestRunInterrupt(uint lo, uint hi)
    {
        Segments.SetHidden(_cpu, Seg.Cs, KernelCs, _cpu->Gdt[KernelCsEntry]);
        _cpu->Cpl = GuestPl;
        _cpu->Eip = IdtAddress(lo, hi);
        _cpu->SystemFlags &= ~FlagsClearedOnEntry;
        Segments.UpdateMode(_cpu);
        _context.Machine.Mmu.Activate(_cpu);
        return IdtType(lo, hi) != InterruptGate || _data.Write(LguestData.IrqEnabled, 0, "Disabling interrupts");
    }

    /// <summary>Frame and handler, or neither.</summary>
    private bool EnterGate(uint lo, uint hi, bool isFault, bool hasErr, uint errorCode) =>
        HasKernelCode() && PushGuestInterruptStack(isFault, hasErr, errorCode) && GuestRunInterrupt(lo, hi);

    /// <summary>A Guest may load nonsense into GDT entry 12; then no handler can be entered any more.</summary>
    private bool HasKernelCode()
    {
        ulong descriptor = _cpu->Gdt[KernelCsEntry];
        return Segments.IsCode(descriptor) && Segments.IsPresent(descriptor) && Segments.Dpl(descriptor) == GuestPl;
    }

    /// <summary>
    /// restore_eflags: at <c>noirq_iret</c> the interrupted context's flags are not in the register but in the third word of
    /// the frame that the <c>iret</c> was about to pop.
    /// </summary>
    /// <remarks>The bits that never change here (IF, IOPL, VM) stay as they are; the original trusted the Guest with them.</remarks>
    private bool RestoreEflags()
    {
        const uint Loadable = Eflags.Direction | Eflags.AlignmentCheck | Eflags.Identification;
        uint address = GuestCpu.Segment(_cpu, Seg.Ss)->Base + _cpu->Gpr[Reg.Esp] + 8;
        if (!ColdAccess.Read(_cpu, address, 4, user: false, out uint eflags))
        {
            _context.Kill($"Bad address {GuestContext.Hex(address)}");
            return false;
        }

        LazyFlags.Set(_cpu, eflags);
        _cpu->SystemFlags = Eflags.Fixed | Eflags.Interrupt | (eflags & Loadable);
        return true;
    }

    /// <summary>has_err: does the CPU push an error code for this trap?</summary>
    public static bool HasErr(int num) => num is 8 or (>= 10 and <= 14) or 17;

    /// <summary>
    /// deliver_trap: sends an exception, or an <c>int n</c> that was allowed, to the Guest's handler. The virtual interrupt flag
    /// has no say in it.
    /// </summary>
    /// <param name="num">The vector.</param>
    /// <param name="errorCode">Of vectors that have one.</param>
    /// <param name="isFault">It is about an instruction that has not been completed.</param>
    /// <returns>False if there is no handler, or none that can be reached: the caller kills.</returns>
    public bool DeliverTrap(int num, uint errorCode = 0, bool isFault = false)
    {
        if ((uint)num >= IdtEntries)
        {
            return false;
        }

        (uint lo, uint hi) = Gate(num);
        (uint from, uint fromRing) = (_cpu->Eip, _cpu->Cpl);
        if (!IdtPresent(lo, hi) || !EnterGate(lo, hi, isFault, HasErr(num), errorCode))
        {
            return false;
        }

        _context.Statistics.TrapsByVector[num]++;
        Observer?.Delivered(new TrapRecord(
            num, IsInterrupt: false, HasErr(num) ? errorCode : null, num == Vectors.PageFault ? _cpu->FaultAddress : null, from, fromRing, _cpu->Eip));
        return true;
    }

    private (uint Low, uint High) Gate(int num) => ((uint)_cpu->Idt[num], (uint)(_cpu->Idt[num] >> 32));
}
