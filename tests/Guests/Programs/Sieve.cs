using System.Numerics;
using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs;

/// <summary>The sieve of Eratosthenes over a byte array of half a million numbers.</summary>
internal sealed class Sieve : GuestProgram
{
    private const int Limit = 524288;
    private const int Root = 724;
    private const uint Flags = ProgramLayout.Data;

    public override string Name => "sieve";

    public override long InstructionsPerIteration => 8_770_000;

    public override uint Checksum(int iterations)
    {
        // By Euler's sieve: every composite is struck out once, by its smallest prime factor.
        int[] primes = new int[Limit / 8];
        bool[] composite = new bool[Limit];
        int count = 0;
        uint sum = 0;
        for (int i = 2; i < Limit; i++)
        {
            if (!composite[i])
            {
                primes[count++] = i;
                sum += (uint)i;
            }

            for (int p = 0; p < count && (long)i * primes[p] < Limit; p++)
            {
                composite[i * primes[p]] = true;
                if (i % primes[p] == 0)
                {
                    break;
                }
            }
        }

        uint checksum = 0;
        for (int iteration = 0; iteration < iterations; iteration++)
        {
            checksum = BitOperations.RotateLeft(checksum, 1) ^ ((uint)count + sum);
        }

        return checksum;
    }

    protected override void Emit(ProgramBuilder b, int iterations)
    {
        Assembler c = b.Asm;
        c.push(iterations);
        c.xor(edi, edi);

        CodeLabel again = b.Here();
        c.mov(eax, 0x01010101);
        c.mov(edx, Flags);
        CodeLabel clear = b.Here();
        c.mov(__dword_ptr[edx], eax);
        c.mov(__dword_ptr[edx + 4], eax);
        c.mov(__dword_ptr[edx + 8], eax);
        c.mov(__dword_ptr[edx + 12], eax);
        c.add(edx, 16);
        c.cmp(edx, Flags + Limit);
        c.jne(clear);

        CodeLabel skip = b.NewLabel();
        c.mov(esi, 2);
        CodeLabel next = b.Here();
        c.cmp(__byte_ptr[esi + Flags], 0);
        c.je(skip);
        c.mov(eax, esi);
        c.imul(eax, esi);
        c.lea(edx, __[eax + Flags]);
        CodeLabel strike = b.Here();
        c.mov(__byte_ptr[edx], 0);
        c.add(edx, esi);
        c.cmp(edx, Flags + Limit);
        c.jb(strike);
        b.Mark(skip);
        c.inc(esi);
        c.cmp(esi, Root + 1);
        c.jne(next);

        // Count and sum without a branch, as a compiler would: the flag as a mask.
        c.xor(ecx, ecx);
        c.xor(ebx, ebx);
        c.mov(eax, 2);
        CodeLabel count = b.Here();
        c.movzx(edx, __byte_ptr[eax + Flags]);
        c.add(ecx, edx);
        c.neg(edx);
        c.and(edx, eax);
        c.add(ebx, edx);
        c.inc(eax);
        c.cmp(eax, Limit);
        c.jne(count);

        c.rol(edi, 1);
        c.add(ecx, ebx);
        c.xor(edi, ecx);
        c.dec(__dword_ptr[esp]);
        c.jne(again);
        c.mov(eax, edi);
        c.pop(ecx);
        c.ret();
    }
}
