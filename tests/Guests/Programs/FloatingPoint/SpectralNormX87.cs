using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs.FloatingPoint;

/// <summary>As a compiler for i686 has it: integers go to the register stack by way of memory.</summary>
internal sealed class SpectralNormX87 : SpectralNorm<ExtendedReal>
{
    protected override void EmitBegin(ProgramBuilder b) => b.Asm.fninit();

    protected override void EmitRow(ProgramBuilder b, bool transposed)
    {
        Assembler c = b.Asm;
        c.fldz();
        c.mov(eax, ecx);
        CodeLabel column = b.Here();
        c.fld(__qword_ptr[esi + eax * 8]);
        EmitDenominator(c, transposed);
        c.mov(__dword_ptr[esp + 4], edx);
        c.fild(__dword_ptr[esp + 4]);
        c.fdivp(st1, st0);
        c.faddp(st1, st0);
        c.jne(column);
        c.fstp(__qword_ptr[ebp + ecx * 8]);
    }

    protected override void EmitRatio(ProgramBuilder b, uint result)
    {
        Assembler c = b.Asm;
        c.fldz();
        c.xor(ecx, ecx);
        c.fldz();
        CodeLabel next = b.Here();
        c.fld(__qword_ptr[edi + ecx * 8]);
        c.fld(__qword_ptr[esi + ecx * 8]);
        c.inc(ecx);
        c.fmul(st0, st1);
        c.faddp(st2, st0);
        c.fmul(st0, st0);
        c.faddp(st2, st0);
        c.cmp(ecx, Order);
        c.jne(next);
        c.fdivrp(st1, st0);
        c.fsqrt();
        c.fstp(__qword_ptr[result]);
    }
}
