using Lguest.Jit.Core.State;

namespace Lguest.Jit.Switcher;

/// <content>
/// What the engines may deliver without us: the rules are here, the table they are written into is
/// <see cref="DirectTrapState"/>.
/// </content>
internal sealed unsafe partial class InterruptsAndTraps
{
    /// <summary>Of <c>lguest_data</c>, from irq_enabled to the end of cr2: what delivery itself reads and writes.</summary>
    private const uint DirectDataBytes = LguestData.Cr2 + 4;

    private const uint LineBytes = 64;

    /// <summary>
    /// Does the code that traps deliver by itself? Not if somebody watches what is delivered: he sits in the Switcher.
    /// </summary>
    /// <remarks>
    /// Deterministic time has nothing against it. A delivered trap is no point where interrupts arrive; a hypercall and the noirq iret are, but
    /// only with something pending, and then they leave for the run loop; and who is due at a count finds the budget ending there.
    /// </remarks>
    public bool MayDeliverDirectly => _context.Options.DirectTraps && Observer == null;

    /// <summary>
    /// LGUEST_INIT has told us where <c>lguest_data</c> is: from now on translated code may touch its first words itself. Where they
    /// do not lie in one aligned piece, it may not; such a Guest goes through the Switcher.
    /// </summary>
    public void InitDirectTraps()
    {
        uint address = _data.Address;
        if (!MayDeliverDirectly || address % 4 != 0 || address % LineBytes > LineBytes - DirectDataBytes)
        {
            return;
        }

        // INIT has checked that the whole structure is in RAM, and RAM neither moves nor shrinks.
        byte* data = _context.Machine.Ram.Base + address;
        DirectTrapState* direct = &_cpu->Direct;
        direct->IrqEnabled = (uint*)(data + LguestData.IrqEnabled);
        direct->Cr2 = (uint*)(data + LguestData.Cr2);
        direct->CodeLines = _context.Machine.Mmu.Code.Lines(address >> 12);
        direct->CodeLineMask = 1UL << (int)((address & 0xFFF) / LineBytes);
        direct->LastFaultAt = -1;
        fixed (long* delivered = _context.Statistics.TrapsByVector)
        {
            // Pinned for its whole life, which is longer than the machine's run.
            direct->Delivered = delivered;
        }

        _idtChanged = true;

        // A frame goes through the soft TLB, where written pages are seen; these two words do not.
        _context.Machine.Mmu.Dirty?.KeepMarked(address >> 12);
    }

    /// <summary>One gate, as translated code wants it.</summary>
    private void SetDirectGate(int num)
    {
        (uint lo, uint hi) = Gate(num);
        ulong gate = 0;
        if (IdtPresent(lo, hi) && _cpu->Direct.Delivered != null)
        {
            if (DirectTrap(num))
            {
                gate |= DirectTrapState.GateAllowed | ((ulong)_gateDpl[num] << DirectTrapState.GateDplShift);
            }

            // Faults are the CPU's own: no privilege, and page faults too, since ours (device memory) have been sorted out before.
            if (num < Vectors.FirstExternal && num != Vectors.Hypercall)
            {
                gate |= DirectTrapState.GateTakesFaults;
            }

            if (gate != 0)
            {
                gate |= IdtAddress(lo, hi) | (IdtType(lo, hi) == InterruptGate ? DirectTrapState.GateDisables : 0);
            }
        }

        _cpu->Direct.Gates[num] = gate;
    }
}
