using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Launcher.Tour.KernelAssembler;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>When an interrupt comes, and when it must not (ABI sheet §5.3 to §5.6).</summary>
internal static class InterruptsChapter
{
    private const uint Soon = 1_000;
    private const uint HalfAMillisecond = 500_000;

    /// <summary>Rounds of a loop in which the Host should have come: a few seconds of translated code, for the clock's thread may have to wait for a turn, too.</summary>
    private const int Patience = 2_000_000_000;

    public static void Emit(KernelAssembler k)
    {
        k.Asm.mov(Word(GuestLguestData.BlockedInterrupts), 0);
        EmitHalt(k);
        EmitSpin(k);
        EmitMasked(k);
        EmitRefused(k);
        EmitNotQuiteEnabled(k);
        EmitOrder(k);
        EmitReturn(k);
    }

    public static void EmitRoutines(KernelAssembler k)
    {
        Assembler c = k.Asm;
        CodeLabel done = k.NewLabel();

        // The Host looks after each hypercall whether it can deliver, and says in irq_pending that it wanted to.
        k.Mark(k.WaitRefused);
        c.mov(ecx, Patience / 100);
        CodeLabel next = k.Here();
        k.Hypercall(HypercallNumber.FlushAsync);
        c.cmp(Word(GuestLguestData.IrqPending), 0x200);
        c.je(done);
        c.dec(ecx);
        c.jne(next);
        c.xor(eax, eax);
        k.ExpectNotZero("irq_pending while an interrupt waits");
        k.Mark(done);
        c.ret();
    }

    /// <summary>Switches interrupts off, forgets the log, and raises the timer so that it has been refused.</summary>
    public static void EmitPendingTimer(KernelAssembler k)
    {
        Assembler c = k.Asm;
        c.mov(Word(GuestLguestData.IrqEnabled), 0);
        c.mov(Word(GuestLguestData.IrqPending), 0);
        c.mov(Word(TourVariable.LogCount), 0);
        k.Hypercall(HypercallNumber.SetClockEvent, Soon);
        c.call(k.WaitRefused);
        k.Expect("interrupts while they are off", Word(TourVariable.LogCount), 0);
    }

    private static void EmitHalt(KernelAssembler k)
    {
        Assembler c = k.Asm;
        c.mov(Word(GuestLguestData.IrqEnabled), 0);
        c.mov(Word(TourVariable.LogCount), 0);
        k.Hypercall(HypercallNumber.SetClockEvent, HalfAMillisecond);
        k.Hypercall(HypercallNumber.Halt);
        CodeLabel woken = k.Here();
        c.mov(ebx, esp);
        ExpectOne(k, 32, TourLayout.KernelCode, k.AddressOf(woken));
        Logged(k, "irq_enabled in the handler", LogEntry.IrqEnabled, 0);
        c.mov(eax, Word(LogEntry.Of(0, LogEntry.Esp)));
        k.Expect("esp under the frame", eax, ebx);
        c.mov(eax, Word(GuestLguestData.IrqEnabled));
        c.and(eax, 0x200);
        k.Expect("irq_enabled after HALT", eax, 0x200);
        k.Report("SET_CLOCKEVENT, HALT: woken by the timer, vector 32, at ", LinePart.Hex(LogEntry.Of(0, LogEntry.Eip)));
    }

    /// <summary>No hypercall, no port, only a loop: the Host has to come by itself.</summary>
    private static void EmitSpin(KernelAssembler k)
    {
        Assembler c = k.Asm;
        CodeLabel came = k.NewLabel();
        c.mov(Word(GuestLguestData.IrqEnabled), 0x200);
        c.mov(Word(TourVariable.LogCount), 0);
        k.Hypercall(HypercallNumber.SetClockEvent, HalfAMillisecond);
        c.mov(eax, Patience);
        CodeLabel wait = k.Here();
        c.cmp(Word(TourVariable.LogCount), 0);
        c.jne(came);
        c.dec(eax);
        c.jne(wait);
        k.Mark(came);
        c.nop();
        k.ExpectNotZero("the timer comes while we spin");
        Logged(k, "vector", LogEntry.Vector, 32);
        k.Report("the timer interrupts a loop that never leaves the Guest");
    }

