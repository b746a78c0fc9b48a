using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Launcher.Tour.KernelAssembler;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>Page faults of ring 1, the accessed and dirty bits, and changes to page tables.</summary>
internal static class PagingChapter
{
    private const uint Pattern = 0x5EED1234;

    public static void Emit(KernelAssembler k)
    {
        Assembler c = k.Asm;
        c.mov(Word(GuestLguestData.IrqEnabled), 0x200);
        BootChapter.EmitDropIdentity(k);
        EmitFaults(k);
        EmitCrossing(k);
        EmitAccessedAndDirty(k);
        EmitRemap(k);
    }

    private static void EmitFaults(KernelAssembler k)
    {
        Assembler c = k.Asm;
        k.Provoke("page fault: null pointer read", 14, 0, static a => a.mov(eax, __dword_ptr[0]), address: 0);
        k.Provoke(
            "page fault: write to a hole", 14, 2, static a => a.mov(__dword_ptr[TourLayout.FixmapHole + 8], eax), address: TourLayout.FixmapHole + 8);

        // Linux's own test of the WP bit: a supervisor write to a read-only page.
        Map(k, TourLayout.FixmapReadOnly, TourLayout.ScratchPage | 0x001);
        c.mov(Word(TourLayout.Virtual(TourLayout.ScratchPage)), Pattern);
        k.Provoke(
            "page fault: ring 1 writes to a read-only page",
            14,
            3,
            static a => a.and(__dword_ptr[TourLayout.FixmapReadOnly], 0),
            address: TourLayout.FixmapReadOnly);
        k.Expect("the read-only page", Word(TourLayout.FixmapReadOnly), Pattern);
        c.mov(eax, TourLayout.FixmapHole);
        k.Provoke(
            "page fault: jump into a hole", 14, 0, static a => a.jmp(eax), eip: TourLayout.FixmapHole, address: TourLayout.FixmapHole);
    }

    /// <summary>A store that begins on a page and ends in a hole names the hole, and leaves the page alone.</summary>
    private static void EmitCrossing(KernelAssembler k)
    {
        Assembler c = k.Asm;
        const uint Last = TourLayout.FixmapHole - 2;
        Map(k, TourLayout.FixmapLast, TourLayout.ScratchPage2 | 0x003);
        c.mov(__word_ptr[Last], 0x7777);
        c.mov(eax, -1);
        k.Provoke("page fault: store across the end of a page", 14, 2, static a => a.mov(__dword_ptr[Last], eax), address: TourLayout.FixmapHole);
        c.movzx(eax, __word_ptr[Last]);
        k.Expect("the bytes before the hole", eax, 0x7777);
    }

    private static void EmitAccessedAndDirty(KernelAssembler k)
    {
        Assembler c = k.Asm;
        AssemblerMemoryOperand entry = Word(Entry(TourLayout.FixmapAlias));
        Map(k, TourLayout.FixmapAlias, TourLayout.ScratchPage | 0x003);
        k.Expect("a fresh entry", entry, TourLayout.ScratchPage | 0x003);
        c.mov(eax, Word(TourLayout.FixmapAlias));
        k.Expect("the entry after a read", entry, TourLayout.ScratchPage | 0x023);
        c.mov(Word(TourLayout.FixmapAlias), eax);
        k.Expect("the entry after a write", entry, TourLayout.ScratchPage | 0x063);
        k.Report("accessed bit at the first read, dirty bit at the first write");
    }

    private static void EmitRemap(KernelAssembler k)
    {
        Assembler c = k.Asm;
        c.mov(Word(TourLayout.Virtual(TourLayout.ScratchPage)), 0x1111);
        c.mov(Word(TourLayout.Virtual(TourLayout.ScratchPage2)), 0x2222);
        k.Expect("before SET_PTE", Word(TourLayout.FixmapAlias), 0x1111);
        Map(k, TourLayout.FixmapAlias, TourLayout.ScratchPage2 | 0x003);
        k.Expect("after SET_PTE", Word(TourLayout.FixmapAlias), 0x2222);

        // Without a word to the Host: only a flush makes it look again.
        c.mov(Word(Entry(TourLayout.FixmapAlias)), TourLayout.ScratchPage | 0x003);
        k.Hypercall(HypercallNumber.FlushTlb, 1);
        k.Expect("after FLUSH_TLB", Word(TourLayout.FixmapAlias), 0x1111);
        c.mov(Word(Entry(TourLayout.FixmapAlias)), 0);
        k.Hypercall(HypercallNumber.SetPte, TourLayout.PageDirectory, TourLayout.FixmapAlias, 0);
        k.Provoke("page fault: a page that was unmapped", 14, 0, static a => a.mov(eax, __dword_ptr[TourLayout.FixmapAlias]), address: TourLayout.FixmapAlias);

        // From absent to present nobody has to be told.
        c.mov(Word(Entry(TourLayout.FixmapAlias)), TourLayout.ScratchPage2 | 0x003);
        k.Expect("a new entry, unannounced", Word(TourLayout.FixmapAlias), 0x2222);
        k.Report("SET_PTE and FLUSH_TLB make the Host forget; what was absent is never remembered");
    }

    /// <summary>Writes a fixmap entry and announces it.</summary>
    public static void Map(KernelAssembler k, uint address, uint entry)
    {
        k.Asm.mov(Word(Entry(address)), entry);
        k.Hypercall(HypercallNumber.SetPte, TourLayout.PageDirectory, address, entry);
    }

    private static uint Entry(uint address) => TourLayout.Virtual(TourLayout.FixmapTable) + TourLayout.EntryOffset(address);
}
