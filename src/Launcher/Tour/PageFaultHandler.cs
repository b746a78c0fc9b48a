using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Launcher.Tour.KernelAssembler;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>
/// The little of a virtual memory manager that the tour needs: pages of the user program, its data and its stack are
/// brought in when they are first touched, from either ring, and one page is copied when it is first written.
/// </summary>
internal static class PageFaultHandler
{
    private const uint UserReadOnly = 0x005;
    private const uint UserWritable = 0x007;

    public static void Emit(KernelAssembler k)
    {
        Assembler c = k.Asm;
        CodeLabel notCow = k.NewLabel();
        CodeLabel text = k.NewLabel();
        CodeLabel zero = k.NewLabel();
        CodeLabel install = k.NewLabel();

        k.Mark(k.PageFault);
        c.mov(esi, Word(GuestLguestData.Cr2));
        c.and(esi, ~0xFFF);
        c.cmp(esi, TourLayout.UserCow);
        c.jne(notCow);
        c.mov(eax, __dword_ptr[ebp + TrapFrame.Error]);
        c.and(eax, 3);
        c.cmp(eax, 3);
        c.jne(k.ExpectedTrap);

        // A write to a present, read-only page that is only shared: give the writer its own.
        c.inc(Word(TourVariable.CowBreaks));
        AllocateFrame(c);
        c.push(esi);
        c.push(edi);
        c.mov(esi, TourLayout.Virtual(TourLayout.CowOriginal));
        CopyPage(c);
        c.mov(edx, UserWritable);
        c.jmp(install);

        // Present already: this is no page to bring in, but a protection fault.
        k.Mark(notCow);
        c.test(__dword_ptr[ebp + TrapFrame.Error], 1);
        c.jne(k.ExpectedTrap);
        Range(TourLayout.UserText, TourLayout.UserTextEnd, text);
        Range(TourLayout.UserData, TourLayout.UserDataEnd, zero);
        Range(TourLayout.UserStackLow, TourLayout.UserStackTop, zero);
        c.jmp(k.ExpectedTrap);

        k.Mark(text);
        c.inc(Word(TourVariable.PageIns));
        AllocateFrame(c);
        c.push(esi);
        c.push(edi);
        c.add(esi, unchecked(k.AddressOf(k.UserImage) - TourLayout.UserText));
        CopyPage(c);
        c.mov(edx, UserReadOnly);
        c.jmp(install);

        // The frame pool is zero from the start, and no frame comes back to it.
        k.Mark(zero);
        c.inc(Word(TourVariable.PageIns));
        AllocateFrame(c);
        c.push(esi);
        c.push(edi);
        c.mov(edx, UserWritable);

        // On the stack: the frame's virtual address, the page's. Edx: flags.
        k.Mark(install);
        c.pop(eax);
        c.sub(eax, TourLayout.KernelOffset);
        c.or(edx, eax);
        c.pop(ecx);
        c.mov(eax, TourLayout.Virtual(TourLayout.UserTable));
        c.mov(ebx, TourLayout.Virtual(TourLayout.UserStackTable));
        c.cmp(ecx, TourLayout.UserStackLow);
        c.cmovae(eax, ebx);
        c.mov(ebx, ecx);
        c.shr(ebx, 12);
        c.and(ebx, 0x3FF);
        c.mov(__dword_ptr[eax + ebx * 4], edx);
        k.Hypercall(HypercallNumber.SetPte, TourLayout.PageDirectory);

        foreach ((AssemblerMemoryOperand from, uint to) in new[]
        {
            (Word(GuestLguestData.Cr2), TourVariable.FaultAddress),
            (__dword_ptr[ebp + TrapFrame.Error], TourVariable.FaultError),
            (__dword_ptr[ebp + TrapFrame.Eip], TourVariable.FaultEip),
            (__dword_ptr[ebp + TrapFrame.Ecx], TourVariable.FaultEcx),
        })
        {
            c.mov(eax, from);
            c.mov(Word(to), eax);
        }

        c.jmp(k.TrapReturn);

        void Range(uint start, uint end, CodeLabel target)
        {
            c.mov(eax, esi);
            c.sub(eax, start);
            c.cmp(eax, end - start);
            c.jb(target);
        }
    }

    /// <summary>Edi = virtual address of a zero frame.</summary>
    private static void AllocateFrame(Assembler c)
    {
        c.mov(edi, Word(TourVariable.NextFrame));
        c.add(Word(TourVariable.NextFrame), 0x1000);
        c.add(edi, TourLayout.KernelOffset);
    }

    /// <summary>The page at esi to the one at edi.</summary>
    private static void CopyPage(Assembler c)
    {
        c.mov(ecx, 1024);
        c.rep.movsd();
    }
}
