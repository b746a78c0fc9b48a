using System.Runtime.InteropServices;

namespace Lguest.Jit.Core.State;

/// <summary>
/// What a trap needs that is delivered without the Switcher: the gates that may be used so, where the virtual interrupt flag
/// lies, and the segment registers that entering and leaving the kernel loads, ready made.
/// </summary>
/// <remarks>
/// The gates and the two pointers are the Switcher's to fill, by its rules; all zero means that every trap goes through it.
/// The ready-made segment registers are notes of <see cref="Traps.DirectTraps"/> about descriptors it has looked at, and are
/// good only while the Guest's GDT still says the same: they carry the descriptor they came from, so nobody has to tell us
/// when the Guest changes it.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct DirectTrapState
{
    /// <summary>By vector: the handler's address in the low half, <see cref="GateAllowed"/> and friends in the high one; 0: not direct.</summary>
    public fixed ulong Gates[256];

    /// <summary>In a gate: it is present, and lguest's direct_trap lets software interrupts use it.</summary>
    public const ulong GateAllowed = 1UL << 32;

    /// <summary>In a gate: entering it "disables interrupts", in <c>lguest_data.irq_enabled</c>.</summary>
    public const ulong GateDisables = 1UL << 33;

    /// <summary>In a gate: a fault of ring 3 may be delivered through it, whether or not <c>int n</c> may use it.</summary>
    public const ulong GateTakesFaults = 1UL << 34;

    /// <summary>In a gate: where its DPL stands.</summary>
    public const int GateDplShift = 40;

    /// <summary>
    /// Host address of <c>lguest_data.irq_enabled</c>, all four bytes in RAM and in one 64-byte line; null before LGUEST_INIT, or where
    /// that is not so. RAM never moves or shrinks while the machine lives.
    /// </summary>
    public uint* IrqEnabled;

    /// <summary>Code lines of the frame that <see cref="IrqEnabled"/> is in: a store to it must be announced if it shares one with code.</summary>
    public ulong* CodeLines;

    /// <summary>The bit of <see cref="CodeLines"/> that is about <see cref="IrqEnabled"/>.</summary>
    public ulong CodeLineMask;

    /// <summary>Host address of <c>lguest_data.cr2</c>, under the same conditions; null if faults are not delivered directly.</summary>
    public uint* Cr2;

    /// <summary>Deliveries by vector, 256 of them; the Switcher's own counters. Never null while a gate is set.</summary>
    public long* Delivered;

    /// <summary>Bit n: hypercall n may be made by <see cref="Execution.IQuickHypercalls"/>; 0: they all go to the Switcher.</summary>
    public uint QuickHypercalls;

    /// <summary>GDT entry 12 as <see cref="KernelCs"/> was made of it; 0: not known to be good.</summary>
    public ulong KernelCodeDescriptor;

    /// <summary>The descriptor that ss1 named when <see cref="KernelSs"/> was made of it.</summary>
    public ulong KernelStackDescriptor;

    /// <summary>GDT entry of the code segment that <see cref="UserCs"/> was made of; 0: not known to be good.</summary>
    public ulong UserCodeDescriptor;

    /// <summary>GDT entry of the stack segment that <see cref="UserSs"/> was made of.</summary>
    public ulong UserStackDescriptor;

    /// <summary>CS of a handler: flat, 32 bits, ring 1.</summary>
    public SegmentRegister KernelCs;

    /// <summary>SS of a handler entered from ring 3: flat, 32 bits, ring 1.</summary>
    public SegmentRegister KernelSs;

    /// <summary>CS that the last iret to ring 3 loaded: flat, 32 bits.</summary>
    public SegmentRegister UserCs;

    /// <summary>SS that the last iret to ring 3 loaded: flat, 32 bits.</summary>
    public SegmentRegister UserSs;

    /// <summary>The instruction count at which a trap was last delivered, by whomever: a fault at the same count is the Switcher's to judge.</summary>
    public long LastFaultAt;
}
