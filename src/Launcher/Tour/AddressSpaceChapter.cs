using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Launcher.Tour.KernelAssembler;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>Two page directories with a kernel half in common: NEW_PGTABLE back and forth.</summary>
internal static class AddressSpaceChapter
{
    private const uint First = 0x0A0A0A0A;
    private const uint Second = 0x0B0B0B0B;

    public static void Emit(KernelAssembler k)
    {
        Assembler c = k.Asm;
        AssemblerMemoryOperand shown = Word(TourLayout.UserPrivate);
        uint ownEntry = TourLayout.Virtual(TourLayout.UserTable) + TourLayout.EntryOffset(TourLayout.UserPrivate);
        uint otherEntry = TourLayout.Virtual(TourLayout.SecondUserTable) + TourLayout.EntryOffset(TourLayout.UserPrivate);

        // A copy of the directory in which one user slot has a table of its own.
        c.mov(esi, TourLayout.Virtual(TourLayout.PageDirectory));
        c.mov(edi, TourLayout.Virtual(TourLayout.SecondDirectory));
        c.mov(ecx, 1024);
        c.rep.movsd();
        c.mov(Word(TourLayout.Virtual(TourLayout.SecondDirectory) + TourLayout.SlotOffset(TourLayout.UserPrivate)), TourLayout.SecondUserTable | 0x067);
        c.mov(Word(TourLayout.Virtual(TourLayout.ScratchPage)), First);
        c.mov(Word(TourLayout.Virtual(TourLayout.ScratchPage2)), Second);
        c.mov(Word(ownEntry), TourLayout.ScratchPage | 0x007);
        c.mov(Word(otherEntry), TourLayout.ScratchPage2 | 0x007);

        k.Expect("the page in the first directory", shown, First);
        k.Hypercall(HypercallNumber.NewPageTable, TourLayout.SecondDirectory);
        k.Expect("the page in the second directory", shown, Second);
        k.Hypercall(HypercallNumber.NewPageTable, TourLayout.PageDirectory);
        k.Expect("the page in the first directory again", shown, First);
        k.Report("NEW_PGTABLE: two page directories show different pages at one address");

        // SET_PTE names the directory that it is about; it need not be the one in force.
        k.Hypercall(HypercallNumber.NewPageTable, TourLayout.SecondDirectory);
        c.mov(Word(ownEntry), TourLayout.ScratchPage2 | 0x007);
        k.Hypercall(HypercallNumber.SetPte, TourLayout.PageDirectory, TourLayout.UserPrivate, TourLayout.ScratchPage2 | 0x007);
        c.mov(Word(otherEntry), TourLayout.ScratchPage | 0x007);
        k.Hypercall(HypercallNumber.SetPte, TourLayout.SecondDirectory, TourLayout.UserPrivate, TourLayout.ScratchPage | 0x007);
        k.Expect("the page in the second directory, changed", shown, First);
        k.Hypercall(HypercallNumber.NewPageTable, TourLayout.PageDirectory);
        k.Expect("the page in the first directory, changed while away", shown, Second);
        k.Report("SET_PTE reaches the directory it names, also while another is in force");

        // Queued, NEW_PGTABLE waits for the flush, and what is in between still sees the old tables.
        k.QueueHypercall(HypercallNumber.NewPageTable, TourLayout.SecondDirectory);
        k.Expect("the page before the flush", shown, Second);
        k.Hypercall(HypercallNumber.FlushAsync);
        k.Expect("the page after the flush", shown, First);
        k.Hypercall(HypercallNumber.NewPageTable, TourLayout.PageDirectory);
        k.Report("a queued NEW_PGTABLE takes effect at the flush");
    }
}
