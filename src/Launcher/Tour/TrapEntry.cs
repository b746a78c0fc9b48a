using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Launcher.Tour.KernelAssembler;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>How the tour kernel takes traps: stubs, the common entry, the dispatch, and the way back.</summary>
internal static class TrapEntry
{
    private const int Syscall = 0x80;
    private const int FirstExternal = 32;
    private const uint InterruptGate = 0x8E00;
    private const uint TrapGate = 0x8F00;

    /// <summary>A vector that no Guest may use in software, whatever its gate says (ABI sheet §5.8).</summary>
    public const int ForbiddenVector = 0x50;

    /// <summary>Gates that the kernel loads, and the lowest privilege that may use each by <c>int n</c>.</summary>
    private static readonly (int Vector, uint Privilege)[] _gates =
    [
        (0, 0), (1, 0), (3, 3), (4, 3), (5, 0), (6, 0), (7, 0), (9, 0), (10, 0), (11, 0), (12, 0), (13, 0), (14, 0), (16, 0), (17, 0), (19, 0),
        (FirstExternal, 0), (FirstExternal + 1, 0), (ForbiddenVector, 3),
    ];

    public static void Emit(KernelAssembler k)
    {
        CodeLabel common = k.NewLabel();
        CodeLabel[] stubs = [.. _gates.Select(_ => k.NewLabel())];
        for (int i = 0; i < stubs.Length; i++)
        {
            EmitStub(k, stubs[i], _gates[i].Vector, common);
        }

        EmitStub(k, k.SyscallEntry, Syscall, common);
        EmitCommon(k, common);
        EmitReturn(k);
        EmitGates(k, stubs);
    }

    /// <summary>Low and high word of a gate (set_trap takes them so).</summary>
    public static (uint Low, uint High) Gate(uint handler, bool trapGate, uint privilege) =>
        ((uint)(TourLayout.KernelCode << 16) | (handler & 0xFFFF), (handler & 0xFFFF0000) | (trapGate ? TrapGate : InterruptGate) | (privilege << 13));

    private static bool HasErrorCode(int vector) => vector is 8 or (>= 10 and <= 14) or 17;

    private static void EmitStub(KernelAssembler k, CodeLabel stub, int vector, CodeLabel common)
    {
        k.Mark(stub);
        if (!HasErrorCode(vector))
        {
            k.Asm.push(0);
        }

        k.Asm.push(vector);
        k.Asm.jmp(common);
    }

    private static void EmitCommon(KernelAssembler k, CodeLabel common)
    {
        Assembler c = k.Asm;
        k.Mark(common);
        c.pushad();
        c.push(ds);
        c.push(es);
        c.mov(eax, TourLayout.KernelData);
        c.mov(ds, eax);
        c.mov(es, eax);
        c.cld();
        c.mov(ebp, esp);
        c.mov(eax, Word(GuestLguestData.IrqEnabled));
        c.mov(Word(TourVariable.EntryIrqEnabled), eax);
        c.mov(eax, __dword_ptr[ebp + TrapFrame.Vector]);
        c.cmp(eax, Syscall);
        c.je(k.SystemCall);
        c.cmp(eax, 14);
        c.je(k.PageFault);
        c.cmp(eax, FirstExternal);
        c.jb(k.ExpectedTrap);
        c.cmp(eax, FirstExternal + 1);
        c.ja(k.ExpectedTrap);
        c.jmp(k.Interrupt);
    }

    private static void EmitReturn(KernelAssembler k)
    {
        Assembler c = k.Asm;
        k.Mark(k.TrapReturn);
        c.pop(es);
        c.pop(ds);
        c.popad();
        c.add(esp, 8);

        // An interrupt that came between the pop and the iret would find the kernel stack as the user left it: so the Host keeps
        // interrupts back at noirq_iret, and only there.
        k.Mark(k.VirtualIret);
        c.push(__dword_ptr[esp + 8]);
        c.pop(__dword_ptr.ss[GuestLguestData.IrqEnabled]);
        k.Mark(k.NoirqIret);
        c.iretd();
    }

    private static void EmitGates(KernelAssembler k, CodeLabel[] stubs)
    {
        Assembler c = k.Asm;
        k.Mark(k.Gates);
        for (int i = 0; i < stubs.Length; i++)
        {
            Entry(_gates[i].Vector, Gate(k.AddressOf(stubs[i]), trapGate: false, _gates[i].Privilege));
        }

        Entry(Syscall, Gate(k.AddressOf(k.SyscallEntry), trapGate: true, 3));

        // A task gate for double faults, as Linux loads it: lguest ignores it without a look, wrong type and all.
        Entry(8, (0x00F80000, 0x00008500));
        c.dd(uint.MaxValue);

        void Entry(int vector, (uint Low, uint High) gate) => c.dd((uint)vector, gate.Low, gate.High);
    }
}
