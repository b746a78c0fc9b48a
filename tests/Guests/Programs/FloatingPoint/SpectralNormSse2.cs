using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs.FloatingPoint;

/// <summary>As a compiler for SSE2 has it.</summary>
internal sealed class SpectralNormSse2 : SpectralNorm<DoubleReal>
{
    protected override void EmitBegin(ProgramBuilder b)
    {
    }

    protected override void EmitRow(ProgramBuilder b, bool transposed)
    {
        Assembler c = b.Asm;
        c.mov(eax, ecx);
        c.pxor(xmm1, xmm1);
        CodeLabel column = b.Here();
        c.movsd(xmm0, __qword_ptr[esi + eax * 8]);
        c.pxor(xmm2, xmm2);
        EmitDenominator(c, transposed);
        c.cvtsi2sd(xmm2, edx);
        c.divsd(xmm0, xmm2);
        c.addsd(xmm1, xmm0);
        c.jne(column);
        c.movsd(__qword_ptr[ebp + ecx * 8], xmm1);
    }

    protected override void EmitRatio(ProgramBuilder b, uint result)
    {
        Assembler c = b.Asm;
        c.pxor(xmm2, xmm2);
        c.xor(ecx, ecx);
        c.pxor(xmm3, xmm3);
        CodeLabel next = b.Here();
        c.movsd(xmm0, __qword_ptr[edi + ecx * 8]);
        c.movsd(xmm1, __qword_ptr[esi + ecx * 8]);
        c.inc(ecx);
        c.mulsd(xmm1, xmm0);
        c.addsd(xmm3, xmm1);
        c.mulsd(xmm0, xmm0);
        c.addsd(xmm2, xmm0);
        c.cmp(ecx, Order);
        c.jne(next);
        c.divsd(xmm3, xmm2);
        c.sqrtsd(xmm3, xmm3);
        c.movsd(__qword_ptr[result], xmm3);
    }
}
