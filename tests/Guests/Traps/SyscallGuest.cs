using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Core.State;
using Lguest.Jit.Guests.Harness;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Switcher;
using Lguest.Jit.Switcher.Deterministic;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Traps;

/// <summary>All that there is to see of a Guest at its end.</summary>
/// <param name="End">How it ended.</param>
/// <param name="Instructions">Completed.</param>
/// <param name="Memory">Hash of all of RAM, in which the handlers have left what they were given.</param>
/// <param name="Registers">Hash of all registers.</param>
/// <param name="Traps">Deliveries by vector.</param>
/// <param name="Interrupts">Timer interrupts delivered.</param>
internal sealed record SyscallOutcome(GuestEnd End, long Instructions, ulong Memory, ulong Registers, IReadOnlyList<long> Traps, long Interrupts)
{
    /// <summary>Is it the same for the Guest?</summary>
    public bool IsAs(SyscallOutcome other) => this with { Traps = other.Traps } == other && Traps.SequenceEqual(other.Traps);
}

/// <summary>
/// A kernel and a program in ring 3 that makes system calls, in deterministic time. Whatever a trap shows of how it was delivered goes into
/// hashes in the Guest's memory: each word of each frame, irq_enabled, the segments of the handler; and what the program has left in its registers
/// and flags. Calls differ: some make hypercalls, some trap once more in the kernel, some load a gate of the other kind; there are page faults, and a timer.
/// </summary>
internal sealed class SyscallGuest
{
    public const int Vector = Vectors.Syscall;

    private const uint RamSize = 4 << 20;
    private const uint Code = 0x100000;
    private const uint UserPage = 0x180000;
    private const uint Data = 0x200000;
    private const uint Hash = 0x201000;
    private const uint TimerHash = 0x201010;
    private const uint Ticks = 0x201014;
    private const uint KernelStack = 0x220000;
    private const uint TrapStack = 0x230000;
    private const uint UserStack = 0x240000;
    private const uint Directory = 0x300000;
    private const uint Table = 0x301000;

    /// <summary>A page of the user's that comes and goes.</summary>
    private const uint Fleeting = 0x260000;

    private const uint IrqEnabled = Data + LguestData.IrqEnabled;
    private const uint TimerDelta = 300_000;
    private const int Finish = 9;

    private readonly uint _calls;

    /// <param name="calls">System calls, at least 1.</param>
    public SyscallGuest(uint calls)
    {
        ArgumentOutOfRangeException.ThrowIfZero(calls);
        _calls = calls;
    }

    /// <summary>Runs it to its end.</summary>
    /// <param name="engine">Makes the engine for the machine.</param>
    /// <param name="direct">Are traps delivered where they happen?</param>
    public unsafe SyscallOutcome Run(Func<GuestMachine, IExecutionEngine> engine, bool direct)
    {
        using var machine = new GuestMachine(RamSize, new DeterministicClock());
        byte[] kernel = CodeBuilder.Assemble(Code, EmitKernel);
        byte[] program = CodeBuilder.Assemble(UserPage, EmitProgram);
        if (!machine.Ram.TryWrite(Code, kernel) || !machine.Ram.TryWrite(UserPage, program))
        {
            throw new InvalidOperationException("The Guest does not fit into its memory.");
        }

        using IExecutionEngine executes = engine(machine);
        using var guest = new LguestGuest(machine, executes, new HarnessPorts(), new GuestOptions { DirectTraps = direct });
        guest.Start(Code);
        GuestEnd end = guest.Run();
        return new SyscallOutcome(
            end, machine.Retired, PageHash.OfAll(machine.Ram), CpuDigest.Registers(machine.Cpu), [.. guest.Statistics.TrapsByVector], guest.Statistics.InterruptsByIrq[0]);
    }

