using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs.FloatingPoint;

/// <summary>As a compiler for i686 has it.</summary>
internal sealed class FftX87 : Fft<ExtendedReal>
{
    protected override void EmitBegin(ProgramBuilder b) => b.Asm.fninit();

    protected override void EmitButterfly(Assembler c)
    {
        c.fld(__qword_ptr[eax]);
        c.inc(ebx);
        c.add(edx, PointBytes);
        c.fmul(__qword_ptr[ecx]);
        c.add(eax, PointBytes);
        c.fld(__qword_ptr[eax - 8]);
        c.fmul(__qword_ptr[ecx + 8]);
        c.fsubp(st1, st0);
        c.fld(__qword_ptr[eax - 16]);
        c.fmul(__qword_ptr[ecx + 8]);
        c.fld(__qword_ptr[ecx]);
        c.add(ecx, edi);
        c.fmul(__qword_ptr[eax - 8]);
        c.faddp(st1, st0);
        c.fld(__qword_ptr[edx - 16]);
        c.fld(__qword_ptr[edx - 8]);

        // ui, ur, ti, tr.
        c.fld(st3);
        c.fadd(st0, st2);
        c.fstp(__qword_ptr[edx - 16]);
        c.fld(st2);
        c.fadd(st0, st1);
        c.fstp(__qword_ptr[edx - 8]);
        c.fxch(st0, st1);
        c.fsubrp(st3, st0);
        c.fxch(st0, st2);
        c.fstp(__qword_ptr[eax - 16]);
        c.fsubp(st1, st0);
        c.fstp(__qword_ptr[eax - 8]);
    }

    protected override void EmitScale(ProgramBuilder b)
    {
        Assembler c = b.Asm;
        c.mov(eax, Data);
        c.fld(__qword_ptr[Doubles(b, Scale)]);
        CodeLabel next = b.Here();
        c.fld(__qword_ptr[eax]);
        c.fmul(st0, st1);
        c.fstp(__qword_ptr[eax]);
        c.fld(__qword_ptr[eax + 8]);
        c.add(eax, PointBytes);
        c.fmul(st0, st1);
        c.fstp(__qword_ptr[eax - 8]);
        c.cmp(eax, Data + Points * PointBytes);
        c.jne(next);
        c.fstp(st0);
    }
}
