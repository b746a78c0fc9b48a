using System.Numerics;
using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs.FloatingPoint;

/// <summary>The discrete Fourier transform of 256 complex numbers by Cooley and Tukey, in place, over and over, scaled so that nothing grows.</summary>
internal abstract class Fft<T> : FloatProgram<T>
    where T : struct, IReal<T>
{
    protected const int Points = 256;

    /// <summary>The root of the reciprocal of <see cref="Points"/>.</summary>
    protected const double Scale = 1.0 / 16;

    protected const int PointBytes = 16;
    protected const uint Data = ProgramLayout.Data;

    private const uint Seed = 1234;

    public override long InstructionsPerIteration => IsX87 ? 41_500 : 33_000;

    protected override string Task => "fft";

    public override uint Checksum(int iterations)
    {
        double[] data = Start();
        double[] twiddles = Twiddles();
        for (; iterations > 0; iterations--)
        {
            Transform(data, twiddles);
        }

        return Checksum(data);
    }

    protected override void Emit(ProgramBuilder b, int iterations)
    {
        Assembler c = b.Asm;
        uint twiddles = Doubles(b, Twiddles());
        uint reversed = b.Bytes([.. Enumerable.Range(0, Points).Select(static i => (byte)Reversed(i))]);
        uint start = Doubles(b, Start());
        EmitCopy(c, start, Data, 2 * Points);
        c.sub(esp, 24);
        c.mov(__dword_ptr[esp], iterations);
        EmitBegin(b);
        CodeLabel again = b.Here();
        EmitReversal(b, reversed);

        // esi the half of a group, edi from one twiddle to the next; ebp the group.
        c.mov(esi, 1);
        c.mov(edi, Points / 2 * PointBytes);
        CodeLabel stage = b.Here();
        c.mov(ebp, Data);
        CodeLabel group = b.Here();
        c.mov(eax, esi);
        c.shl(eax, 4);
        c.mov(edx, ebp);
        c.add(eax, edx);
        c.mov(ecx, twiddles);
        c.xor(ebx, ebx);
        CodeLabel butterfly = b.Here();
        EmitButterfly(c);
        c.cmp(ebx, esi);
        c.jne(butterfly);
        c.mov(ebp, eax);
        c.cmp(ebp, Data + Points * PointBytes);
        c.jb(group);
        c.add(esi, esi);
        c.shr(edi, 1);
        c.cmp(esi, Points);
        c.jne(stage);

        EmitScale(b);
        c.dec(__dword_ptr[esp]);
        c.jne(again);
        c.add(esp, 24);
        EmitChecksum(b, Data, 2 * Points);
        c.ret();
    }

    /// <summary>Once, before all.</summary>
    protected abstract void EmitBegin(ProgramBuilder b);

    /// <summary>Points at edx and eax, twiddle at ecx: all three and the count in ebx move on, by a point, a point, edi and 1.</summary>
    protected abstract void EmitButterfly(Assembler c);

    /// <summary>Multiplies everything by <see cref="Scale"/>.</summary>
    protected abstract void EmitScale(ProgramBuilder b);

    private static void EmitReversal(ProgramBuilder b, uint reversed)
    {
        Assembler c = b.Asm;
        c.xor(ecx, ecx);
        CodeLabel next = b.Here();
        CodeLabel stay = b.NewLabel();
        c.movzx(edx, __byte_ptr[ecx + reversed]);
        c.cmp(edx, ecx);
        c.jbe(stay);
        c.mov(esi, ecx);
        c.shl(esi, 4);
        c.shl(edx, 4);
        for (uint at = Data; at < Data + PointBytes; at += 4)
        {
            c.mov(eax, __dword_ptr[esi + at]);
            c.mov(ebx, __dword_ptr[edx + at]);
            c.mov(__dword_ptr[esi + at], ebx);
            c.mov(__dword_ptr[edx + at], eax);
        }

        b.Mark(stay);
        c.inc(ecx);
        c.cmp(ecx, Points);
        c.jne(next);
    }

    private static int Reversed(int index)
    {
        int reversed = 0;
        for (int bit = 1; bit < Points; bit *= 2)
        {
            reversed = reversed * 2 + ((index & bit) != 0 ? 1 : 0);
        }

        return reversed;
    }

    private static double[] Start()
    {
        double[] data = new double[2 * Points];
        uint random = Seed;
        for (int i = 0; i < data.Length; i++)
        {
            random = NextRandom(random);
            data[i] = (int)random / 4294967296.0;
        }

        return data;
    }

    /// <summary>Powers of the first root of unity, by multiplication: the same to the last bit on every Host, whatever its sine is.</summary>
    private static double[] Twiddles()
    {
        var step = new Complex(0.99969881869620425, -0.024541228522912288);
        double[] twiddles = new double[Points];
        Complex power = Complex.One;
        for (int i = 0; i < Points; i += 2)
        {
            (twiddles[i], twiddles[i + 1]) = (power.Real, power.Imaginary);
            power = new Complex(
                power.Real * step.Real - power.Imaginary * step.Imaginary, power.Real * step.Imaginary + power.Imaginary * step.Real);
        }

        return twiddles;
    }

    private static void Transform(double[] data, double[] twiddles)
    {
        for (int i = 0; i < Points; i++)
        {
            int j = Reversed(i);
            if (j > i)
            {
                (data[2 * i], data[2 * j]) = (data[2 * j], data[2 * i]);
                (data[2 * i + 1], data[2 * j + 1]) = (data[2 * j + 1], data[2 * i + 1]);
            }
        }

        for (int half = 1; half < Points; half *= 2)
        {
            for (int group = 0; group < Points; group += 2 * half)
            {
                for (int k = 0; k < half; k++)
                {
                    int p = 2 * (group + k);
                    int t = Points / half * k;
                    Butterfly(data, p, p + 2 * half, T.Of(twiddles[t]), T.Of(twiddles[t + 1]));
                }
            }
        }

        for (int i = 0; i < data.Length; i++)
        {
            data[i] = (T.Of(data[i]) * T.Of(Scale)).Stored;
        }
    }

    private static void Butterfly(double[] data, int p, int q, T wr, T wi)
    {
        (T qr, T qi) = (T.Of(data[q]), T.Of(data[q + 1]));
        T tr = qr * wr - qi * wi;
        T ti = qr * wi + qi * wr;
        (T ur, T ui) = (T.Of(data[p]), T.Of(data[p + 1]));
        data[p] = (ur + tr).Stored;
        data[p + 1] = (ui + ti).Stored;
        data[q] = (ur - tr).Stored;
        data[q + 1] = (ui - ti).Stored;
    }
}
