using Iced.Intel;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Harness;

/// <summary>
/// The program on a bare PC in ring 0, entered by a multiboot loader; console by port 0xE9, end by a write to port
/// 0xF4. For QEMU: <c>-kernel X -debugcon stdio -device isa-debug-exit,iobase=0xf4,iosize=4</c>, whose exit status is 1.
/// </summary>
internal sealed class MultibootHarness : ProgramHarness
{
    private const ushort CodeSelector = 0x08;
    private const ushort DataSelector = 0x10;
    private const uint PagingAndWriteProtect = 0x80010000;
    private const int Emulation = 1 << 2;
    private const int MonitorAndNumericError = (1 << 1) | (1 << 5);
    private const int FxsaveAndSse = 1 << 9;

    private CodeLabel? _descriptors;
    private CodeLabel? _pointer;

    /// <summary>Segments are flat already, but their table is the loader's: set up our own (multiboot specification 0.6.96, §3.2).</summary>
    protected override void EmitSetUp(CodeBuilder b)
    {
        Assembler c = b.Asm;
        _descriptors = b.NewLabel();
        _pointer = b.NewLabel();
        CodeLabel reloaded = b.NewLabel();

        c.cli();
        c.lgdt(__fword_ptr[b.AddressOf(_pointer)]);
        c.jmp(CodeSelector, b.AddressOf(reloaded));
        b.Mark(reloaded);
        c.mov(eax, DataSelector);
        c.mov(ds, eax);
        c.mov(es, eax);
        c.mov(fs, eax);
        c.mov(gs, eax);
        c.mov(ss, eax);
        c.mov(esp, ProgramLayout.StackTop);
        c.cld();

        // The x87 unit, and SSE: off until somebody says that he knows of them.
        c.mov(eax, cr0);
        c.and(eax, ~Emulation);
        c.or(eax, MonitorAndNumericError);
        c.mov(cr0, eax);
        c.mov(eax, cr4);
        c.or(eax, FxsaveAndSse);
        c.mov(cr4, eax);
    }

    protected override void EmitPagingOn(CodeBuilder b)
    {
        Assembler c = b.Asm;
        c.mov(eax, ProgramLayout.PageDirectory);
        c.mov(cr3, eax);
        c.mov(eax, cr0);
        c.or(eax, PagingAndWriteProtect);
        c.mov(cr0, eax);
    }

    protected override void EmitPutCharacter(CodeBuilder b) => b.Asm.@out(0xE9, al);

    protected override void EmitEnd(CodeBuilder b)
    {
        Assembler c = b.Asm;
        c.xor(eax, eax);
        c.@out(ExitPort, al);
        CodeLabel halt = b.Here();
        c.hlt();
        c.jmp(halt);
    }

    protected override void EmitData(CodeBuilder b)
    {
        Assembler c = b.Asm;
        b.Mark(_descriptors!);
        c.dd(0u, 0u);
        c.dd(0x0000FFFFu, 0x00CF9B00u);
        c.dd(0x0000FFFFu, 0x00CF9300u);
        b.Mark(_pointer!);
        c.dw((ushort)23);
        c.dd(b.AddressOf(_descriptors!));
    }
}
