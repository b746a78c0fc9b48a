using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs.FloatingPoint;

/// <summary>As a compiler for SSE2 has it: a complex number is a register.</summary>
internal sealed class FftSse2 : Fft<DoubleReal>
{
    protected override void EmitBegin(ProgramBuilder b)
    {
    }

    protected override void EmitButterfly(Assembler c)
    {
        c.movupd(xmm0, __xmmword_ptr[eax]);
        c.movupd(xmm3, __xmmword_ptr[ecx]);
        c.inc(ebx);
        c.add(eax, PointBytes);
        c.movupd(xmm1, __xmmword_ptr[eax - 16]);
        c.add(ecx, edi);
        c.add(edx, PointBytes);
        c.unpcklpd(xmm0, xmm0);
        c.movapd(xmm2, xmm3);
        c.mulpd(xmm0, xmm3);
        c.unpckhpd(xmm1, xmm1);
        c.shufpd(xmm2, xmm3, 1);
        c.mulpd(xmm1, xmm2);
        c.movapd(xmm2, xmm0);
        c.subpd(xmm2, xmm1);
        c.addpd(xmm0, xmm1);
        c.movupd(xmm1, __xmmword_ptr[edx - 16]);
        c.movsd(xmm0, xmm2);
        c.movapd(xmm2, xmm1);
        c.addpd(xmm2, xmm0);
        c.subpd(xmm1, xmm0);
        c.movups(__xmmword_ptr[edx - 16], xmm2);
        c.movups(__xmmword_ptr[eax - 16], xmm1);
    }

    protected override void EmitScale(ProgramBuilder b)
    {
        Assembler c = b.Asm;
        c.mov(eax, Data);
        c.movsd(xmm1, __qword_ptr[Doubles(b, Scale)]);
        c.unpcklpd(xmm1, xmm1);
        CodeLabel next = b.Here();
        c.movapd(xmm0, __xmmword_ptr[eax]);
        c.mulpd(xmm0, xmm1);
        c.movapd(__xmmword_ptr[eax], xmm0);
        c.add(eax, PointBytes);
        c.cmp(eax, Data + Points * PointBytes);
        c.jne(next);
    }
}