    private static void EmitMasked(KernelAssembler k)
    {
        Assembler c = k.Asm;
        CodeLabel came = k.NewLabel();
        c.mov(Word(GuestLguestData.BlockedInterrupts), 1);
        c.mov(Word(GuestLguestData.IrqEnabled), 0x200);
        c.mov(Word(TourVariable.LogCount), 0);
        k.Hypercall(HypercallNumber.SetClockEvent, Soon);
        c.mov(ecx, 100);
        CodeLabel ask = k.Here();
        c.mov(edx, 2_000);
        CodeLabel idle = k.Here();
        c.dec(edx);
        c.jne(idle);
        k.Hypercall(HypercallNumber.FlushAsync);
        c.dec(ecx);
        c.jne(ask);
        k.Expect("interrupts while masked", Word(TourVariable.LogCount), 0);

        // Unmasking is a plain store, as after every interrupt of a level-triggered line; nobody tells the Host.
        c.and(Word(GuestLguestData.BlockedInterrupts), ~1);
        c.mov(eax, Patience);
        CodeLabel wait = k.Here();
        c.cmp(Word(TourVariable.LogCount), 0);
        c.jne(came);
        c.dec(eax);
        c.jne(wait);
        k.Mark(came);
        c.nop();
        k.ExpectNotZero("a masked interrupt comes once it is unmasked");
        k.Expect("interrupts after unmasking", Word(TourVariable.LogCount), 1);
        k.Report("masked in blocked_interrupts it waits; it comes when a store to memory unmasks it");
    }

    private static void EmitRefused(KernelAssembler k)
    {
        Assembler c = k.Asm;
        EmitPendingTimer(k);
        c.mov(Word(GuestLguestData.IrqEnabled), 0x200);
        k.Hypercall(HypercallNumber.SendInterrupts);
        CodeLabel after = k.Here();
        c.nop();
        ExpectOne(k, 32, TourLayout.KernelCode, k.AddressOf(after));
        k.Expect("irq_pending when none waits any more", Word(GuestLguestData.IrqPending), 0);
        k.Report("refused while irq_enabled is 0, announced in irq_pending, delivered by SEND_INTERRUPTS");
    }

    /// <summary>
    /// What an exception taken with interrupts off leaves in irq_enabled: EFLAGS without IF, but not 0. lguest took it for
    /// enabled; bit 9 is what counts.
    /// </summary>
    private static void EmitNotQuiteEnabled(KernelAssembler k)
    {
        Assembler c = k.Asm;
        c.mov(Word(GuestLguestData.IrqEnabled), 0x46);
        c.mov(Word(GuestLguestData.IrqPending), 0);
        c.mov(Word(TourVariable.LogCount), 0);
        k.Hypercall(HypercallNumber.SetClockEvent, Soon);
        c.call(k.WaitRefused);
        k.Expect("interrupts while irq_enabled is 0x46", Word(TourVariable.LogCount), 0);
        c.mov(Word(GuestLguestData.IrqEnabled), 0x200);
        k.Hypercall(HypercallNumber.SendInterrupts);
        k.Expect("interrupts once enabled", Word(TourVariable.LogCount), 1);
        k.Report("an irq_enabled of 0x46 is not enabled: only bit 9 counts");
    }