    private static void EmitKernel(CodeBuilder b)
    {
        Assembler c = b.Asm;
        CodeLabel noirqIret = b.NewLabel();
        CodeLabel leave = b.NewLabel();
        CodeLabel syscall = b.NewLabel();
        CodeLabel breakpoint = b.NewLabel();
        CodeLabel fault = b.NewLabel();
        CodeLabel timer = b.NewLabel();
        CodeLabel finish = b.NewLabel();
        CodeLabel reason = b.NewLabel();

        c.mov(__dword_ptr[Data + LguestData.BlockedInterrupts], 0xFFFFFFFE);
        c.mov(edi, Data + LguestData.HcallStatus);
        c.mov(eax, 0xFFFFFFFF);
        c.mov(ecx, 16);
        c.rep.stosd();
        c.mov(__dword_ptr[Data + LguestData.NoirqIret], b.AddressOf(noirqIret));
        c.mov(__dword_ptr[Data + LguestData.KernelAddress], 0xC0000000);
        c.mov(__dword_ptr[Data + LguestData.SyscallVec], Vector);
        Hypercall(c, HypercallNumbers.LguestInit, Data);
        c.mov(esp, KernelStack);
        EmitPaging(b);
        Hypercall(c, HypercallNumbers.LoadGdtEntry, 14, 0xFFFF, 0x00CFFA00);
        Hypercall(c, HypercallNumbers.LoadGdtEntry, 15, 0xFFFF, 0x00CFF200);
        Hypercall(c, HypercallNumbers.SetStack, 0x69, TrapStack, 1);
        Gate(b, Vector, syscall, 0xEF00);
        Gate(b, Vectors.Breakpoint, breakpoint, 0xEE00);
        Gate(b, Vectors.PageFault, fault, 0x8E00);
        Gate(b, Vectors.FirstExternal, timer, 0x8E00);
        Gate(b, Finish, finish, 0xEF00);
        c.mov(eax, 0x7B);
        c.mov(ds, eax);
        c.mov(es, eax);
        c.mov(__dword_ptr[IrqEnabled], 0x200);
        Hypercall(c, HypercallNumbers.SetClockevent, TimerDelta);
        c.push(0x7B);
        c.push(UserStack);
        c.push(0x202);
        c.push(0x73);
        c.push(UserPage);
        c.iretd();

        EmitSyscall(b, syscall, leave, noirqIret);

        // Within the kernel: three words, and a plain iret.
        b.Mark(breakpoint);
        c.push(eax);
        c.push(edx);
        Absorb(c, Hash, pushed: 2, words: 3);
        c.pop(edx);
        c.pop(eax);
        c.iretd();

        // The page comes back.
        b.Mark(fault);
        c.push(eax);
        c.push(edx);
        Absorb(c, Hash, pushed: 2, words: 6);
        c.mov(eax, __dword_ptr[Data + LguestData.Cr2]);
        c.add(__dword_ptr[Hash], eax);
        c.mov(__dword_ptr[Pte(Fleeting)], Fleeting | 7);
        c.pop(edx);
        c.pop(eax);
        c.add(esp, 4);
        c.jmp(leave.Value);

        b.Mark(timer);
        c.pushad();
        Absorb(c, TimerHash, pushed: 8, words: 3);
        c.inc(__dword_ptr[Ticks]);
        Hypercall(c, HypercallNumbers.SetClockevent, TimerDelta);
        c.popad();
        c.jmp(leave.Value);

        b.Mark(finish);
        c.mov(__dword_ptr[Hash + 4], esi);
        Hypercall(c, HypercallNumbers.Shutdown, b.AddressOf(reason), HypercallNumbers.ShutdownPoweroff);
        b.Mark(reason);
        b.Text("Power down".PadRight(128, '\0'));
    }

    /// <summary>eax is the number of the call, which says what else it does; edx is returned.</summary>
    private static void EmitSyscall(CodeBuilder b, CodeLabel syscall, CodeLabel leave, CodeLabel noirqIret)
    {
        Assembler c = b.Asm;
        CodeLabel nested = b.NewLabel();
        CodeLabel interruptGate = b.NewLabel();
        CodeLabel done = b.NewLabel();
        b.Mark(syscall);
        c.push(eax);
        c.push(edx);
        Absorb(c, Hash, pushed: 2, words: 5);
        c.mov(edx, ss);
        c.add(__dword_ptr[Hash], edx);
        c.mov(eax, __dword_ptr[esp + 4]);
        c.test(al, 7);
        c.je(nested.Value);
        c.and(eax, 0x7F);
        c.cmp(eax, 0x21);
        c.jne(done.Value);

        // Every 128th: the user's page goes away, and the gate becomes an interrupt gate or a trap gate, as it happens.
        c.pushad();
        c.mov(__dword_ptr[Pte(Fleeting)], 0);
        Hypercall(c, HypercallNumbers.SetPte, Directory, Fleeting);
        c.mov(ecx, b.AddressOf(syscall));
        c.mov(edx, ecx);
        c.and(ecx, 0xFFFF);
        c.and(edx, 0xFFFF0000);
        c.or(edx, 0xEE00);
        c.bt(__dword_ptr[Hash], 5);
        c.jnc(interruptGate.Value);
        c.or(edx, 0x0100);
        b.Mark(interruptGate);
        c.mov(eax, HypercallNumbers.LoadIdtEntry);
        c.mov(ebx, Vector);
        c.@int((byte)Vectors.Hypercall);
        c.popad();
        c.jmp(done.Value);

        // Every eighth: a trap within the kernel; and now and then a hypercall that changes nothing.
        b.Mark(nested);
        c.int3();
        c.cmp(al, 0x80);
        c.jne(done.Value);
        c.pushad();
        Hypercall(c, HypercallNumbers.FlushTlb, 0);
        c.popad();

        b.Mark(done);
        c.pop(edx);
        c.pop(eax);
        c.mov(edx, __dword_ptr[Hash]);

        // As lguest_iret does it (arch/x86/lguest/head_32.S).
        b.Mark(leave);
        c.push(__dword_ptr[esp + 8]);
        c.pop(__dword_ptr[IrqEnabled]);
        b.Mark(noirqIret);
        c.iretd();
    }

