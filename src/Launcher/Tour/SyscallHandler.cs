using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Launcher.Tour.KernelAssembler;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>The other end of <c>int $0x80</c>.</summary>
internal static class SyscallHandler
{
    public static void Emit(KernelAssembler k)
    {
        Assembler c = k.Asm;
        CodeLabel[] calls = [.. Enum.GetValues<SyscallNumber>().Select(_ => k.NewLabel())];
        CodeLabel table = k.NewLabel();

        k.Mark(k.SystemCall);
        c.inc(Word(TourVariable.SyscallCount));
        c.mov(eax, Word(TourVariable.EntryIrqEnabled));
        c.mov(Word(TourVariable.SyscallIrqEnabled), eax);
        c.mov(eax, Frame(TrapFrame.Flags));
        c.mov(Word(TourVariable.SyscallFlags), eax);

        // Whoever announced a trap and is here instead has not had it.
        k.Expect("no trap came", Word(TourVariable.Active), 0);
        c.mov(eax, Frame(TrapFrame.Eax));
        c.cmp(eax, calls.Length);
        CodeLabel known = k.NewLabel();
        c.jb(known);
        k.Expect("number of the system call", eax, 0);
        k.Mark(known);
        c.jmp(__dword_ptr[eax * 4 + k.AddressOf(table)]);

        k.Mark(calls[(int)SyscallNumber.Exit]);
        c.mov(esp, Word(TourVariable.KernelEsp));
        c.jmp(Word(TourVariable.KernelResume));

        k.Mark(calls[(int)SyscallNumber.Report]);
        c.call(k.BeginStep);
        c.mov(esi, Frame(TrapFrame.Ebx));
        c.call(k.Puts);
        c.call(k.Flush);
        c.jmp(k.TrapReturn);

        k.Mark(calls[(int)SyscallNumber.Provoke]);
        foreach ((int from, uint to) in new[]
        {
            (TrapFrame.Ebx, TourVariable.Vector), (TrapFrame.Ecx, TourVariable.Error), (TrapFrame.Edx, TourVariable.Eip),
            (TrapFrame.Esi, TourVariable.Resume), (TrapFrame.Edi, TourVariable.Title), (TrapFrame.Ebp, TourVariable.Flags),
            (TrapFrame.Esp, TourVariable.Esp),
        })
        {
            c.mov(eax, Frame(from));
            c.mov(Word(to), eax);
        }

        c.mov(eax, Frame(TrapFrame.Esp));
        c.mov(eax, __dword_ptr[eax]);
        c.mov(Word(TourVariable.Address), eax);
        c.mov(Word(TourVariable.Cs), TourLayout.UserCode);
        c.mov(Word(TourVariable.Active), 1);
        c.jmp(k.TrapReturn);

        k.Mark(calls[(int)SyscallNumber.Fail]);
        c.push(Frame(TrapFrame.Ecx));
        c.push(Frame(TrapFrame.Ebx));
        c.push(Frame(TrapFrame.Edx));
        c.call(k.Fail);

        k.Mark(calls[(int)SyscallNumber.Peek]);
        c.mov(eax, Frame(TrapFrame.Ebx));
        c.mov(eax, __dword_ptr[eax]);
        c.mov(Frame(TrapFrame.Eax), eax);
        c.jmp(k.TrapReturn);

        k.Mark(calls[(int)SyscallNumber.SetTls]);
        EmitSetTls(k);

        k.Mark(table);
        foreach (CodeLabel call in calls)
        {
            c.dd(k.AddressOf(call));
        }
    }

    /// <summary>As Linux does it: gs is emptied first, then the ring takes the call, then a flush makes it happen.</summary>
    private static void EmitSetTls(KernelAssembler k)
    {
        Assembler c = k.Asm;
        const uint Descriptors = TourLayout.TlsDescriptors + TourLayout.KernelOffset;

        // Present data of DPL 3, writable, 32-bit: 4 GiB in pages, or 16 bytes.
        Describe(0, 0x00CFF200, 0xFFFF);
        Describe(8, 0x0040F200, 0x000F);
        c.mov(Word(Descriptors + 16), 0);
        c.mov(Word(Descriptors + 20), 0);
        c.xor(eax, eax);
        c.mov(gs, eax);
        k.QueueHypercall(HypercallNumber.LoadTls, TourLayout.TlsDescriptors, 0);
        k.Hypercall(HypercallNumber.FlushAsync);
        c.jmp(k.TrapReturn);

        void Describe(uint offset, uint high, uint limit)
        {
            c.mov(eax, Frame(TrapFrame.Ebx));
            c.mov(edx, eax);
            c.shl(eax, 16);
            c.or(eax, limit);
            c.mov(Word(Descriptors + offset), eax);
            c.mov(eax, edx);
            c.shr(eax, 16);
            c.and(eax, 0xFF);
            c.and(edx, 0xFF000000);
            c.or(eax, edx);
            c.or(eax, high);
            c.mov(Word(Descriptors + offset + 4), eax);
        }
    }

    private static AssemblerMemoryOperand Frame(int offset) => __dword_ptr[ebp + offset];
}