    /// <summary>Console and timer both wait: the lower number first, one at a time.</summary>
    private static void EmitOrder(KernelAssembler k)
    {
        Assembler c = k.Asm;
        c.mov(Word(GuestLguestData.IrqEnabled), 0);
        c.mov(Word(GuestLguestData.IrqPending), 0);
        c.mov(Word(TourVariable.LogCount), 0);
        c.mov(__word_ptr[ConsoleChapter.AvailableFlags], 0);
        k.Report("the console interrupts too, if asked to: this line raised IRQ 1, and it waits");
        c.mov(__word_ptr[ConsoleChapter.AvailableFlags], 1);
        c.call(k.WaitRefused);
        c.mov(Word(GuestLguestData.BlockedInterrupts), 2);
        c.mov(Word(GuestLguestData.IrqPending), 0);
        k.Hypercall(HypercallNumber.SetClockEvent, Soon);
        c.call(k.WaitRefused);
        c.mov(Word(GuestLguestData.BlockedInterrupts), 0);
        k.Expect("interrupts while they are off", Word(TourVariable.LogCount), 0);
        c.mov(Word(GuestLguestData.IrqEnabled), 0x200);
        k.Hypercall(HypercallNumber.SendInterrupts);
        CodeLabel after = k.Here();
        c.nop();
        k.Expect("interrupts delivered", Word(TourVariable.LogCount), 2);
        k.Expect("the first vector", Word(LogEntry.Of(0, LogEntry.Vector)), 32);
        k.Expect("irq_pending while the second waits", Word(LogEntry.Of(0, LogEntry.IrqPending)), 0x200);
        k.Expect("the second vector", Word(LogEntry.Of(1, LogEntry.Vector)), 33);
        k.Expect("irq_pending in the second", Word(LogEntry.Of(1, LogEntry.IrqPending)), 0);
        foreach (int entry in new[] { 0, 1 })
        {
            k.Expect("saved eip", Word(LogEntry.Of(entry, LogEntry.Eip)), k.AddressOf(after));
        }

        k.Report("IRQ 0 and IRQ 1 wait: timer first (vector 32), console next (33), one frame each, of the same eip");
    }

    /// <summary>Design §12.4, within ring 1; the user mode chapter does it across rings.</summary>
    private static void EmitReturn(KernelAssembler k)
    {
        Assembler c = k.Asm;
        CodeLabel target = k.NewLabel();
        EmitPendingTimer(k);
        c.mov(ebx, esp);
        c.push(0x246);
        c.push(TourLayout.KernelCode);
        c.push(k.AddressOf(target));
        c.jmp(k.VirtualIret);
        k.Mark(target);
        c.nop();
        ExpectOne(k, 32, TourLayout.KernelCode, k.AddressOf(target));
        Logged(k, "saved eflags", LogEntry.Flags, 0x246);
        c.mov(eax, Word(LogEntry.Of(0, LogEntry.Esp)));
        k.Expect("esp under the frame", eax, ebx);
        c.mov(eax, esp);
        k.Expect("esp after it all", eax, ebx);
        k.Report("an iret at noirq_iret lets a waiting interrupt in right behind it: one frame, of ", LinePart.Hex(LogEntry.Of(0, LogEntry.Eip)));
    }

    /// <summary>Exactly one interrupt came, of this vector, and its frame says so.</summary>
    public static void ExpectOne(KernelAssembler k, uint vector, uint cs, uint eip)
    {
        k.Expect("interrupts delivered", Word(TourVariable.LogCount), 1);
        Logged(k, "vector", LogEntry.Vector, vector);
        Logged(k, "saved cs", LogEntry.Cs, cs);
        Logged(k, "saved eip", LogEntry.Eip, eip);
        k.Asm.mov(eax, Word(LogEntry.Of(0, LogEntry.Flags)));
        k.Asm.and(eax, 0x200);
        k.Expect("IF in the frame of the interrupt", eax, 0x200);

        // And no second one, now that interrupts are on and the Host has been given every occasion.
        k.Hypercall(HypercallNumber.FlushAsync);
        k.Expect("interrupts delivered in the end", Word(TourVariable.LogCount), 1);
    }

    public static void Logged(KernelAssembler k, string what, uint field, uint expected) =>
        k.Expect($"{what} of the interrupt", Word(LogEntry.Of(0, field)), expected);
}
