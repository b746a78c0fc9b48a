using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>
/// The program of ring 3: one image with an entry for each part. Its kernel brings it in page by page as it is
/// executed, so that already its first instruction is a page fault.
/// </summary>
internal sealed class UserProgram
{
    private const uint StraddleResult = 0x12345678;
    private const int CopyWords = 8;

    private UserProgram(byte[] bytes, Dictionary<UserEntry, uint> entries)
    {
        Bytes = bytes;
        Entries = entries;
    }

    /// <summary>The pages from <see cref="TourLayout.UserText"/> to <see cref="TourLayout.UserTextEnd"/>.</summary>
    public byte[] Bytes { get; }

    /// <summary>Where each part begins.</summary>
    public IReadOnlyDictionary<UserEntry, uint> Entries { get; }

    public static UserProgram Build()
    {
        Dictionary<UserEntry, uint> entries = [];
        byte[] main = CodeBuilder.Assemble(TourLayout.UserText, builder =>
        {
            var u = new UserAssembler(builder);
            foreach (UserEntry entry in Enum.GetValues<UserEntry>())
            {
                entries[entry] = u.AddressOf(u.Here());
                Emit(u, entry);
                u.Exit();
            }

            u.EmitTexts();
        });

        // Five bytes of instruction of which three are on one page and two on the next.
        byte[] straddle = CodeBuilder.Assemble(TourLayout.UserStraddle, static builder =>
        {
            builder.Asm.mov(eax, StraddleResult);
            builder.Asm.ret();
        });
        byte[] bytes = new byte[TourLayout.UserTextEnd - TourLayout.UserText];
        const int Offset = (int)(TourLayout.UserStraddle - TourLayout.UserText);
        if (main.Length > (Offset & ~0xFFF))
        {
            throw new InvalidOperationException($"The tour's user program has {main.Length} bytes: move the straddling function.");
        }

        main.CopyTo(bytes, 0);
        straddle.CopyTo(bytes, Offset);
        return new UserProgram(bytes, entries);
    }

