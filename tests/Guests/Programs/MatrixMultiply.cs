using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs;

/// <summary>Product of two 100 × 100 integer matrices, by the definition.</summary>
internal sealed class MatrixMultiply : GuestProgram
{
    private const int Order = 100;
    private const int RowBytes = Order * 4;
    private const int MatrixBytes = Order * RowBytes;
    private const uint A = ProgramLayout.Data;
    private const uint B = ProgramLayout.Data + 0x10000;
    private const uint C = ProgramLayout.Data + 0x20000;
    private const uint Seed = 99;

    public override string Name => "matrix";

    public override long InstructionsPerIteration => 7_160_000;

    public override uint Checksum(int iterations)
    {
        int[,] a = new int[Order, Order];
        int[,] b = new int[Order, Order];
        int[,] product = new int[Order, Order];
        uint random = Seed;
        for (int i = 0; i < Order * Order; i++)
        {
            random = NextRandom(random);
            a[i / Order, i % Order] = (int)random >> 16;
            b[i / Order, i % Order] = (int)(random ^ 0x55555555) >> 20;
        }

        uint checksum = 0;
        for (int iteration = 0; iteration < iterations; iteration++)
        {
            for (int i = 0; i < Order; i++)
            {
                for (int j = 0; j < Order; j++)
                {
                    int sum = 0;
                    for (int k = 0; k < Order; k++)
                    {
                        sum = unchecked(sum + a[i, k] * b[k, j]);
                    }

                    product[i, j] = sum;
                }
            }

            for (int i = 0; i < Order * Order; i++)
            {
                int value = product[i / Order, i % Order];
                checksum = checksum * 31 + (uint)value;
                a[i / Order, i % Order] = unchecked(a[i / Order, i % Order] + (value >> 5));
            }
        }

        return checksum;
    }

    protected override void Emit(ProgramBuilder b, int iterations)
    {
        Assembler c = b.Asm;
        c.mov(eax, Seed);
        c.xor(ecx, ecx);
        CodeLabel fill = b.Here();
        c.imul(eax, eax, 1664525);
        c.add(eax, 1013904223);
        c.mov(edx, eax);
        c.sar(edx, 16);
        c.mov(__dword_ptr[ecx * 4 + A], edx);
        c.mov(edx, eax);
        c.xor(edx, 0x55555555);
        c.sar(edx, 20);
        c.mov(__dword_ptr[ecx * 4 + B], edx);
        c.inc(ecx);
        c.cmp(ecx, Order * Order);
        c.jne(fill);

        c.push(0);
        c.push(iterations);
        CodeLabel again = b.Here();
        c.mov(esi, A);
        c.mov(edi, C);
        CodeLabel rows = b.Here();
        c.mov(ebp, B);
        CodeLabel columns = b.Here();
        c.mov(edx, ebp);
        c.xor(ecx, ecx);
        c.xor(ebx, ebx);
        CodeLabel inner = b.Here();
        c.mov(eax, __dword_ptr[esi + ebx * 4]);
        c.imul(eax, __dword_ptr[edx]);
        c.add(edx, RowBytes);
        c.inc(ebx);
        c.add(ecx, eax);
        c.cmp(ebx, Order);
        c.jne(inner);
        c.mov(__dword_ptr[edi], ecx);
        c.add(edi, 4);
        c.add(ebp, 4);
        c.cmp(ebp, B + RowBytes);
        c.jne(columns);
        c.add(esi, RowBytes);
        c.cmp(esi, A + MatrixBytes);
        c.jne(rows);

        c.mov(eax, __dword_ptr[esp + 4]);
        c.xor(edx, edx);
        CodeLabel accumulate = b.Here();
        c.mov(ecx, __dword_ptr[edx * 4 + C]);
        c.imul(eax, eax, 31);
        c.add(eax, ecx);
        c.sar(ecx, 5);
        c.add(__dword_ptr[edx * 4 + A], ecx);
        c.inc(edx);
        c.cmp(edx, Order * Order);
        c.jne(accumulate);
        c.mov(__dword_ptr[esp + 4], eax);
        c.dec(__dword_ptr[esp]);
        c.jne(again);
        c.pop(ecx);
        c.pop(eax);
        c.ret();
    }
}
