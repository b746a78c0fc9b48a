using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Interpreter.ControlFlow;
using Lguest.Jit.Core.Interpreter.SystemLevel;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Traps;

/// <summary>
/// The handlers of <c>int n</c>, <c>into</c>, <c>iret</c> and the hypercall: the quick way where there is one, else the way through the
/// Switcher. They end their block, and a link slot stands behind each for the block they mostly lead to.
/// </summary>
internal static unsafe class TrapHandlers
{
    /// <summary>What an iret image may not bring along on the quick way: it changes how instructions are run.</summary>
    private const uint SlowImage = Eflags.Trap | Eflags.NestedTask | Eflags.AlignmentCheck;

    private const uint QuickImage = Eflags.Direction | Eflags.AlignmentCheck | Eflags.Identification;

    /// <summary>__KERNEL_CS at GUEST_PL.</summary>
    private const ushort KernelCs = 0x61;

    /// <summary>INT n, INT3, INT1. Immediate: the vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* Interrupt(GuestCpu* cpu, Op* op)
    {
        int vector = (int)op->Immediate;
        return DirectTraps.MayUse(cpu, vector)
            && DirectTraps.TryEnter(cpu, vector, DirectTrapState.GateAllowed, op->NextEip, resume: 0, errorCode: 0, hasErr: false)
            ? FollowTo(cpu, (BlockLink*)(op + 1), cpu->Eip)
            : AskSwitcher(cpu, op, vector);
    }

    /// <summary>INTO: mostly nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* Overflow(GuestCpu* cpu, Op* op) => LazyFlags.Overflow(cpu) ? OverflowTaken(cpu, op) : Flow.Next(cpu, op);

    /// <summary>The hypercall: <c>int $31</c>. The link is to what follows it.</summary>
    /// <remarks>
    /// The call may have changed any mapping, which is why the link is followed as one to another page, even to the next instruction;
    /// and it is where interrupts are considered (design §12.5), so with one pending the Switcher has a look.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* Hypercall(GuestCpu* cpu, Op* op)
    {
        uint number = cpu->Gpr[Reg.Eax];
        if (number >= 32 || (cpu->Direct.QuickHypercalls & (1u << (int)number)) == 0 || cpu->Mode != CpuMode.None
            || (cpu->SystemFlags & Eflags.Trap) != 0)
        {
            return AskSwitcher(cpu, op, Vectors.Hypercall);
        }

        DeferredFlags.Settle(cpu);
        cpu->Eip = op->NextEip;
        SettleCount(cpu);
        bool stay = GuestMachine.Of(cpu).QuickHypercalls!.Make();

        // What the call wrote may have cut blocks; ours is over anyway, and links lead to heads that know.
        cpu->Cut = ExitReason.Continue;
        if (!stay || Volatile.Read(ref cpu->PendingInterrupts) != 0)
        {
            cpu->Exit = ExitReason.Attention;
            return null;
        }

        return Links.FollowFar(cpu, (BlockLink*)(op + 1));
    }

