using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs.FloatingPoint;

/// <summary>As a compiler for SSE2 has it: pairs of coordinates where that comes for free.</summary>
internal sealed class NBodySse2 : NBody<DoubleReal>
{
    /// <summary>[esp]: mass; [esp + 8]: step; xmm6: z; xmm7: x and y; all of the body in front of edx.</summary>
    protected override void EmitBegin(ProgramBuilder b)
    {
        b.Asm.movsd(xmm0, __qword_ptr[Doubles(b, Step)]);
        b.Asm.movsd(__qword_ptr[esp + 8], xmm0);
    }

    protected override void EmitStep(ProgramBuilder b)
    {
        Assembler c = b.Asm;
        c.lea(edx, __dword_ptr[ecx + BodyBytes]);
        CodeLabel outer = b.Here();
        c.movsd(xmm2, __qword_ptr[edx - 8]);
        c.movupd(xmm7, __xmmword_ptr[edx - 56]);
        c.mov(eax, edx);
        c.movsd(xmm6, __qword_ptr[edx - 40]);
        c.movsd(__qword_ptr[esp], xmm2);
        CodeLabel inner = b.Here();
        EmitPair(c);
        c.cmp(eax, ebx);
        c.jb(inner);
        c.add(edx, BodyBytes);
        c.cmp(edx, ebx);
        c.jb(outer);

        c.movsd(xmm6, __qword_ptr[esp + 8]);
        c.movapd(xmm1, xmm6);
        c.unpcklpd(xmm1, xmm1);
        CodeLabel move = b.Here();
        c.movupd(xmm0, __xmmword_ptr[ecx + 24]);
        c.movupd(xmm7, __xmmword_ptr[ecx]);
        c.add(ecx, BodyBytes);
        c.mulpd(xmm0, xmm1);
        c.addpd(xmm0, xmm7);
        c.movups(__xmmword_ptr[ecx - 56], xmm0);
        c.movsd(xmm0, __qword_ptr[ecx - 16]);
        c.mulsd(xmm0, xmm6);
        c.addsd(xmm0, __qword_ptr[ecx - 40]);
        c.movsd(__qword_ptr[ecx - 40], xmm0);
        c.cmp(ecx, ebx);
        c.jb(move);
    }

    private static void EmitPair(Assembler c)
    {
        c.movupd(xmm0, __xmmword_ptr[eax]);
        c.movapd(xmm2, xmm7);
        c.add(eax, BodyBytes);
        c.subpd(xmm2, xmm0);
        c.movapd(xmm0, xmm6);
        c.subsd(xmm0, __qword_ptr[eax - 40]);
        c.movapd(xmm5, xmm2);
        c.movapd(xmm4, xmm2);
        c.mulsd(xmm4, xmm2);
        c.unpckhpd(xmm5, xmm5);
        c.movapd(xmm1, xmm5);
        c.mulsd(xmm1, xmm5);
        c.addsd(xmm4, xmm1);
        c.movapd(xmm1, xmm0);
        c.mulsd(xmm1, xmm0);
        c.addsd(xmm1, xmm4);
        c.movsd(xmm4, __qword_ptr[esp + 8]);
        c.movapd(xmm3, xmm1);
        c.sqrtsd(xmm3, xmm3);
        c.mulsd(xmm1, xmm3);
        c.movsd(xmm3, __qword_ptr[eax - 8]);
        c.divsd(xmm4, xmm1);
        c.mulsd(xmm3, xmm4);
        c.mulsd(xmm4, __qword_ptr[esp]);

        // xmm4 mi, xmm3 mj, xmm0 dz, xmm2 dx and dy.
        c.movapd(xmm5, xmm3);
        c.mulsd(xmm3, xmm0);
        c.unpcklpd(xmm5, xmm5);
        c.movapd(xmm1, xmm4);
        c.movupd(xmm4, __xmmword_ptr[edx - 32]);
        c.mulpd(xmm5, xmm2);
        c.mulsd(xmm0, xmm1);
        c.subpd(xmm4, xmm5);
        c.movups(__xmmword_ptr[edx - 32], xmm4);
        c.movsd(xmm4, __qword_ptr[edx - 16]);
        c.subsd(xmm4, xmm3);
        c.movapd(xmm3, xmm1);
        c.unpcklpd(xmm3, xmm3);
        c.mulpd(xmm3, xmm2);
        c.movsd(__qword_ptr[edx - 16], xmm4);
        c.movupd(xmm2, __xmmword_ptr[eax - 32]);
        c.addsd(xmm0, __qword_ptr[eax - 16]);
        c.movsd(__qword_ptr[eax - 16], xmm0);
        c.addpd(xmm3, xmm2);
        c.movups(__xmmword_ptr[eax - 32], xmm3);
    }
}
