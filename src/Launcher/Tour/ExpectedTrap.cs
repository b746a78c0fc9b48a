using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Launcher.Tour.KernelAssembler;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>Compares a trap with the one that was announced, word by word, reports it as a step and goes on behind it.</summary>
internal static class ExpectedTrap
{
    /// <summary>RF, which processors set in the frame of a fault and software models often do not; nobody relies on it.</summary>
    private const uint ResumeFlag = 1 << 16;

    /// <summary>Vectors that push an error code.</summary>
    private const uint WithErrorCode = 0x27D00;

    public static void Emit(KernelAssembler k)
    {
        Assembler c = k.Asm;
        CodeLabel announced = k.NewLabel();
        CodeLabel fromUser = k.NewLabel();
        CodeLabel stackChecked = k.NewLabel();
        CodeLabel noError = k.NewLabel();
        CodeLabel noAddress = k.NewLabel();
        CodeLabel noAddressCheck = k.NewLabel();

        k.Mark(k.ExpectedTrap);
        c.cmp(Word(TourVariable.Active), 0);
        c.jne(announced);
        k.Print("at ");
        c.mov(eax, Frame(TrapFrame.Eip));
        c.call(k.PutHex);
        k.Print(", error code ");
        c.mov(eax, Frame(TrapFrame.Error));
        c.call(k.PutHex);
        c.call(k.Flush);
        c.mov(eax, Frame(TrapFrame.Vector));
        k.Expect("unexpected trap: vector", eax, 0xFFFFFFFF);

        k.Mark(announced);
        Compare("vector", TrapFrame.Vector, TourVariable.Vector);
        Compare("error code", TrapFrame.Error, TourVariable.Error);
        Compare("saved eip", TrapFrame.Eip, TourVariable.Eip);
        Compare("saved cs", TrapFrame.Cs, TourVariable.Cs);
        c.mov(eax, Frame(TrapFrame.Flags));
        c.and(eax, ~ResumeFlag);
        c.mov(ecx, Word(TourVariable.Flags));
        k.Expect("saved eflags", eax, ecx);
        k.Expect("irq_enabled behind an interrupt gate", Word(TourVariable.EntryIrqEnabled), 0);
        c.mov(eax, cs);
        k.Expect("cs of the handler", eax, TourLayout.KernelCode);
        c.mov(eax, ss);
        k.Expect("ss of the handler", eax, TourLayout.KernelData);

        // From ring 3 the frame holds the stack pointer; in ring 1 it stands on it. In ring 1 esp points there when the frame is popped.
        c.mov(eax, Frame(TrapFrame.Cs));
        c.and(eax, 3);
        c.cmp(eax, 3);
        c.je(fromUser);
        c.lea(eax, __[ebp + TrapFrame.Esp]);
        c.mov(ecx, Word(TourVariable.Esp));
        k.Expect("esp before the trap", eax, ecx);
        c.jmp(stackChecked);
        k.Mark(fromUser);
        Compare("saved esp", TrapFrame.Esp, TourVariable.Esp);
        c.mov(eax, Frame(TrapFrame.Ss));
        k.Expect("saved ss", eax, TourLayout.UserDataSegment);
        c.lea(eax, __[ebp + TrapFrame.Ss + 4]);
        k.Expect("esp1 of SET_STACK", eax, TourLayout.Virtual(TourLayout.TrapStackTop));
        k.Mark(stackChecked);
        c.cmp(Frame(TrapFrame.Vector), 14);
        c.jne(noAddressCheck);
        c.mov(eax, Word(GuestLguestData.Cr2));
        c.mov(ecx, Word(TourVariable.Address));
        k.Expect("cr2", eax, ecx);
        k.Mark(noAddressCheck);

        c.mov(Word(TourVariable.Active), 0);
        c.call(k.BeginStep);
        c.mov(esi, Word(TourVariable.Title));
        c.call(k.Puts);
        k.Print(": vector ");
        c.mov(eax, Frame(TrapFrame.Vector));
        c.call(k.PutDecimal);
        c.mov(ecx, WithErrorCode);
        c.bt(ecx, eax);
        c.jnc(noError);
        k.Print(", error code ");
        c.mov(eax, Frame(TrapFrame.Error));
        c.call(k.PutHex);
        k.Mark(noError);
        c.cmp(Frame(TrapFrame.Vector), 14);
        c.jne(noAddress);
        k.Print(", address ");
        c.mov(eax, Word(TourVariable.Address));
        c.call(k.PutHex);
        k.Mark(noAddress);
        k.Print(", eip ");
        c.mov(eax, Frame(TrapFrame.Eip));
        c.call(k.PutHex);
        c.call(k.Flush);

        // Go on behind it, with plain flags: not every flag of the test is one to live with.
        c.mov(eax, Word(TourVariable.Resume));
        c.mov(Frame(TrapFrame.Eip), eax);
        c.mov(Frame(TrapFrame.Flags), 0x202);
        c.jmp(k.TrapReturn);

        void Compare(string what, int offset, uint expected)
        {
            c.mov(eax, Frame(offset));
            c.mov(ecx, Word(expected));
            k.Expect(what, eax, ecx);
        }
    }

    private static AssemblerMemoryOperand Frame(int offset) => __dword_ptr[ebp + offset];
}