    /// <summary>IRETD: from a flat kernel to where the last one to ring 3 went, or within the ring.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* InterruptReturn(GuestCpu* cpu, Op* op)
    {
        uint esp = cpu->Gpr[Reg.Esp];
        ulong page = cpu->ReadTable[esp >> 12];
        if (cpu->Mode != CpuMode.None || page == 0 || (esp & 0xFFF) > 0x1000 - 12
            || (cpu->SystemFlags & (Eflags.Trap | Eflags.NestedTask)) != 0
            || (op->Eip == cpu->NoirqIret && Volatile.Read(ref cpu->PendingInterrupts) != 0))
        {
            return SlowReturn(cpu, op);
        }

        uint* frame = (uint*)(page + esp);
        uint flags = frame[2];
        ushort selector = (ushort)frame[1];
        if ((flags & SlowImage) != 0)
        {
            return SlowReturn(cpu, op);
        }

        if (selector == cpu->Direct.UserCs.Selector && (selector & 3) == 3)
        {
            if ((esp & 0xFFF) > 0x1000 - 20 || (ushort)frame[4] != cpu->Direct.UserSs.Selector)
            {
                return SlowReturn(cpu, op);
            }

            // Noted descriptors are of ring 3, so they are never 0. DS and ES keep being flat only if ring 3 may have them.
            const int RingThree = 3 << 5;
            SegmentRegister* es = GuestCpu.Segment(cpu, Seg.Es);
            if ((es->Attributes & GuestCpu.Segment(cpu, Seg.Ds)->Attributes & RingThree) != RingThree
                || cpu->Gdt[(selector >> 3) & (GuestCpu.GdtEntries - 1)] != cpu->Direct.UserCodeDescriptor
                || cpu->Gdt[(cpu->Direct.UserSs.Selector >> 3) & (GuestCpu.GdtEntries - 1)] != cpu->Direct.UserStackDescriptor)
            {
                return SlowReturn(cpu, op);
            }

            cpu->Gpr[Reg.Esp] = frame[3];
            *GuestCpu.Segment(cpu, Seg.Cs) = cpu->Direct.UserCs;
            *GuestCpu.Segment(cpu, Seg.Ss) = cpu->Direct.UserSs;
            cpu->Cpl = 3;
            SegmentRegister* fs = GuestCpu.Segment(cpu, Seg.Fs);
            SegmentRegister* gs = GuestCpu.Segment(cpu, Seg.Gs);
            if ((SegmentRegister.SelectorAndAttributes(fs) | SegmentRegister.SelectorAndAttributes(gs)) != 0)
            {
                // Else they are null already, as a kernel that gives a program back its own mostly leaves them.
                FarTransfers.Relinquish(cpu, Seg.Fs);
                FarTransfers.Relinquish(cpu, Seg.Gs);
            }

            cpu->ReadTable += AddressSpace.UserTableDistance;
            cpu->WriteTable += AddressSpace.UserTableDistance;
            cpu->Mode = CpuMode.User;
        }
        else if (selector == KernelCs && cpu->Direct.KernelCodeDescriptor != 0 && cpu->Gdt[KernelCs >> 3] == cpu->Direct.KernelCodeDescriptor)
        {
            cpu->Gpr[Reg.Esp] = esp + 12;
            *GuestCpu.Segment(cpu, Seg.Cs) = cpu->Direct.KernelCs;
        }
        else
        {
            return SlowReturn(cpu, op);
        }

        uint eip = frame[0];
        cpu->FlagsKind = FlagKind.Image;
        cpu->FlagsA = flags;
        cpu->FlagsB = ((flags >> 11) & 1) | (flags << 31);
        cpu->SystemFlags = (cpu->SystemFlags & ~QuickImage) | (flags & QuickImage);
        cpu->Eip = eip;
        if ((flags & Eflags.Resume) != 0)
        {
            cpu->ResumeFlagAt = Flow.RetiredBefore(cpu, op) + 1;
        }

        return Links.Jump(cpu, eip);
    }

    /// <summary>Goes to a block that is usually, but not always, the same: an inline cache of one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Op* FollowTo(GuestCpu* cpu, BlockLink* link, uint eip)
    {
        if (link->Eip == eip)
        {
            return Links.FollowFar(cpu, link);
        }

        link->Eip = eip;
        link->Target = null;
        return Links.Resolve(cpu, link);
    }

    /// <summary>So that Retired is exact for whoever reads it in the middle of a run.</summary>
    private static void SettleCount(GuestCpu* cpu)
    {
        cpu->Retired += cpu->RunBudget - cpu->BudgetLeft;
        cpu->RunBudget = cpu->BudgetLeft;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* AskSwitcher(GuestCpu* cpu, Op* op, int vector)
    {
        DeferredFlags.Settle(cpu);
        DirectTraps.Learn(cpu);
        _ = SoftwareInterrupts.Raise(cpu, op, vector);
        return Flow.Faulted(cpu, op);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* OverflowTaken(GuestCpu* cpu, Op* op)
    {
        if (DirectTraps.MayUse(cpu, Vectors.Overflow)
            && DirectTraps.TryEnter(cpu, Vectors.Overflow, DirectTrapState.GateAllowed, op->NextEip, resume: 0, errorCode: 0, hasErr: false))
        {
            cpu->BudgetLeft += op->Remaining - 1;
            return Flow.Dispatch(cpu);
        }

        return AskSwitcher(cpu, op, Vectors.Overflow);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* SlowReturn(GuestCpu* cpu, Op* op)
    {
        DeferredFlags.Settle(cpu);
        DirectTraps.Learn(cpu);
        if (!InterruptReturn<W32>.Execute(cpu, op))
        {
            return Flow.Faulted(cpu, op);
        }

        DirectTraps.LearnReturn(cpu);
        cpu->Exit = cpu->Cut;
        cpu->Cut = ExitReason.Continue;
        return null;
    }
}
