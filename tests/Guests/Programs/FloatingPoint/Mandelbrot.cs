using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs.FloatingPoint;

/// <summary>How long points of the plane stay: a short dependent chain and a comparison a turn.</summary>
internal abstract class Mandelbrot<T> : FloatProgram<T>
    where T : struct, IReal<T>
{
    protected const double ColumnStep = 0.0625;
    protected const double RowStep = 0.085;
    protected const double Left = 2.0;
    protected const double Top = 1.02;
    protected const double Limit = 4.0;

    private const int Columns = 48;
    private const int Rows = 24;
    private const int Turns = 200;

    public override long InstructionsPerIteration => IsX87 ? 1_840_000 : 1_300_000;

    protected override string Task => "mandelbrot";

    public override uint Checksum(int iterations)
    {
        uint sum = 0;
        for (; iterations > 0; iterations--)
        {
            for (int row = 0; row < Rows; row++)
            {
                double ci = (T.Of(row) * T.Of(RowStep) - T.Of(Top)).Stored;
                for (int column = 0; column < Columns; column++)
                {
                    sum = sum * 31 + Point(T.Of(column) * T.Of(ColumnStep) - T.Of(Left), T.Of(ci));
                }
            }
        }

        return sum;
    }

    protected override void Emit(ProgramBuilder b, int iterations)
    {
        Assembler c = b.Asm;
        c.sub(esp, 24);
        c.mov(__dword_ptr[esp], iterations);
        c.xor(esi, esi);
        c.mov(edx, Turns);
        EmitBegin(b);
        CodeLabel again = b.Here();
        c.xor(ebp, ebp);
        CodeLabel row = b.Here();
        EmitRow(b);
        c.xor(edi, edi);
        CodeLabel point = b.Here();
        EmitPoint(b);
        c.imul(esi, esi, 31);
        c.add(esi, eax);
        c.inc(edi);
        c.cmp(edi, Columns);
        c.jne(point);
        c.inc(ebp);
        c.cmp(ebp, Rows);
        c.jne(row);
        c.dec(__dword_ptr[esp]);
        c.jne(again);
        c.mov(eax, esi);
        c.add(esp, 24);
        c.ret();
    }

    /// <summary>Before the first point; [esp + 4] to [esp + 23] are free to use.</summary>
    protected abstract void EmitBegin(ProgramBuilder b);

    /// <summary>A row begins: its number is in ebp.</summary>
    protected abstract void EmitRow(ProgramBuilder b);

    /// <summary>eax = the turns of the point in column edi; at most edx.</summary>
    protected abstract void EmitPoint(ProgramBuilder b);

    private static uint Point(T cr, T ci)
    {
        T zr = T.Of(0);
        T zi = T.Of(0);
        T r2 = T.Of(0);
        T i2 = T.Of(0);
        uint turns = 0;
        while (turns != Turns && T.Of(Limit) >= r2 + i2)
        {
            zi = (zr + zr) * zi + ci;
            zr = r2 - i2 + cr;
            r2 = zr * zr;
            i2 = zi * zi;
            turns++;
        }

        return turns;
    }
}
