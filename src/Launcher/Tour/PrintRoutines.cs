using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Launcher.Tour.KernelAssembler;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>Lines: put together in a buffer, sent to the console whole.</summary>
internal static class PrintRoutines
{
    private const uint Line = TourLayout.Line + TourLayout.KernelOffset;
    private const int LineCapacity = 200;

    public static void Emit(KernelAssembler k)
    {
        CodeLabel put = k.NewLabel();
        EmitPut(k, put);
        EmitPuts(k, put);
        EmitPutHex(k, put);
        EmitPutDecimal(k, put);
        EmitBeginStep(k, put);
        EmitFlush(k, put);
        EmitFail(k, put);
    }

    /// <summary>The character in al goes to the line; what does not fit is dropped.</summary>
    private static void EmitPut(KernelAssembler k, CodeLabel put)
    {
        Assembler c = k.Asm;
        CodeLabel full = k.NewLabel();
        k.Mark(put);
        c.push(edi);
        c.mov(edi, Word(TourVariable.LineLength));
        c.cmp(edi, LineCapacity);
        c.jae(full);
        c.mov(__byte_ptr[edi + Line], al);
        c.inc(Word(TourVariable.LineLength));
        k.Mark(full);
        c.pop(edi);
        c.ret();
    }

    private static void EmitPuts(KernelAssembler k, CodeLabel put)
    {
        Assembler c = k.Asm;
        CodeLabel done = k.NewLabel();
        k.Mark(k.Puts);
        c.push(eax);
        c.push(esi);
        CodeLabel next = k.Here();
        c.lodsb();
        c.test(al, al);
        c.je(done);
        c.call(put);
        c.jmp(next);
        k.Mark(done);
        c.pop(esi);
        c.pop(eax);
        c.ret();
    }

    private static void EmitPutHex(KernelAssembler k, CodeLabel put)
    {
        Assembler c = k.Asm;
        CodeLabel digit = k.NewLabel();
        k.Mark(k.PutHex);
        c.pushad();
        c.mov(ebx, eax);
        c.mov(eax, '0');
        c.call(put);
        c.mov(eax, 'x');
        c.call(put);

        // No leading zeros: begin at the highest digit that is not one.
        c.mov(ecx, ebx);
        c.or(ecx, 1);
        c.bsr(ecx, ecx);
        c.and(ecx, ~3);
        CodeLabel next = k.Here();
        c.mov(eax, ebx);
        c.shr(eax, cl);
        c.and(eax, 15);
        c.cmp(eax, 10);
        c.jb(digit);
        c.add(eax, 'A' - '0' - 10);
        k.Mark(digit);
        c.add(eax, '0');
        c.call(put);
        c.sub(ecx, 4);
        c.jns(next);
        c.popad();
        c.ret();
    }

    private static void EmitPutDecimal(KernelAssembler k, CodeLabel put)
    {
        Assembler c = k.Asm;
        k.Mark(k.PutDecimal);
        c.pushad();
        c.xor(ecx, ecx);
        c.mov(ebx, 10);
        CodeLabel divide = k.Here();
        c.xor(edx, edx);
        c.div(ebx);
        c.push(edx);
        c.inc(ecx);
        c.test(eax, eax);
        c.jne(divide);
        CodeLabel next = k.Here();
        c.pop(eax);
        c.add(eax, '0');
        c.call(put);
        c.loop(next);
        c.popad();
        c.ret();
    }

    /// <summary>"ok " and the number, two places wide.</summary>
    private static void EmitBeginStep(KernelAssembler k, CodeLabel put)
    {
        Assembler c = k.Asm;
        CodeLabel wide = k.NewLabel();
        k.Mark(k.BeginStep);
        c.pushad();
        c.inc(Word(TourVariable.Step));
        k.Print("ok ");
        c.cmp(Word(TourVariable.Step), 10);
        c.jae(wide);
        c.mov(eax, ' ');
        c.call(put);
        k.Mark(wide);
        c.mov(eax, Word(TourVariable.Step));
        c.call(k.PutDecimal);
        c.mov(eax, ' ');
        c.call(put);
        c.popad();
        c.ret();
    }

    private static void EmitFlush(KernelAssembler k, CodeLabel put)
    {
        Assembler c = k.Asm;
        CodeLabel queue = k.NewLabel();
        CodeLabel done = k.NewLabel();
        k.Mark(k.Flush);
        c.pushad();
        c.mov(eax, '\n');
        c.call(put);
        c.mov(esi, Line);
        c.mov(ecx, Word(TourVariable.LineLength));
        c.mov(Word(TourVariable.LineLength), 0);
        c.cmp(Word(TourVariable.ConsoleMode), 0);
        c.jne(queue);
        c.call(k.EmergencyFlush);
        c.jmp(done);
        k.Mark(queue);
        c.call(k.QueueFlush);
        k.Mark(done);
        c.popad();
        c.ret();
    }

    /// <summary>
    /// The end of a tour that went wrong: by emergency write, since the queue may be what is wrong, and by a SHUTDOWN that is
    /// no power-off.
    /// </summary>
    private static void EmitFail(KernelAssembler k, CodeLabel put)
    {
        Assembler c = k.Asm;
        CodeLabel untitled = k.NewLabel();
        k.Mark(k.Fail);
        c.mov(Word(GuestLguestData.IrqEnabled), 0);
        c.mov(ebp, esp);
        c.mov(Word(TourVariable.ConsoleMode), 0);
        c.mov(Word(TourVariable.LineLength), 0);
        k.Print("FAIL ");
        c.mov(eax, Word(TourVariable.Step));
        c.inc(eax);
        c.call(k.PutDecimal);
        c.mov(eax, ' ');
        c.call(put);
        c.cmp(Word(TourVariable.Active), 0);
        c.je(untitled);
        c.mov(esi, Word(TourVariable.Title));
        c.call(k.Puts);
        k.Print(": ");
        k.Mark(untitled);
        c.mov(esi, __dword_ptr[ebp + 4]);
        c.call(k.Puts);
        k.Print(": expected ");
        c.mov(eax, __dword_ptr[ebp + 12]);
        c.call(k.PutHex);
        k.Print(", got ");
        c.mov(eax, __dword_ptr[ebp + 8]);
        c.call(k.PutHex);
        c.call(k.Flush);
        c.mov(ecx, 1);
        CodeLabel reason = k.NewLabel();
        k.Hypercall(HypercallNumber.Shutdown, k.PhysicalOf(reason));
        k.Mark(reason);
        k.Builder.Text("Tour failed");
    }
}
