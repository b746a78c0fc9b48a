using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Launcher.Tour.KernelAssembler;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>GDT and IDT by hypercall, and what the Host makes of their entries.</summary>
internal static class SegmentsChapter
{
    private const uint Flat = 0x0000FFFF;
    private const uint UserCodeHigh = 0x00CFFA00;
    private const uint UserDataHigh = 0x00CFF200;

    /// <summary>As Linux writes its kernel data segment: DPL 0, not accessed.</summary>
    private const uint KernelDataHigh = 0x00CF9200;
    private const uint AbsentDataHigh = 0x00CF3200;

    public static void Emit(KernelAssembler k)
    {
        Assembler c = k.Asm;
        k.Hypercall(HypercallNumber.LoadGdtEntry, 13, Flat, KernelDataHigh);
        k.Hypercall(HypercallNumber.LoadGdtEntry, 14, Flat, UserCodeHigh);
        k.Hypercall(HypercallNumber.LoadGdtEntry, 15, Flat, UserDataHigh);
        k.Hypercall(HypercallNumber.LoadGdtEntry, TourLayout.AbsentSegment >> 3, Flat, AbsentDataHigh);

        // lar shows type and DPL: 1 where we said 0, and "accessed" where we said nothing.
        c.mov(eax, TourLayout.KernelData);
        c.lar(ecx, eax);
        c.and(ecx, 0xFF00);
        k.Expect("access rights of the kernel data segment", ecx, 0xB300);
        c.mov(eax, TourLayout.UserCode);
        c.lar(ecx, eax);
        c.and(ecx, 0xFF00);
        k.Expect("access rights of the user code segment", ecx, 0xFB00);
        c.mov(eax, TourLayout.KernelData);
        c.mov(ds, eax);
        c.mov(es, eax);
        c.mov(ss, eax);
        k.Report("LOAD_GDT_ENTRY: what we load with DPL 0 becomes DPL 1, and accessed");

        EmitGates(k);
        k.Hypercall(HypercallNumber.SetStack, TourLayout.KernelData, TourLayout.Virtual(TourLayout.TrapStackTop), 2);
        EmitFarCall(k);
        EmitFlags(k);
    }

    private static void EmitGates(KernelAssembler k)
    {
        Assembler c = k.Asm;
        CodeLabel done = k.NewLabel();
        c.mov(esi, k.AddressOf(k.Gates));
        CodeLabel next = k.Here();
        c.mov(ebx, __dword_ptr[esi]);
        c.cmp(ebx, -1);
        c.je(done);
        c.mov(ecx, __dword_ptr[esi + 4]);
        c.mov(edx, __dword_ptr[esi + 8]);
        k.Hypercall(HypercallNumber.LoadIdtEntry);
        c.add(esi, 12);
        c.jmp(next);
        k.Mark(done);
        c.nop();
        k.Report("LOAD_IDT_ENTRY: gates for faults, two interrupts and system calls; a task gate for vector 8 is passed over");
    }

    private static void EmitFarCall(KernelAssembler k)
    {
        Assembler c = k.Asm;
        CodeLabel function = k.NewLabel();
        CodeLabel over = k.NewLabel();
        c.mov(ebx, esp);
        c.call(TourLayout.KernelCode, k.AddressOf(function));
        c.jmp(over);
        k.Mark(function);
        c.mov(eax, __dword_ptr[esp + 4]);
        c.retf();
        k.Mark(over);
        c.nop();
        k.Expect("cs pushed by a far call", eax, TourLayout.KernelCode);
        c.mov(ecx, esp);
        k.Expect("esp after a far return", ecx, ebx);
        k.Report("far call and return within ring 1");
    }

    /// <summary>popf cannot touch IF and IOPL; cli is passed over by the Launcher; neither changes irq_enabled.</summary>
    private static void EmitFlags(KernelAssembler k)
    {
        Assembler c = k.Asm;
        c.push(0x3002);
        c.popfd();
        c.pushfd();
        c.pop(eax);
        k.Expect("eflags after popf of IOPL 3 without IF", eax, 0x202);
        c.push(0x200202);
        c.popfd();
        c.pushfd();
        c.pop(eax);
        k.Expect("eflags after popf of ID", eax, 0x200202);
        c.push(2);
        c.popfd();
        c.mov(Word(GuestLguestData.IrqEnabled), 0x200);
        c.cli();
        c.pushfd();
        c.pop(eax);
        k.Expect("eflags after cli", eax, 0x202);
        k.Expect("irq_enabled after cli", Word(GuestLguestData.IrqEnabled), 0x200);
        k.Report("popf changes neither IF nor IOPL, and cli nothing at all: the interrupt flag is a word in memory");
    }
}
