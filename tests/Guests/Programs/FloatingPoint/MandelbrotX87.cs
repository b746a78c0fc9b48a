using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs.FloatingPoint;

/// <summary>As a compiler for i686 has it: six values on the register stack all the time.</summary>
internal sealed class MandelbrotX87 : Mandelbrot<ExtendedReal>
{
    private uint _limit;

    protected override void EmitBegin(ProgramBuilder b)
    {
        b.Asm.fninit();
        _limit = b.Words(BitConverter.SingleToUInt32Bits((float)Limit));
    }

    protected override void EmitRow(ProgramBuilder b)
    {
        Assembler c = b.Asm;
        c.mov(__dword_ptr[esp + 4], ebp);
        c.fild(__dword_ptr[esp + 4]);
        c.fmul(__qword_ptr[Doubles(b, RowStep)]);
        c.fsub(__qword_ptr[Doubles(b, Top)]);
        c.fstp(__qword_ptr[esp + 8]);
    }

    protected override void EmitPoint(ProgramBuilder b)
    {
        Assembler c = b.Asm;
        CodeLabel enter = b.NewLabel();
        CodeLabel done = b.NewLabel();
        c.mov(__dword_ptr[esp + 4], edi);
        c.fild(__dword_ptr[esp + 4]);
        c.fmul(__qword_ptr[Doubles(b, ColumnStep)]);
        c.fsub(__qword_ptr[Doubles(b, Left)]);
        c.fld(__qword_ptr[esp + 8]);
        c.xor(eax, eax);
        c.fldz();
        c.fld(st0);
        c.fld(st1);
        c.fld(st2);
        c.jmp(enter);

        // zi, r2, i2, zr, ci, cr.
        CodeLabel turn = b.Here();
        c.fxch(st0, st3);
        c.fadd(st0, st0);
        c.inc(eax);
        c.cmp(eax, edx);
        c.fmulp(st3, st0);
        c.fxch(st0, st2);
        c.fadd(st0, st3);
        c.fxch(st0, st2);
        c.fsubrp(st1, st0);
        c.fadd(st0, st3);
        c.fld(st0);
        c.fmul(st0, st1);
        c.fld(st2);
        c.fmul(st0, st3);
        c.je(done);
        c.fxch(st0, st2);
        c.fxch(st0, st3);
        b.Mark(enter);
        c.fld(__dword_ptr[_limit]);
        c.fld(st2);
        c.fadd(st0, st4);
        c.fxch(st0, st1);
        c.fcomip(st0, st1);
        c.fstp(st0);
        c.jae(turn);
        b.Mark(done);
        for (int i = 0; i < 6; i++)
        {
            c.fstp(st0);
        }
    }
}
