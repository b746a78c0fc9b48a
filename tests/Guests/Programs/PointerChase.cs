using System.Numerics;
using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs;

/// <summary>Walks a random cycle of 65,536 list nodes, a megabyte in all: each load waits for the one before.</summary>
internal sealed class PointerChase : GuestProgram
{
    private const int Count = 65536;
    private const uint Nodes = ProgramLayout.Data;
    private const uint Permutation = ProgramLayout.Data + 0x200000;
    private const uint Seed = 31337;

    public override string Name => "chase";

    public override long InstructionsPerIteration => 655_000;

    public override uint Checksum(int iterations)
    {
        int[] next = [.. Enumerable.Range(0, Count)];
        uint[] values = new uint[Count];
        uint[] visits = new uint[Count];
        uint random = Seed;
        for (int i = Count - 1; i > 0; i--)
        {
            random = NextRandom(random);
            int j = (int)(((ulong)random * (uint)i) >> 32);
            (next[i], next[j]) = (next[j], next[i]);
        }

        for (int i = 0; i < Count; i++)
        {
            random = NextRandom(random);
            values[i] = random;
        }

        uint checksum = 0;
        int node = 0;
        for (long step = 0; step < (long)iterations * Count; step++)
        {
            checksum = BitOperations.RotateLeft(checksum, 3) + (values[node] ^ visits[node]++);
            node = next[node];
        }

        return checksum;
    }

    protected override void Emit(ProgramBuilder b, int iterations)
    {
        Assembler c = b.Asm;

        // Sattolo's shuffle: the permutation is one cycle.
        c.xor(eax, eax);
        CodeLabel identity = b.Here();
        c.mov(__dword_ptr[eax * 4 + Permutation], eax);
        c.inc(eax);
        c.cmp(eax, Count);
        c.jne(identity);
        c.mov(esi, Seed);
        c.mov(ecx, Count - 1);
        CodeLabel shuffle = b.Here();
        c.imul(esi, esi, 1664525);
        c.add(esi, 1013904223);
        c.mov(eax, esi);
        c.mul(ecx);
        c.mov(eax, __dword_ptr[ecx * 4 + Permutation]);
        c.mov(ebx, __dword_ptr[edx * 4 + Permutation]);
        c.mov(__dword_ptr[ecx * 4 + Permutation], ebx);
        c.mov(__dword_ptr[edx * 4 + Permutation], eax);
        c.dec(ecx);
        c.jne(shuffle);

        c.mov(edi, Nodes);
        CodeLabel build = b.Here();
        c.imul(esi, esi, 1664525);
        c.add(esi, 1013904223);
        c.mov(eax, __dword_ptr[ecx * 4 + Permutation]);
        c.shl(eax, 4);
        c.add(eax, Nodes);
        c.mov(__dword_ptr[edi], eax);
        c.mov(__dword_ptr[edi + 4], esi);
        c.mov(__dword_ptr[edi + 8], 0);
        c.add(edi, 16);
        c.inc(ecx);
        c.cmp(ecx, Count);
        c.jne(build);

        c.mov(edi, iterations);
        c.xor(eax, eax);
        c.mov(edx, Nodes);
        CodeLabel again = b.Here();
        c.mov(ebx, Count);
        CodeLabel step = b.Here();
        c.mov(ecx, __dword_ptr[edx + 8]);
        c.mov(esi, __dword_ptr[edx + 4]);
        c.rol(eax, 3);
        c.xor(esi, ecx);
        c.inc(ecx);
        c.add(eax, esi);
        c.mov(__dword_ptr[edx + 8], ecx);
        c.mov(edx, __dword_ptr[edx]);
        c.dec(ebx);
        c.jne(step);
        c.dec(edi);
        c.jne(again);
        c.ret();
    }
}
