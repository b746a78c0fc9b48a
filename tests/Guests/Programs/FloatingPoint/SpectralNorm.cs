using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs.FloatingPoint;

/// <summary>The norm of a matrix whose elements are computed as they are needed: an integer chain, a conversion and a division for each.</summary>
internal abstract class SpectralNorm<T> : FloatProgram<T>
    where T : struct, IReal<T>
{
    protected const int Order = 64;

    private const int VectorBytes = Order * 8;
    private const uint U = ProgramLayout.Data;
    private const uint V = U + 0x1000;
    private const uint Between = U + 0x2000;
    private const uint Result = U + 0x3000;

    public override long InstructionsPerIteration => 206_000;

    protected override string Task => "spectral";

    public override uint Checksum(int iterations)
    {
        uint sum = 0;
        for (; iterations > 0; iterations--)
        {
            double[] u = new double[Order];
            Array.Fill(u, 1.0);
            double[] v = Multiply(Multiply(u, transposed: false), transposed: true);
            u = Multiply(Multiply(v, transposed: false), transposed: true);
            T uv = T.Of(0);
            T vv = T.Of(0);
            for (int i = 0; i < Order; i++)
            {
                uv += T.Of(u[i]) * T.Of(v[i]);
                vv += T.Of(v[i]) * T.Of(v[i]);
            }

            ulong bits = BitConverter.DoubleToUInt64Bits(T.Root(uv / vv).Stored);
            sum = sum * 31 + (uint)bits;
        }

        return sum;
    }

    protected override void Emit(ProgramBuilder b, int iterations)
    {
        Assembler c = b.Asm;
        CodeLabel multiply = b.NewLabel();
        CodeLabel transposed = b.NewLabel();
        uint one = Doubles(b, 1.0);
        c.push(0);
        c.push(iterations);
        EmitBegin(b);
        CodeLabel again = b.Here();
        c.xor(ecx, ecx);
        c.mov(eax, __dword_ptr[one]);
        c.mov(edx, __dword_ptr[one + 4]);
        CodeLabel fill = b.Here();
        c.mov(__dword_ptr[ecx * 8 + U], eax);
        c.mov(__dword_ptr[ecx * 8 + U + 4], edx);
        c.inc(ecx);
        c.cmp(ecx, Order);
        c.jne(fill);
        foreach ((uint from, uint to, CodeLabel function) in new[]
        {
            (U, Between, multiply), (Between, V, transposed), (V, Between, multiply), (Between, U, transposed),
        })
        {
            c.mov(esi, from);
            c.mov(ebp, to);
            c.call(function);
        }

        c.mov(esi, U);
        c.mov(edi, V);
        EmitRatio(b, Result);
        c.mov(eax, __dword_ptr[esp + 4]);
        c.imul(eax, eax, 31);
        c.add(eax, __dword_ptr[Result]);
        c.mov(__dword_ptr[esp + 4], eax);
        c.dec(__dword_ptr[esp]);
        c.jne(again);
        c.pop(ecx);
        c.pop(eax);
        c.ret();

        foreach ((CodeLabel function, bool isTransposed) in new[] { (multiply, false), (transposed, true) })
        {
            b.Mark(function);
            c.sub(esp, 12);
            c.xor(ecx, ecx);
            c.mov(ebx, Order);
            CodeLabel row = b.Here();
            EmitRow(b, isTransposed);
            c.inc(ecx);
            c.sub(esi, 8);
            c.inc(ebx);
            c.cmp(ecx, Order);
            c.jne(row);
            c.add(esp, 12);
            c.ret();
        }
    }

    /// <summary>Once, before all.</summary>
    protected abstract void EmitBegin(ProgramBuilder b);

    /// <summary>
    /// [ebp + 8·ecx] = the scalar product of row ecx with the vector at esi + 8·ecx. ebx is ecx + <see cref="Order"/>; eax and edx are
    /// free, and [esp] to [esp + 11].
    /// </summary>
    protected abstract void EmitRow(ProgramBuilder b, bool transposed);

    /// <summary>The root of (u·v)/(v·v) to memory; u at esi, v at edi; eax, ecx, edx are free.</summary>
    protected abstract void EmitRatio(ProgramBuilder b, uint result);

    /// <summary>edx = the element's denominator; eax, which was i + j, is one more, and compared with ebx.</summary>
    protected static void EmitDenominator(Assembler c, bool transposed)
    {
        c.mov(edx, eax);
        c.inc(eax);
        c.imul(edx, eax);
        c.sar(edx, 1);
        if (transposed)
        {
            c.add(edx, eax);
            c.sub(edx, ecx);
            c.cmp(ebx, eax);
        }
        else
        {
            c.cmp(ebx, eax);
            c.lea(edx, __dword_ptr[ecx + edx + 1]);
        }
    }

    private static double[] Multiply(double[] vector, bool transposed)
    {
        double[] product = new double[Order];
        for (int i = 0; i < Order; i++)
        {
            T sum = T.Of(0);
            for (int j = 0; j < Order; j++)
            {
                int denominator = (i + j) * (i + j + 1) / 2 + (transposed ? j : i) + 1;
                sum += T.Of(vector[j]) / T.Of(denominator);
            }

            product[i] = sum.Stored;
        }

        return product;
    }
}
