using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Traps;

/// <summary>
/// lguest's own trick, carried further: a trap that the Guest may take by itself is delivered where it happens, without the
/// Switcher hearing of it. (lguest could do that for trap gates alone, since only the CPU clears IF for an interrupt gate; we
/// clear <c>irq_enabled</c> ourselves.)
/// </summary>
/// <remarks>
/// All of this is a short cut through <c>PushGuestInterruptStack</c> and <c>GuestRunInterrupt</c> of the Switcher for flat 32-bit
/// Guests whose stack page is warm in the soft TLB. Anything else (a cold or half-missing stack, TF, odd segments, a code line under
/// irq_enabled, no gate, no privilege) answers false with nothing changed, and the Switcher does it word by word.
/// </remarks>
internal static unsafe class DirectTraps
{
    /// <summary>The Guest's kernel runs in ring 1.</summary>
    private const uint KernelRing = 1;

    private const int KernelCsEntry = 12;

    /// <summary>__KERNEL_CS at GUEST_PL: where every gate leads.</summary>
    private const uint KernelCs = 0x61;

    /// <summary>As in the Switcher, the flags cleared when a handler is entered; TF is not among them, since a single-stepped trap is not ours.</summary>
    private const uint ClearedOnEntry = Eflags.Virtual8086 | Eflags.Resume | Eflags.NestedTask;

    /// <summary>
    /// Delivers vector <paramref name="vector"/> through its direct gate. On success eip is at the handler, tables and mode are the
    /// kernel's; the caller goes on there.
    /// </summary>
    /// <param name="cpu">Flags as translated code left them, or the interpreter.</param>
    /// <param name="vector">0..255.</param>
    /// <param name="need">Bits that the gate must have.</param>
    /// <param name="returnEip">What the frame says.</param>
    /// <param name="resume">RF in the frame: <see cref="Eflags.Resume"/> for a fault, 0 for what an instruction asked for.</param>
    /// <param name="errorCode">Pushed if <paramref name="hasErr"/>.</param>
    /// <param name="hasErr">Does the trap push an error code?</param>
    /// <returns>False: nothing has changed, the Switcher must do it.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryEnter(GuestCpu* cpu, int vector, ulong need, uint returnEip, uint resume, uint errorCode, bool hasErr)
    {
        ulong gate = cpu->Direct.Gates[vector];
        uint* irqEnabled = cpu->Direct.IrqEnabled;
        if ((gate & need) == 0 || irqEnabled == null || (cpu->SystemFlags & Eflags.Trap) != 0)
        {
            return false;
        }

        if ((gate & DirectTrapState.GateDisables) != 0 && (*cpu->Direct.CodeLines & cpu->Direct.CodeLineMask) != 0)
        {
            // Somebody executes what is beside irq_enabled; the store would have to be announced.
            return false;
        }

        ulong code = cpu->Direct.KernelCodeDescriptor;
        if (code == 0 || cpu->Gdt[KernelCsEntry] != code)
        {
            return false;
        }

        // What irq_enabled is before a frame that may overlap it is written, as in the Switcher.
        uint image = DeferredFlags.Status(cpu) | (cpu->SystemFlags & ~Eflags.Interrupt) | (*irqEnabled & Eflags.Interrupt) | resume;
        uint size = hasErr ? 4u : 0;
        uint esp;
        ulong page;
        if (cpu->Mode == CpuMode.User)
        {
            uint ss1 = cpu->Ss1;
            ulong known = cpu->Direct.KernelStackDescriptor;
            if (known == 0 || ss1 != cpu->Direct.KernelSs.Selector || cpu->Gdt[(ss1 >> 3) & (GuestCpu.GdtEntries - 1)] != known)
            {
                return false;
            }

            esp = cpu->Esp1 - 20 - size;
            page = (cpu->WriteTable - AddressSpace.UserTableDistance)[esp >> 12];
            if (page == 0 || (esp & 0xFFF) > 0x1000 - 20 - size)
            {
                return false;
            }

            uint* frame = (uint*)(page + esp);
            SegmentRegister* stack = GuestCpu.Segment(cpu, Seg.Ss);
            if (hasErr)
            {
                *frame++ = errorCode;
            }

            frame[4] = stack->Selector;
            frame[3] = cpu->Gpr[Reg.Esp];
            frame[2] = image;
            frame[1] = GuestCpu.Segment(cpu, Seg.Cs)->Selector;
            frame[0] = returnEip;
            *stack = cpu->Direct.KernelSs;
            cpu->Cpl = KernelRing;
            cpu->ReadTable -= AddressSpace.UserTableDistance;
            cpu->WriteTable -= AddressSpace.UserTableDistance;

            // DS and ES were flat in the user's mode and have not changed, CS and SS are flat now.
            cpu->Mode = CpuMode.None;
        }
        else if (cpu->Mode == CpuMode.None)
        {
            esp = cpu->Gpr[Reg.Esp] - 12 - size;
            page = cpu->WriteTable[esp >> 12];
            if (page == 0 || (esp & 0xFFF) > 0x1000 - 12 - size)
            {
                return false;
            }

            uint* frame = (uint*)(page + esp);
            if (hasErr)
            {
                *frame++ = errorCode;
            }

            frame[2] = image;
            frame[1] = GuestCpu.Segment(cpu, Seg.Cs)->Selector;
            frame[0] = returnEip;
        }
        else
        {
            return false;
        }

        cpu->Gpr[Reg.Esp] = esp;
        *GuestCpu.Segment(cpu, Seg.Cs) = cpu->Direct.KernelCs;
        cpu->SystemFlags &= ~ClearedOnEntry;

        cpu->Eip = (uint)gate;
        if ((gate & DirectTrapState.GateDisables) != 0)
        {
            *irqEnabled = 0;
        }

        cpu->Direct.Delivered[vector]++;
        return true;
    }

