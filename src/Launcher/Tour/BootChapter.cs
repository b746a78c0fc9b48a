using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Launcher.Tour.KernelAssembler;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>
/// From the Host's initial state to virtual memory, in the order of Linux: page tables, LGUEST_INIT, NEW_PGTABLE, a jump
/// across three gigabytes (arch/x86/kernel/head_32.S, arch/x86/lguest/head_32.S).
/// </summary>
internal static class BootChapter
{
    /// <summary>Present, writable, accessed and dirty, as Linux sets kernel directory entries.</summary>
    private const uint KernelSlot = 0x063;
    private const uint UserSlot = 0x067;
    private const uint KernelPage = 0x003;

    /// <summary>Runs at physical addresses; nothing here may refer to a virtual one, but for the jump at the end.</summary>
    public static void EmitEntry(KernelAssembler k)
    {
        Assembler c = k.Asm;
        SaveInitialState(c);
        BuildTables(k);
        FillLguestData(k);
        k.Hypercall(HypercallNumber.LguestInit, TourLayout.LguestData);
        k.Hypercall(HypercallNumber.NewPageTable, TourLayout.PageDirectory);

        // The assembler believes that we are at the virtual address already. The processor is 3 GiB below: so much more it has
        // to jump, and 32 bits wrap around.
        CodeLabel next = k.NewLabel();
        CodeLabel high = k.NewLabel();
        c.db(0xE9);
        c.dd(unchecked(k.AddressOf(high) - k.AddressOf(next) + TourLayout.KernelOffset));
        k.Mark(next);
        c.ud2();
        k.Mark(high);
        c.mov(esp, TourLayout.Virtual(TourLayout.StackTop));
        c.mov(Word(TourVariable.NextFrame), TourLayout.FramePool);
    }

    /// <summary>Checks what <see cref="EmitEntry"/> saw, now that there is a console to complain on.</summary>
    public static void EmitChecks(KernelAssembler k)
    {
        Assembler c = k.Asm;
        string[] registers = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];
        for (uint i = 0; i < 8; i++)
        {
            k.Expect($"initial {registers[i]}", Initial(i), 0);
        }

        k.Expect("initial eflags", Initial(8), 0x202);
        k.Expect("initial cs", Initial(9), TourLayout.KernelCode);
        k.Expect("initial ss", Initial(10), TourLayout.KernelData);
        k.Expect("initial ds", Initial(11), TourLayout.KernelData);
        k.Expect("initial es", Initial(12), TourLayout.KernelData);
        k.Expect("initial fs", Initial(13), 0);
        k.Expect("initial gs", Initial(14), 0);
        k.Report("hello from ring 1: all registers 0, cs 0x61, ss, ds and es 0x69, eflags 0x202, as lguest starts its Guests");

        c.mov(eax, Word(GuestLguestData.TimeSeconds));
        k.ExpectNotZero("LGUEST_INIT writes the time");
        k.Report("LGUEST_INIT: the Host knows our lguest_data, and has written the time into it");

        CodeLabel here = k.NewLabel();
        CodeLabel right = k.NewLabel();
        c.call(here);
        k.Mark(here);
        c.pop(eax);
        c.mov(Word(TourVariable.Scratch), eax);
        k.Expect("eip after the jump", eax, k.AddressOf(here));
        c.mov(eax, __dword_ptr[TourLayout.LoadAddress]);
        c.cmp(eax, Word(TourLayout.KernelBase));
        c.je(right);
        c.xor(eax, eax);
        k.ExpectNotZero("both mappings show the same memory");
        k.Mark(right);
        c.nop();
        k.Report("paging: NEW_PGTABLE, then a jump by 3 GiB; we run at ", LinePart.Hex(TourVariable.Scratch));
    }

    /// <summary>The identity map has served: away with it, and null pointers fault.</summary>
    public static void EmitDropIdentity(KernelAssembler k)
    {
        k.Asm.mov(Word(TourLayout.Virtual(TourLayout.PageDirectory)), 0);
        k.Hypercall(HypercallNumber.SetPgd, TourLayout.PageDirectory, 0);
        k.Hypercall(HypercallNumber.FlushTlb, 1);
    }

    private static AssemblerMemoryOperand Initial(uint index) => Word(TourVariable.Initial + 4 * index);

    private static AssemblerMemoryOperand Physical(uint virtualAddress) => Word(virtualAddress - TourLayout.KernelOffset);

    private static void SaveInitialState(Assembler c)
    {
        uint at = TourVariable.Initial;
        foreach (AssemblerRegister32 register in new[] { eax, ecx, edx, ebx, esp, ebp, esi, edi })
        {
            c.mov(Physical(at), register);
            at += 4;
        }

        c.mov(esp, TourLayout.StackTop);
        c.pushfd();
        c.pop(Physical(at));
        foreach (AssemblerRegisterSegment register in new[] { cs, ss, ds, es, fs, gs })
        {
            at += 4;
            c.mov(eax, register);
            c.mov(Physical(at), eax);
        }
    }

    private static void BuildTables(KernelAssembler k)
    {
        Assembler c = k.Asm;
        c.mov(eax, KernelPage);
        c.mov(edi, TourLayout.KernelTable);
        c.mov(ecx, 1024);
        CodeLabel next = k.Here();
        c.mov(__dword_ptr[edi], eax);
        c.add(eax, 0x1000);
        c.add(edi, 4);
        c.dec(ecx);
        c.jne(next);

        Slot(0, TourLayout.KernelTable | KernelSlot);
        Slot(TourLayout.KernelOffset, TourLayout.KernelTable | KernelSlot);
        Slot(TourLayout.Fixmap, TourLayout.FixmapTable | KernelSlot);
        Slot(TourLayout.UserText, TourLayout.UserTable | UserSlot);
        Slot(TourLayout.UserStackLow, TourLayout.UserStackTable | UserSlot);

        void Slot(uint virtualAddress, uint entry) =>
            c.mov(__dword_ptr[TourLayout.PageDirectory + TourLayout.SlotOffset(virtualAddress)], entry);
    }

    private static void FillLguestData(KernelAssembler k)
    {
        Assembler c = k.Asm;
        c.mov(eax, -1);
        c.mov(edi, GuestLguestData.HcallStatus - TourLayout.KernelOffset);
        c.mov(ecx, GuestLguestData.RingSize / 4);
        CodeLabel next = k.Here();
        c.mov(__dword_ptr[edi], eax);
        c.add(edi, 4);
        c.dec(ecx);
        c.jne(next);
        c.mov(Physical(GuestLguestData.BlockedInterrupts), 1);
        c.mov(Physical(GuestLguestData.NoirqIret), k.AddressOf(k.NoirqIret));
        c.mov(Physical(GuestLguestData.KernelAddress), TourLayout.KernelOffset);
        c.mov(Physical(GuestLguestData.SyscallVector), 0x80);
    }
}
