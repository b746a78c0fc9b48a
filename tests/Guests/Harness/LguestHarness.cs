using Iced.Intel;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Harness;

/// <summary>The program as an lguest Guest in ring 1: console by emergency write, end by SHUTDOWN.</summary>
internal sealed class LguestHarness : ProgramHarness
{
    private const int Initialise = 1;
    private const int Shutdown = 2;
    private const int NewPageTable = 4;
    private const int HypercallVector = 0x1F;

    private CodeLabel? _interruptReturn;
    private CodeLabel? _reason;

    /// <summary>Fills <c>struct lguest_data</c> (include/linux/lguest.h) and introduces itself.</summary>
    protected override void EmitSetUp(CodeBuilder b)
    {
        Assembler c = b.Asm;
        const uint Data = ProgramLayout.LguestData;
        _interruptReturn = b.NewLabel();
        _reason = b.NewLabel();

        c.mov(esp, ProgramLayout.StackTop);
        c.mov(__dword_ptr[Data + 0x004], 0xFFFFFFFF);
        c.mov(eax, 0xFFFFFFFF);
        c.mov(edi, Data + 0x018);
        c.mov(ecx, 16);
        c.rep.stosd();
        c.mov(__dword_ptr[Data + 0x560], b.AddressOf(_interruptReturn));
        c.mov(__dword_ptr[Data + 0x564], 0xC0000000);
        c.mov(__dword_ptr[Data + 0x568], 0x80);
        Hypercall(c, Initialise, Data);

        // The emergency write: PCI access window of the console (slot 1) onto bar 0, offset 60 + 8, length 4.
        ConfigWrite(c, 0x88, 0);
        ConfigWrite(c, 0x90, 4);
        ConfigWrite(c, 0x8C, 60 + 8);
    }

    protected override void EmitPagingOn(CodeBuilder b) => Hypercall(b.Asm, NewPageTable, ProgramLayout.PageDirectory);

    protected override void EmitPutCharacter(CodeBuilder b)
    {
        Assembler c = b.Asm;
        c.push(eax);
        c.mov(eax, 0x80000894);
        c.mov(edx, 0xCF8);
        c.@out(dx, eax);
        c.pop(eax);
        c.mov(edx, 0xCFC);
        c.@out(dx, eax);
    }

    protected override void EmitEnd(CodeBuilder b)
    {
        Assembler c = b.Asm;
        c.xor(eax, eax);
        c.@out(ExitPort, al);
        c.mov(ecx, 1);
        Hypercall(c, Shutdown, b.AddressOf(_reason!));
    }

    protected override void EmitData(CodeBuilder b)
    {
        b.Mark(_interruptReturn!);
        b.Asm.iretd();
        b.Mark(_reason!);
        b.Text("Power down".PadRight(128, '\0'));
    }

    private static void Hypercall(Assembler c, int number, uint argument)
    {
        c.mov(eax, number);
        c.mov(ebx, argument);
        c.@int(HypercallVector);
    }

    private static void ConfigWrite(Assembler c, uint register, uint value)
    {
        c.mov(eax, 0x80000800 | register);
        c.mov(edx, 0xCF8);
        c.@out(dx, eax);
        c.mov(eax, value);
        c.mov(edx, 0xCFC);
        c.@out(dx, eax);
    }
}
