using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs.FloatingPoint;

/// <summary>As a compiler for i686 has it.</summary>
internal sealed class NBodyX87 : NBody<ExtendedReal>
{
    protected override void EmitBegin(ProgramBuilder b)
    {
        b.Asm.fninit();
        b.Asm.fld(__qword_ptr[Doubles(b, Step)]);
        b.Asm.fstp(__qword_ptr[esp + 16]);
    }

    protected override void EmitStep(ProgramBuilder b)
    {
        Assembler c = b.Asm;
        c.lea(edx, __dword_ptr[ecx + BodyBytes]);
        CodeLabel outer = b.Here();
        c.fld(__qword_ptr[edx - 56]);
        c.mov(eax, edx);
        c.fld(__qword_ptr[edx - 48]);
        c.fld(__qword_ptr[edx - 40]);
        c.fstp(__qword_ptr[esp]);
        c.fld(__qword_ptr[edx - 8]);
        c.fstp(__qword_ptr[esp + 8]);
        CodeLabel inner = b.Here();
        EmitPair(c);
        c.cmp(eax, ebx);
        c.jb(inner);
        c.fstp(st0);
        c.fstp(st0);
        c.add(edx, BodyBytes);
        c.cmp(edx, ebx);
        c.jb(outer);

        c.fld(__qword_ptr[esp + 16]);
        CodeLabel move = b.Here();
        c.fld(__qword_ptr[ecx + 24]);
        c.add(ecx, BodyBytes);
        c.fmul(st0, st1);
        c.fadd(__qword_ptr[ecx - 56]);
        c.fstp(__qword_ptr[ecx - 56]);
        c.fld(__qword_ptr[ecx - 24]);
        c.fmul(st0, st1);
        c.fadd(__qword_ptr[ecx - 48]);
        c.fstp(__qword_ptr[ecx - 48]);
        c.fld(__qword_ptr[ecx - 16]);
        c.fmul(st0, st1);
        c.fadd(__qword_ptr[ecx - 40]);
        c.fstp(__qword_ptr[ecx - 40]);
        c.cmp(ecx, ebx);
        c.jb(move);
        c.fstp(st0);
    }

    /// <summary>The bodies behind edx − 56, whose x and y are ST(1) and ST(0), and at eax, which moves on.</summary>
    private static void EmitPair(Assembler c)
    {
        c.fld(__qword_ptr[eax]);
        c.add(eax, BodyBytes);
        c.fsubr(st0, st2);
        c.fld(__qword_ptr[eax - 48]);
        c.fsubr(st0, st2);
        c.fld(__qword_ptr[esp]);
        c.fsub(__qword_ptr[eax - 40]);
        c.fld(st2);
        c.fmul(st0, st3);
        c.fld(st2);
        c.fmul(st0, st3);
        c.faddp(st1, st0);
        c.fld(st1);
        c.fmul(st0, st2);
        c.faddp(st1, st0);
        c.fld(st0);
        c.fsqrt();
        c.fmulp(st1, st0);
        c.fdivr(__qword_ptr[esp + 16]);
        c.fld(__qword_ptr[eax - 8]);
        c.fmul(st0, st1);
        c.fxch(st0, st1);
        c.fmul(__qword_ptr[esp + 8]);

        // ST(0) mi, ST(1) mj, ST(2) dz, ST(3) dy, ST(4) dx.
        c.fld(st4);
        c.fmul(st0, st2);
        c.fsubr(__qword_ptr[edx - 32]);
        c.fstp(__qword_ptr[edx - 32]);
        c.fld(st3);
        c.fmul(st0, st2);
        c.fsubr(__qword_ptr[edx - 24]);
        c.fstp(__qword_ptr[edx - 24]);
        c.fxch(st0, st1);
        c.fmul(st0, st2);
        c.fsubr(__qword_ptr[edx - 16]);
        c.fstp(__qword_ptr[edx - 16]);
        c.fmul(st3, st0);
        c.fxch(st0, st3);
        c.fadd(__qword_ptr[eax - 32]);
        c.fstp(__qword_ptr[eax - 32]);
        c.fxch(st0, st1);
        c.fmul(st0, st2);
        c.fadd(__qword_ptr[eax - 24]);
        c.fstp(__qword_ptr[eax - 24]);
        c.fmulp(st1, st0);
        c.fadd(__qword_ptr[eax - 16]);
        c.fstp(__qword_ptr[eax - 16]);
    }
}
