using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs;

/// <summary>The same by rep movs, stos, cmps and scas.</summary>
internal sealed class MemoryRep : MemoryProgram
{
    public override string Name => "memory-rep";

    public override long InstructionsPerIteration => 30_800;

    protected override void EmitCopyWords(ProgramBuilder b)
    {
        Copy(b.Asm, () => b.Asm.rep.movsd());
    }

    protected override void EmitFillWords(ProgramBuilder b)
    {
        Assembler c = b.Asm;
        c.mov(edx, edi);
        c.mov(edi, __dword_ptr[esp + 4]);
        c.mov(eax, __dword_ptr[esp + 8]);
        c.mov(ecx, __dword_ptr[esp + 12]);
        c.rep.stosd();
        c.mov(edi, edx);
        c.ret();
    }

    protected override void EmitCopyBytes(ProgramBuilder b)
    {
        Copy(b.Asm, () => b.Asm.rep.movsb());
    }

    protected override void EmitCompare(ProgramBuilder b)
    {
        Assembler c = b.Asm;
        CodeLabel alike = b.NewLabel();
        c.push(esi);
        c.push(edi);
        c.mov(esi, __dword_ptr[esp + 12]);
        c.mov(edi, __dword_ptr[esp + 16]);
        c.mov(ecx, __dword_ptr[esp + 20]);
        c.cmp(ecx, ecx);
        c.repe.cmpsb();
        c.mov(eax, esi);
        c.je(alike);
        c.dec(eax);
        b.Mark(alike);
        c.sub(eax, __dword_ptr[esp + 12]);
        c.pop(edi);
        c.pop(esi);
        c.ret();
    }

    protected override void EmitSearch(ProgramBuilder b)
    {
        Assembler c = b.Asm;
        CodeLabel found = b.NewLabel();
        c.mov(edx, edi);
        c.mov(edi, __dword_ptr[esp + 4]);
        c.movzx(eax, __byte_ptr[esp + 8]);
        c.mov(ecx, __dword_ptr[esp + 12]);
        c.repne.scasb();
        c.je(found);
        c.mov(edi, __dword_ptr[esp + 4]);
        b.Mark(found);
        c.lea(eax, __[edi - 1]);
        c.sub(eax, __dword_ptr[esp + 4]);
        c.mov(edi, edx);
        c.ret();
    }

    private static void Copy(Assembler c, Action copy)
    {
        c.push(esi);
        c.push(edi);
        c.mov(edi, __dword_ptr[esp + 12]);
        c.mov(esi, __dword_ptr[esp + 16]);
        c.mov(ecx, __dword_ptr[esp + 20]);
        copy();
        c.pop(edi);
        c.pop(esi);
        c.ret();
    }
}
