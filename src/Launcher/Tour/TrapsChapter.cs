using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Launcher.Tour.KernelAssembler;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>Every exception that ring 1 can bring upon itself, but for page faults.</summary>
internal static class TrapsChapter
{
    /// <summary>Error code of a software interrupt that is not allowed: vector, and "it is about the IDT".</summary>
    public static uint IdtError(int vector) => (uint)(vector << 3) | 2;

    public static void Emit(KernelAssembler k)
    {
        Assembler c = k.Asm;
        c.mov(Word(GuestLguestData.IrqEnabled), 0x200);
        c.mov(eax, 1);
        c.xor(ecx, ecx);
        c.xor(edx, edx);
        k.Provoke("divide error", 0, 0, static a => a.div(ecx));
        c.mov(eax, 0x80000000);
        c.cdq();
        c.mov(ecx, -1);
        k.Provoke("divide error by an overflow of idiv", 0, 0, static a => a.idiv(ecx));
        k.Provoke("debug: single step in ring 1", 1, 0, static a => a.nop(), after: true, flags: KernelAssembler.AllFlags | 0x100);
        k.Provoke("breakpoint", 3, 0, static a => a.int3(), after: true);
        k.Provoke("overflow", 4, 0, static a => a.into(), after: true);
        c.mov(Word(TourVariable.Scratch), 10);
        c.mov(Word(TourVariable.Scratch + 4), 20);
        c.mov(eax, 21);
        k.Provoke("bound range exceeded", 5, 0, static a => a.bound(eax, __qword_ptr[TourVariable.Scratch]));
        k.Provoke("invalid opcode", 6, 0, static a => a.ud2());
        k.Hypercall(HypercallNumber.Ts, 8);
        k.Provoke("device not available", 7, 0, static a => a.fnop());
        k.Hypercall(HypercallNumber.Ts, 0);
        c.fnop();
        EmitGeneralProtection(k);
        EmitSegments(k);
        EmitSoftwareInterrupts(k);
        EmitInterruptsOff(k);
    }

    private static void EmitGeneralProtection(KernelAssembler k)
    {
        Assembler c = k.Asm;
        k.Provoke("hlt is not for ring 1", 13, 0, static a => a.hlt());
        k.Provoke("sti is not for ring 1", 13, 0, static a => a.sti());
        c.mov(ecx, 0x570);
        k.Provoke("rdmsr is not for ring 1", 13, 0, static a => a.rdmsr());
        k.Provoke("nor is moving to cr3", 13, 0, static a => a.mov(cr3, eax));
        c.xor(eax, eax);
        c.mov(fs, eax);
        k.Provoke("reading through a null segment", 13, 0, static a => a.mov(ecx, __dword_ptr.fs[0x10]));
        k.Provoke("writing through cs", 13, 0, static a => a.mov(__dword_ptr.cs[TourVariable.Scratch], eax));
    }

    private static void EmitSegments(KernelAssembler k)
    {
        Assembler c = k.Asm;
        c.mov(eax, 0x50);
        k.Provoke("loading the Switcher's segment", 13, 0x50, static a => a.mov(ds, eax));
        c.mov(eax, 0x6F);
        k.Provoke("loading from an LDT that is not there", 13, 0x6C, static a => a.mov(es, eax));
        c.mov(eax, 0x203);
        k.Provoke("loading from beyond the GDT", 13, 0x200, static a => a.mov(gs, eax));
        c.mov(eax, TourLayout.UserDataSegment);
        k.Provoke("loading a user segment into ss", 13, 0x78, static a => a.mov(ss, eax));
        c.mov(eax, TourLayout.AbsentSegment);
        k.Provoke("loading a segment that is not present", 11, 0xA0, static a => a.mov(es, eax));
        k.Provoke("the same into ss", 12, 0xA0, static a => a.mov(ss, eax));
    }

    private static void EmitSoftwareInterrupts(KernelAssembler k)
    {
        k.Provoke("int 0x50, though its gate has DPL 3", 13, IdtError(TrapEntry.ForbiddenVector), static a => a.@int(TrapEntry.ForbiddenVector));
        k.Provoke("int 13", 13, IdtError(13), static a => a.@int(13));
        k.Provoke("int 0, whose gate has DPL 0", 13, IdtError(0), static a => a.@int(0));
        k.Provoke("int 2, which has no gate", 13, IdtError(2), static a => a.@int(2));
    }

    /// <summary>Exceptions come whether interrupts are on or off; the frame's IF and the iret carry irq_enabled over.</summary>
    private static void EmitInterruptsOff(KernelAssembler k)
    {
        k.Asm.mov(Word(GuestLguestData.IrqEnabled), 0);
        k.Provoke("invalid opcode with interrupts off: IF clear in the frame", 6, 0, static a => a.ud2(), interruptFlag: 0);
    }
}
