using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Launcher.Tour.KernelAssembler;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>Hypercalls that wait in a ring until the next one that does not (ABI sheet §3.3).</summary>
internal static class AsyncRingChapter
{
    /// <summary>Present writable data of DPL 1, base 0, limit in bytes.</summary>
    private const uint ByteGranularData = 0x0040B200;

    public static void Emit(KernelAssembler k)
    {
        Assembler c = k.Asm;

        // Queued, TS does nothing yet: the FPU still answers. The next hypercall of any kind brings it about.
        c.mov(Word(GuestLguestData.IrqEnabled), 0x200);
        k.QueueHypercall(HypercallNumber.Ts, 8);
        Status(0, 0);
        c.fnop();
        k.Hypercall(HypercallNumber.FlushAsync);
        Status(0, 0xFF);
        k.Provoke("device not available, once the queued TS was done", 7, 0, static a => a.fnop());
        k.Hypercall(HypercallNumber.Ts, 0);

        // Fill the ring, from where its cursor stands round to there again; what comes last must win.
        c.mov(esi, GuestLguestData.RingSize);
        CodeLabel next = k.Here();
        c.mov(ecx, esi);
        k.QueueHypercall(HypercallNumber.LoadGdtEntry, TourLayout.RingSegment >> 3, null, ByteGranularData);
        c.dec(esi);
        c.jne(next);
        foreach (int slot in new[] { 0, 1, 63 })
        {
            Status(slot, 0);
        }

        // The ring is full: this one is issued at once, behind the 64 that wait.
        k.QueueHypercall(HypercallNumber.LoadGdtEntry, TourLayout.RingSegment >> 3, 777, ByteGranularData);
        for (uint word = 0; word < GuestLguestData.RingSize / 4; word++)
        {
            k.Expect("hcall_status after the flush", Word(GuestLguestData.HcallStatus + 4 * word), 0xFFFFFFFF);
        }

        c.mov(eax, TourLayout.RingSegment);
        c.lsl(ecx, eax);
        k.Expect("limit of the segment that was loaded 65 times", ecx, 777);
        k.Report("64 hypercalls in the ring and one too many: done in order, every slot free again");

        void Status(int slot, uint expected)
        {
            c.movzx(eax, __byte_ptr[GuestLguestData.HcallStatus + (uint)slot]);
            k.Expect($"hcall_status[{slot}]", eax, expected);
        }
    }

    /// <summary>async_hcall (arch/x86/lguest/boot.c).</summary>
    public static void EmitRoutines(KernelAssembler k)
    {
        Assembler c = k.Asm;
        CodeLabel full = k.NewLabel();
        k.Mark(k.AsyncHypercall);
        c.pushad();
        c.mov(edi, Word(TourVariable.RingNext));
        c.cmp(__byte_ptr[edi + GuestLguestData.HcallStatus], 0xFF);
        c.jne(full);
        c.lea(ebp, __[edi + edi * 4]);
        foreach ((AssemblerRegister32 argument, uint offset) in new[] { (eax, 0u), (ebx, 4u), (ecx, 8u), (edx, 12u), (esi, 16u) })
        {
            c.mov(__dword_ptr[ebp * 4 + GuestLguestData.Hcalls + offset], argument);
        }

        c.mov(__byte_ptr[edi + GuestLguestData.HcallStatus], 0);
        c.inc(edi);
        c.and(edi, GuestLguestData.RingSize - 1);
        c.mov(Word(TourVariable.RingNext), edi);
        c.popad();
        c.ret();
        k.Mark(full);
        c.popad();
        c.@int(0x1F);
        c.ret();
    }
}
