using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs;

/// <summary>Copy, fill, compare and search by plain loops.</summary>
internal sealed class MemoryLoop : MemoryProgram
{
    public override string Name => "memory-loop";

    public override long InstructionsPerIteration => 66_400;

    protected override void EmitCopyWords(ProgramBuilder b)
    {
        Assembler c = b.Asm;
        c.push(esi);
        c.push(edi);
        c.mov(edi, __dword_ptr[esp + 12]);
        c.mov(esi, __dword_ptr[esp + 16]);
        c.mov(ecx, __dword_ptr[esp + 20]);
        c.lea(ecx, __[esi + ecx * 4]);
        CodeLabel next = b.Here();
        c.mov(eax, __dword_ptr[esi]);
        c.mov(edx, __dword_ptr[esi + 4]);
        c.mov(__dword_ptr[edi], eax);
        c.mov(__dword_ptr[edi + 4], edx);
        c.mov(eax, __dword_ptr[esi + 8]);
        c.mov(edx, __dword_ptr[esi + 12]);
        c.mov(__dword_ptr[edi + 8], eax);
        c.mov(__dword_ptr[edi + 12], edx);
        c.add(esi, 16);
        c.add(edi, 16);
        c.cmp(esi, ecx);
        c.jne(next);
        c.pop(edi);
        c.pop(esi);
        c.ret();
    }

    protected override void EmitFillWords(ProgramBuilder b)
    {
        Assembler c = b.Asm;
        c.mov(edx, __dword_ptr[esp + 4]);
        c.mov(eax, __dword_ptr[esp + 8]);
        c.mov(ecx, __dword_ptr[esp + 12]);
        CodeLabel next = b.Here();
        c.mov(__dword_ptr[edx], eax);
        c.add(edx, 4);
        c.dec(ecx);
        c.jne(next);
        c.ret();
    }

    protected override void EmitCopyBytes(ProgramBuilder b)
    {
        Assembler c = b.Asm;
        c.push(esi);
        c.push(ebx);
        c.mov(esi, __dword_ptr[esp + 12]);
        c.mov(edx, __dword_ptr[esp + 16]);
        c.mov(ebx, __dword_ptr[esp + 20]);
        c.xor(eax, eax);
        CodeLabel next = b.Here();
        c.movzx(ecx, __byte_ptr[edx + eax]);
        c.mov(__byte_ptr[esi + eax], cl);
        c.inc(eax);
        c.cmp(eax, ebx);
        c.jne(next);
        c.pop(ebx);
        c.pop(esi);
        c.ret();
    }

    protected override void EmitCompare(ProgramBuilder b)
    {
        Assembler c = b.Asm;
        CodeLabel done = b.NewLabel();
        c.push(esi);
        c.push(ebx);
        c.mov(edx, __dword_ptr[esp + 12]);
        c.mov(esi, __dword_ptr[esp + 16]);
        c.xor(eax, eax);
        CodeLabel next = b.Here();
        c.movzx(ecx, __byte_ptr[edx + eax]);
        c.movzx(ebx, __byte_ptr[esi + eax]);
        c.cmp(bl, cl);
        c.jne(done);
        c.inc(eax);
        c.cmp(eax, __dword_ptr[esp + 20]);
        c.jne(next);
        b.Mark(done);
        c.pop(ebx);
        c.pop(esi);
        c.ret();
    }

    protected override void EmitSearch(ProgramBuilder b)
    {
        Assembler c = b.Asm;
        CodeLabel found = b.NewLabel();
        c.mov(edx, __dword_ptr[esp + 4]);
        c.movzx(ecx, __byte_ptr[esp + 8]);
        c.xor(eax, eax);
        CodeLabel next = b.Here();
        c.cmp(__byte_ptr[edx + eax], cl);
        c.je(found);
        c.inc(eax);
        c.cmp(eax, __dword_ptr[esp + 12]);
        c.jb(next);
        c.or(eax, -1);
        b.Mark(found);
        c.ret();
    }
}
