using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Launcher.Tour.KernelAssembler;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>Timer (vector 32) and console (33): written to the log; the chapters read there what came, and of which context.</summary>
internal static class InterruptHandler
{
    private const uint Log = TourLayout.InterruptLog + TourLayout.KernelOffset;

    public static void Emit(KernelAssembler k)
    {
        Assembler c = k.Asm;
        CodeLabel full = k.NewLabel();
        CodeLabel fromUser = k.NewLabel();
        CodeLabel timer = k.NewLabel();
        CodeLabel done = k.NewLabel();

        k.Mark(k.Interrupt);
        c.mov(edi, Word(TourVariable.LogCount));
        c.inc(Word(TourVariable.LogCount));
        c.cmp(edi, LogEntry.Capacity);
        c.jae(full);
        c.shl(edi, 5);
        c.add(edi, Log);
        foreach ((int from, uint to) in new[]
        {
            (TrapFrame.Vector, LogEntry.Vector), (TrapFrame.Eip, LogEntry.Eip), (TrapFrame.Cs, LogEntry.Cs), (TrapFrame.Flags, LogEntry.Flags),
        })
        {
            c.mov(eax, __dword_ptr[ebp + from]);
            c.mov(__dword_ptr[edi + to], eax);
        }

        c.mov(edx, __dword_ptr[ebp + TrapFrame.Esp]);
        c.mov(ecx, __dword_ptr[ebp + TrapFrame.Ss]);
        c.mov(eax, __dword_ptr[ebp + TrapFrame.Cs]);
        c.and(eax, 3);
        c.cmp(eax, 3);
        c.je(fromUser);
        c.lea(edx, __[ebp + TrapFrame.Esp]);
        c.mov(ecx, ss);
        k.Mark(fromUser);
        c.mov(__dword_ptr[edi + LogEntry.Esp], edx);
        c.mov(__dword_ptr[edi + LogEntry.Ss], ecx);
        c.mov(eax, Word(GuestLguestData.IrqPending));
        c.mov(__dword_ptr[edi + LogEntry.IrqPending], eax);
        c.mov(eax, Word(TourVariable.EntryIrqEnabled));
        c.mov(__dword_ptr[edi + LogEntry.IrqEnabled], eax);

        k.Mark(full);
        c.cmp(__dword_ptr[ebp + TrapFrame.Vector], 32);
        c.je(timer);

        // The console's interrupt is taken back by reading its isr register.
        c.mov(ebx, Word(TourVariable.IsrAddress));
        c.mov(al, __byte_ptr[ebx]);
        c.movzx(eax, al);
        k.Expect("isr of the console", eax, 1);
        c.jmp(k.TrapReturn);

        k.Mark(timer);
        c.inc(Word(TourLayout.Virtual(TourLayout.TickPage)));
        c.mov(ebx, Word(TourVariable.TickPeriod));
        c.test(ebx, ebx);
        c.je(done);
        k.Hypercall(HypercallNumber.SetClockEvent);
        k.Mark(done);
        c.jmp(k.TrapReturn);
    }
}
