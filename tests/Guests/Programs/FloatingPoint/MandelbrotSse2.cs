using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs.FloatingPoint;

/// <summary>As a compiler for SSE2 has it: all in registers.</summary>
internal sealed class MandelbrotSse2 : Mandelbrot<DoubleReal>
{
    protected override void EmitBegin(ProgramBuilder b) => b.Asm.movsd(xmm3, __qword_ptr[Doubles(b, Limit)]);

    protected override void EmitRow(ProgramBuilder b)
    {
        Assembler c = b.Asm;
        c.pxor(xmm5, xmm5);
        c.cvtsi2sd(xmm5, ebp);
        c.mulsd(xmm5, __qword_ptr[Doubles(b, RowStep)]);
        c.subsd(xmm5, __qword_ptr[Doubles(b, Top)]);
    }

    protected override void EmitPoint(ProgramBuilder b)
    {
        Assembler c = b.Asm;
        CodeLabel enter = b.NewLabel();
        CodeLabel done = b.NewLabel();
        c.pxor(xmm4, xmm4);
        c.cvtsi2sd(xmm4, edi);
        c.mulsd(xmm4, __qword_ptr[Doubles(b, ColumnStep)]);
        c.subsd(xmm4, __qword_ptr[Doubles(b, Left)]);
        c.xor(eax, eax);
        c.pxor(xmm2, xmm2);
        c.movapd(xmm6, xmm2);
        c.movapd(xmm1, xmm2);
        c.movapd(xmm0, xmm2);
        c.jmp(enter);

        // xmm0 zr, xmm1 zi, xmm2 i2, xmm6 r2, xmm4 cr, xmm5 ci.
        CodeLabel turn = b.Here();
        c.addsd(xmm0, xmm0);
        c.subsd(xmm6, xmm2);
        c.inc(eax);
        c.mulsd(xmm0, xmm1);
        c.movapd(xmm1, xmm0);
        c.movapd(xmm0, xmm6);
        c.addsd(xmm1, xmm5);
        c.addsd(xmm0, xmm4);
        c.movapd(xmm2, xmm1);
        c.movapd(xmm6, xmm0);
        c.mulsd(xmm6, xmm0);
        c.mulsd(xmm2, xmm1);
        c.cmp(eax, edx);
        c.je(done);
        b.Mark(enter);
        c.movapd(xmm7, xmm6);
        c.addsd(xmm7, xmm2);
        c.comisd(xmm3, xmm7);
        c.jae(turn);
        b.Mark(done);
    }
}
