using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Launcher.Tour.KernelAssembler;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>Ring 3, seen from the kernel: starts the parts of the user program, and checks what they leave behind.</summary>
internal static class UserChapter
{
    /// <summary>First word of the page that is copied on write.</summary>
    public const uint CowPattern = 0xC0C0_0000;

    /// <summary>Timer interrupts that the spinning program waits for.</summary>
    public const int Ticks = 5;

    private const uint TickNanoseconds = 300_000;

    public static void Emit(KernelAssembler k)
    {
        Assembler c = k.Asm;
        c.mov(Word(GuestLguestData.IrqEnabled), 0x200);
        k.RunUser(k.User.Entries[UserEntry.Segments], TourLayout.KernelData);

        // Its first instruction was a page fault, its first push another.
        c.mov(eax, Word(TourVariable.PageIns));
        k.ExpectNotZero("pages brought in for the user program");
        k.RunUser(k.User.Entries[UserEntry.Paging]);
        k.RunUser(k.User.Entries[UserEntry.Strings]);
        EmitCow(k);
        k.RunUser(k.User.Entries[UserEntry.TrapGate]);
        EmitReloadGate(k);
        k.RunUser(k.User.Entries[UserEntry.InterruptGate]);
        k.RunUser(k.User.Entries[UserEntry.Traps]);
        k.RunUser(k.User.Entries[UserEntry.Tls]);
        EmitSpin(k);
        EmitReturn(k);
        k.RunUser(k.User.Entries[UserEntry.Processor]);
    }

    private static void EmitCow(KernelAssembler k)
    {
        Assembler c = k.Asm;
        AssemblerMemoryOperand original = Word(TourLayout.Virtual(TourLayout.CowOriginal));
        c.mov(original, CowPattern);
        MapUser(k, TourLayout.UserCow, TourLayout.CowOriginal | 0x005);
        k.RunUser(k.User.Entries[UserEntry.Cow]);
        k.Expect("the original page", original, CowPattern);
    }

    private static void EmitReloadGate(KernelAssembler k)
    {
        (uint low, uint high) = TrapEntry.Gate(k.AddressOf(k.SyscallEntry), trapGate: false, 3);
        k.Hypercall(HypercallNumber.LoadIdtEntry, 0x80, low, high);
    }

    private static void EmitSpin(KernelAssembler k)
    {
        Assembler c = k.Asm;
        MapUser(k, TourLayout.UserTicks, TourLayout.TickPage | 0x005);
        c.mov(Word(TourLayout.Virtual(TourLayout.TickPage)), 0);
        c.mov(Word(TourVariable.LogCount), 0);
        c.mov(Word(TourVariable.TickPeriod), TickNanoseconds);

        // Off until the iret: then also the first tick, however soon it is due, comes in ring 3.
        c.mov(Word(GuestLguestData.IrqEnabled), 0);
        k.Hypercall(HypercallNumber.SetClockEvent, TickNanoseconds);
        k.RunUser(k.User.Entries[UserEntry.Spin]);
        c.mov(Word(TourVariable.TickPeriod), 0);
        k.Hypercall(HypercallNumber.SetClockEvent, 0);

        for (int i = 0; i < Ticks; i++)
        {
            k.Expect("vector of a tick", Word(LogEntry.Of(i, LogEntry.Vector)), 32);
            k.Expect("saved cs of a tick", Word(LogEntry.Of(i, LogEntry.Cs)), TourLayout.UserCode);
            k.Expect("saved ss of a tick", Word(LogEntry.Of(i, LogEntry.Ss)), TourLayout.UserDataSegment);
            k.Expect("saved esp of a tick", Word(LogEntry.Of(i, LogEntry.Esp)), TourLayout.UserStackTop);
        }

        k.Report($"a loop in ring 3 is interrupted {Ticks} times by a timer that its handler sets again");
    }

    /// <summary>
    /// Design §12.4: an interrupt waits, interrupts are off, and the way back to ring 3 turns them on without telling anybody.
    /// Exactly one frame has to arrive, of the context returned to: not of the kernel, whose stack is the user's by then.
    /// </summary>
    private static void EmitReturn(KernelAssembler k)
    {
        uint entry = k.User.Entries[UserEntry.Idle];
        InterruptsChapter.EmitPendingTimer(k);
        k.RunUser(entry);
        InterruptsChapter.ExpectOne(k, 32, TourLayout.UserCode, entry);
        InterruptsChapter.Logged(k, "saved esp", LogEntry.Esp, TourLayout.UserStackTop);
        InterruptsChapter.Logged(k, "saved ss", LogEntry.Ss, TourLayout.UserDataSegment);
        k.Report("back to ring 3 through noirq_iret with an interrupt waiting: one frame, of ring 3, at ", LinePart.Hex(LogEntry.Of(0, LogEntry.Eip)));
    }

    private static void MapUser(KernelAssembler k, uint address, uint entry)
    {
        k.Asm.mov(Word(TourLayout.Virtual(TourLayout.UserTable) + TourLayout.EntryOffset(address)), entry);
        k.Hypercall(HypercallNumber.SetPte, TourLayout.PageDirectory, address, entry);
    }
}