    /// <summary>May <c>int n</c> at the current privilege use this gate? (Its DPL; SDM vol. 2, INT n.)</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MayUse(GuestCpu* cpu, int vector) =>
        ((cpu->Direct.Gates[vector] >> DirectTrapState.GateDplShift) & 3) >= cpu->Cpl;

    /// <summary>
    /// A fault has left the engine: can the Guest have it without anybody looking? Page faults with their address in cr2, and whatever
    /// ring 3 has done; but a #GP(0) in the kernel may be a port access, and a handler whose own first instruction faults is
    /// the Switcher's to count.
    /// </summary>
    /// <returns>True: delivered, go on at eip.</returns>
    public static bool TryDeliverFault(GuestCpu* cpu)
    {
        int vector = cpu->FaultVector;
        if (cpu->Direct.Cr2 == null || (uint)vector >= 32 || (cpu->Direct.Gates[vector] & DirectTrapState.GateTakesFaults) == 0
            || (vector == Vectors.GeneralProtection && cpu->Cpl != 3))
        {
            return false;
        }

        long now = cpu->Retired + cpu->RunBudget - cpu->BudgetLeft;
        if (now == cpu->Direct.LastFaultAt || (*cpu->Direct.CodeLines & cpu->Direct.CodeLineMask) != 0)
        {
            return false;
        }

        Learn(cpu);
        if (!TryEnter(cpu, vector, DirectTrapState.GateTakesFaults, cpu->Eip, Eflags.Resume, cpu->FaultErrorCode, HasErr(vector)))
        {
            return false;
        }

        if (vector == Vectors.PageFault)
        {
            *cpu->Direct.Cr2 = cpu->FaultAddress;
        }

        cpu->Direct.LastFaultAt = now;
        return true;
    }

    /// <summary>
    /// Looks at the descriptors that entering the kernel needs, and notes them if they are as we like them. To be called before a
    /// delivery is left to the Switcher: the next one may then be direct.
    /// </summary>
    public static void Learn(GuestCpu* cpu)
    {
        ulong code = cpu->Gdt[KernelCsEntry];
        if (code != cpu->Direct.KernelCodeDescriptor)
        {
            cpu->Direct.KernelCodeDescriptor = MakeFlat(KernelCs, code, wantCode: true, out cpu->Direct.KernelCs) ? code : 0;
        }

        if (Segments.TryDescriptor(cpu, cpu->Ss1, out ulong stack)
            && (stack != cpu->Direct.KernelStackDescriptor || cpu->Ss1 != cpu->Direct.KernelSs.Selector))
        {
            bool good = !Segments.IsIgnoredEntry((cpu->Ss1 & 0xFFFF) >> 3) && MakeFlat(cpu->Ss1, stack, wantCode: false, out cpu->Direct.KernelSs);
            cpu->Direct.KernelStackDescriptor = good ? stack : 0;
        }
    }

    /// <summary>Notes the segments that an iret to ring 3 has just loaded, if they are as we like them.</summary>
    public static void LearnReturn(GuestCpu* cpu)
    {
        SegmentRegister* code = GuestCpu.Segment(cpu, Seg.Cs);
        SegmentRegister* stack = GuestCpu.Segment(cpu, Seg.Ss);
        if (cpu->Mode == CpuMode.User && Segments.TryDescriptor(cpu, code->Selector, out ulong codeDescriptor)
            && Segments.TryDescriptor(cpu, stack->Selector, out ulong stackDescriptor)
            && !Segments.IsIgnoredEntry((uint)code->Selector >> 3) && !Segments.IsIgnoredEntry((uint)stack->Selector >> 3))
        {
            cpu->Direct.UserCs = *code;
            cpu->Direct.UserSs = *stack;
            cpu->Direct.UserCodeDescriptor = codeDescriptor;
            cpu->Direct.UserStackDescriptor = stackDescriptor;
        }
    }

    /// <summary>has_err: does the CPU push an error code for this trap?</summary>
    public static bool HasErr(int vector) => vector is 8 or (>= 10 and <= 14) or 17;

    /// <summary>A segment register made of a descriptor for ring 1; false unless it is flat, 32 bits wide, present, and a stack or code as wanted.</summary>
    private static bool MakeFlat(uint selector, ulong descriptor, bool wantCode, out SegmentRegister register)
    {
        register = new SegmentRegister
        {
            Selector = (ushort)selector,
            Base = Segments.Base(descriptor),
            Limit = Segments.Limit(descriptor),
            Attributes = (ushort)(Segments.Attributes(descriptor) | SegmentRegister.Accessed),
        };
        return Segments.IsCodeOrData(descriptor) && Segments.IsCode(descriptor) == wantCode && Segments.IsReadableOrWritable(descriptor)
            && Segments.Dpl(descriptor) == KernelRing && Segments.IsPresent(descriptor)
            && register.IsFlat && (register.Attributes & SegmentRegister.Big) != 0;
    }
}