    /// <summary>Registers, flags and stack pointer are different for each call.</summary>
    private void EmitProgram(CodeBuilder b)
    {
        Assembler c = b.Asm;
        c.mov(edi, _calls);
        c.mov(ebx, 0x2545F491);
        c.xor(esi, esi);
        CodeLabel again = b.Here();
        c.mov(eax, edi);
        c.imul(ebx, ebx, 0x41C64E6D);
        c.add(ebx, 12345);
        c.mov(ecx, ebx);
        c.and(ecx, 0x1FC);
        c.sub(esp, ecx);
        c.add(ebx, ebx);
        c.@int((byte)Vector);
        c.rcl(esi, 3);
        c.xor(esi, edx);
        c.lea(esp, __[esp + ecx]);
        c.add(__dword_ptr[Fleeting + 0x10], esi);
        c.dec(edi);
        c.jne(again.Value);
        c.@int((byte)Finish);
    }

    /// <summary>Identity, all of it the kernel's; the program, its stack and its page are the user's too.</summary>
    private static void EmitPaging(CodeBuilder b)
    {
        Assembler c = b.Asm;
        c.mov(__dword_ptr[Directory], Table | 7);
        c.mov(eax, 3);
        c.mov(edx, Table);
        CodeLabel next = b.Here();
        c.mov(__dword_ptr[edx], eax);
        c.add(edx, 4);
        c.add(eax, 0x1000);
        c.cmp(edx, Table + 0x1000);
        c.jne(next.Value);
        foreach (uint page in new[] { UserPage, UserStack - 0x1000, Fleeting })
        {
            c.or(__dword_ptr[Pte(page)], 4);
        }

        Hypercall(c, HypercallNumbers.NewPgtable, Directory);
    }

    /// <summary>Words of the frame, which lies above what has been pushed, go into a hash, and irq_enabled with them. Clobbers eax and edx.</summary>
    private static void Absorb(Assembler c, uint hash, int pushed, int words)
    {
        c.mov(eax, __dword_ptr[hash]);
        for (int i = 0; i < words; i++)
        {
            c.rol(eax, 7);
            c.add(eax, __dword_ptr[esp + 4 * (pushed + i)]);
        }

        c.mov(edx, cs);
        c.xor(eax, edx);
        c.xor(eax, __dword_ptr[IrqEnabled]);
        c.mov(__dword_ptr[hash], eax);
    }

    private static uint Pte(uint address) => Table + 4 * (address >> 12);

    private static void Gate(CodeBuilder b, int vector, CodeLabel handler, uint flags)
    {
        uint address = b.AddressOf(handler);
        Hypercall(b.Asm, HypercallNumbers.LoadIdtEntry, (uint)vector, address & 0xFFFF, (address & 0xFFFF0000) | flags);
    }

    private static void Hypercall(Assembler c, uint number, uint ebx, uint ecx = 0, uint edx = 0)
    {
        c.mov(eax, number);
        c.mov(AssemblerRegisters.ebx, ebx);
        c.mov(AssemblerRegisters.ecx, ecx);
        c.mov(AssemblerRegisters.edx, edx);
        c.@int((byte)Vectors.Hypercall);
    }
}