    private static void Emit(UserAssembler u, UserEntry entry)
    {
        switch (entry)
        {
            case UserEntry.Segments:
                EmitSegments(u);
                break;
            case UserEntry.Paging:
                EmitPaging(u);
                break;
            case UserEntry.Strings:
                EmitStrings(u);
                break;
            case UserEntry.Cow:
                EmitCow(u);
                break;
            case UserEntry.TrapGate:
                EmitGate(u, 0x200, "a system call through a trap gate leaves irq_enabled alone");
                break;
            case UserEntry.InterruptGate:
                EmitGate(u, 0, "a system call through an interrupt gate, loaded in its place, switches interrupts off");
                break;
            case UserEntry.Traps:
                UserTraps.Emit(u);
                break;
            case UserEntry.Tls:
                EmitTls(u);
                break;
            case UserEntry.Spin:
                EmitSpin(u);
                break;
            case UserEntry.Processor:
                EmitProcessor(u);
                break;
            case UserEntry.Idle:
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(entry), entry, "There is no such part.");
        }
    }

    /// <summary>Entered with the kernel's data segments, which iret must not leave to ring 3.</summary>
    private static void EmitSegments(UserAssembler u)
    {
        Assembler c = u.Asm;
        c.mov(eax, ds);
        u.Expect("ds in ring 3", eax, 0);
        c.mov(eax, es);
        u.Expect("es in ring 3", eax, 0);
        c.mov(eax, cs);
        u.Expect("cs in ring 3", eax, TourLayout.UserCode);
        c.mov(eax, ss);
        u.Expect("ss in ring 3", eax, TourLayout.UserDataSegment);
        c.mov(ds, eax);
        c.mov(es, eax);
        c.mov(eax, esp);
        u.Expect("esp in ring 3", eax, TourLayout.UserStackTop);
        c.pushfd();
        c.pop(eax);
        c.and(eax, 0x3200);
        u.Expect("IF and IOPL in ring 3", eax, 0x200);
        u.Report("iret to ring 3: the kernel's ds and es are taken away; this line came by system call");
    }

    private static void EmitPaging(UserAssembler u)
    {
        Assembler c = u.Asm;

        // Our own text first, so that from here on only what we do on purpose brings in pages.
        for (uint page = TourLayout.UserText; page < (TourLayout.UserStraddle & ~0xFFFu); page += 0x1000)
        {
            c.mov(al, __byte_ptr[page]);
        }

        c.mov(__dword_ptr[TourLayout.UserData + 0x10], 0x1234);
        u.ExpectVariable("error code of a user write to an absent page", TourVariable.FaultError, 6);
        u.ExpectVariable("address of that fault", TourVariable.FaultAddress, TourLayout.UserData + 0x10);
        c.mov(eax, __dword_ptr[TourLayout.UserData + 0x10]);
        u.Expect("what was written", eax, 0x1234);
        c.mov(eax, __dword_ptr[TourLayout.UserData + 0x1FFC]);
        u.Expect("a fresh page", eax, 0);
        u.ExpectVariable("error code of a user read of an absent page", TourVariable.FaultError, 4);
        u.Report("pages of data come when they are first written or read");

        c.sub(esp, 0x3000);
        c.push(0x4321);
        c.pop(ecx);
        c.add(esp, 0x3000);
        u.Expect("what was pushed", ecx, 0x4321);
        u.ExpectVariable("address of a push to an absent page", TourVariable.FaultAddress, TourLayout.UserStackTop - 0x3004);
        u.Report("and pages of stack when something is pushed on them");

        c.mov(eax, TourLayout.UserStraddle);
        c.call(eax);
        u.Expect("result of an instruction on two pages", eax, StraddleResult);
        u.ExpectVariable("address of the fault on its second page", TourVariable.FaultAddress, (TourLayout.UserStraddle | 0xFFF) + 1);
        u.ExpectVariable("saved eip of it", TourVariable.FaultEip, TourLayout.UserStraddle);
        u.ExpectVariable("error code of it", TourVariable.FaultError, 4);
        u.Report("an instruction whose second half is on a page that is not there yet");
    }

    /// <summary>rep movsd that runs into an absent page half-way: the frame has the registers as they are by then.</summary>
    private static void EmitStrings(UserAssembler u)
    {
        Assembler c = u.Asm;
        const uint Source = TourLayout.UserData + 0x100;
        const uint Target = TourLayout.UserData + 0x5000 - (4 * CopyWords / 2);
        for (uint i = 0; i < CopyWords; i++)
        {
            c.mov(__dword_ptr[Source + 4 * i], 0x100 + i);
        }

        c.mov(__byte_ptr[Target], 0);
        c.mov(esi, Source);
        c.mov(edi, Target);
        c.mov(ecx, CopyWords);
        c.rep.movsd();
        u.Expect("ecx after rep movsd", ecx, 0);
        u.Expect("edi after rep movsd", edi, Target + 4 * CopyWords);
        u.ExpectVariable("ecx in the frame of the fault", TourVariable.FaultEcx, CopyWords / 2);
        u.ExpectVariable("address of the fault", TourVariable.FaultAddress, TourLayout.UserData + 0x5000);
        for (uint i = 0; i < CopyWords; i++)
        {
            c.mov(eax, __dword_ptr[Target + 4 * i]);
            u.Expect("a word copied by rep movsd", eax, 0x100 + i);
        }

        u.Report("rep movsd faults half-way on an absent page and goes on where it was");

        // Downwards, and onto itself: three bytes up, from the end, as memmove does it.
        c.std();
        c.mov(esi, Target + 4 * CopyWords - 1);
        c.mov(edi, Target + 4 * CopyWords + 2);
        c.mov(ecx, 4 * CopyWords);
        c.rep.movsb();
        c.cld();
        c.mov(eax, __dword_ptr[Target + 3]);
        u.Expect("the first word after memmove", eax, 0x100);
        c.mov(eax, __dword_ptr[Target + 4 * CopyWords - 1]);
        u.Expect("the last word after memmove", eax, 0x100 + CopyWords - 1);
        u.Report("std; rep movsb: a copy onto itself, from the end");
    }

    private static void EmitCow(UserAssembler u)
    {
        Assembler c = u.Asm;
        c.mov(eax, __dword_ptr[TourLayout.UserCow]);
        u.Expect("a page shared with the kernel", eax, UserChapter.CowPattern);
        u.ExpectVariable("copies before the first write", TourVariable.CowBreaks, 0);
        c.add(__dword_ptr[TourLayout.UserCow], 1);
        u.ExpectVariable("copies after the first write", TourVariable.CowBreaks, 1);
        u.ExpectVariable("error code of a user write to a read-only page", TourVariable.FaultError, 7);
        c.add(__dword_ptr[TourLayout.UserCow], 1);
        u.ExpectVariable("copies after the second write", TourVariable.CowBreaks, 1);
        c.mov(eax, __dword_ptr[TourLayout.UserCow]);
        u.Expect("our copy", eax, UserChapter.CowPattern + 2);
        u.Report("copy on write: error code 7, a page of our own, and the write goes on");
    }

    private static void EmitGate(UserAssembler u, uint irqEnabled, string title)
    {
        u.Peek(TourVariable.SyscallIrqEnabled);
        u.Asm.and(eax, 0x200);
        u.Expect("irq_enabled at the entry of a system call", eax, irqEnabled);
        u.Peek(TourVariable.SyscallFlags);
        u.Asm.and(eax, 0x200);
        u.Expect("IF in the frame of a system call", eax, 0x200);
        u.Report(title);
    }

    private static void EmitTls(UserAssembler u)
    {
        Assembler c = u.Asm;
        const uint Tls = TourLayout.UserData + 0x400;
        c.mov(__dword_ptr[Tls + 4], 0x7155);
        c.mov(ebx, Tls);
        u.Syscall(SyscallNumber.SetTls);
        c.mov(eax, 0x33);
        c.mov(gs, eax);
        c.mov(ecx, __dword_ptr.gs[4]);
        u.Expect("a word read through gs", ecx, 0x7155);
        c.mov(__dword_ptr.gs[8], ecx);
        c.mov(eax, __dword_ptr[Tls + 8]);
        u.Expect("a word written through gs", eax, 0x7155);

        // Offsets below the base wrap around 4 GiB, as glibc's do.
        c.mov(__dword_ptr[Tls - 4], 0x7156);
        c.mov(ecx, __dword_ptr.gs[0xFFFFFFFC]);
        u.Expect("a word at offset −4", ecx, 0x7156);
        u.Report("LOAD_TLS by way of the ring: thread data through gs");
        u.Provoke(
            "a TLS segment of 16 bytes ends there",
            13,
            0,
            static a => a.mov(eax, __dword_ptr.gs[13]),
            static a =>
            {
                a.mov(eax, 0x3B);
                a.mov(gs, eax);
                a.mov(eax, __dword_ptr.gs[12]);
            });
        u.Provoke("loading a TLS segment that is not set", 13, 0x40, static a => a.mov(gs, eax), static a => a.mov(eax, 0x43));
        c.xor(eax, eax);
        c.mov(gs, eax);
    }

    /// <summary>Watches the kernel's tick counter, on a page that it may only read.</summary>
    private static void EmitSpin(UserAssembler u)
    {
        Assembler c = u.Asm;
        CodeLabel enough = u.NewLabel();
        c.mov(edx, 2_000_000_000);
        CodeLabel wait = u.Here();
        c.cmp(__dword_ptr[TourLayout.UserTicks], UserChapter.Ticks);
        c.jae(enough);
        c.dec(edx);
        c.jne(wait);
        u.Mark(enough);
        c.mov(eax, __dword_ptr[TourLayout.UserTicks]);
        c.cmp(eax, UserChapter.Ticks);
        c.sbb(eax, eax);
        u.Expect("too few ticks", eax, 0);
    }

    private static void EmitProcessor(UserAssembler u)
    {
        Assembler c = u.Asm;

        // What a Linux Guest cannot do without: FPU, TSC, CX8, CMOV.
        c.mov(eax, 1);
        c.cpuid();
        c.and(edx, 0x8111);
        u.Expect("cpuid: FPU, TSC, CX8, CMOV", edx, 0x8111);
        c.rdtsc();
        c.mov(esi, eax);
        c.mov(edi, edx);
        c.rdtsc();
        c.sub(eax, esi);
        c.sbb(edx, edi);
        c.sar(edx, 31);
        u.Expect("rdtsc runs backwards", edx, 0);
        u.Report("cpuid and rdtsc in ring 3");

        c.fninit();
        c.push(6);
        c.fild(__dword_ptr[esp]);
        c.fimul(__dword_ptr[esp]);
        c.push(-78);
        c.fisubr(__dword_ptr[esp]);
        c.fchs();
        c.fistp(__dword_ptr[esp]);
        c.pop(eax);
        c.pop(ecx);
        u.Expect("the FPU's 6 × 6 + 78", eax, 114);
        u.Report("the FPU calculates");
        u.Provoke(
            "floating-point error",
            16,
            0,
            static a => a.wait(),
            static a =>
            {
                a.fninit();
                a.sub(esp, 4);
                a.mov(__word_ptr[esp], 0x037B);
                a.fldcw(__word_ptr[esp]);
                a.add(esp, 4);
                a.fld1();
                a.fldz();
                a.fdivp(st1, st0);
            });
        c.fninit();
    }
}
