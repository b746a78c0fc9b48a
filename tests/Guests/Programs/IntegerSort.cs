using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs;

/// <summary>Quick sort of 65,536 random integers, insertion sort for what is short.</summary>
internal sealed class IntegerSort : GuestProgram
{
    private const int Count = 65536;
    private const uint Array = ProgramLayout.Data;
    private const uint ArrayEnd = Array + 4 * Count;
    private const uint Seed = 20_150_621;

    public override string Name => "sort";

    public override long InstructionsPerIteration => 7_450_000;

    public override uint Checksum(int iterations)
    {
        uint random = Seed;
        uint checksum = 0;
        int[] values = new int[Count];
        for (int iteration = 0; iteration < iterations; iteration++)
        {
            for (int i = 0; i < Count; i++)
            {
                random = NextRandom(random);
                values[i] = (int)random;
            }

            System.Array.Sort(values);
            foreach (int value in values)
            {
                checksum = checksum * 31 + (uint)value;
            }
        }

        return checksum;
    }

    protected override void Emit(ProgramBuilder b, int iterations)
    {
        Assembler c = b.Asm;
        CodeLabel sort = b.NewLabel();
        AssemblerMemoryOperand left = __dword_ptr[esp];
        AssemblerMemoryOperand random = __dword_ptr[esp + 4];
        AssemblerMemoryOperand checksum = __dword_ptr[esp + 8];

        c.sub(esp, 12);
        c.mov(left, iterations);
        c.mov(random, Seed);
        c.mov(checksum, 0);

        CodeLabel again = b.Here();
        c.mov(eax, random);
        c.mov(edx, Array);
        CodeLabel fill = b.Here();
        c.imul(eax, eax, 1664525);
        c.add(eax, 1013904223);
        c.mov(__dword_ptr[edx], eax);
        c.add(edx, 4);
        c.cmp(edx, ArrayEnd);
        c.jne(fill);
        c.mov(random, eax);

        c.push(ArrayEnd - 4);
        c.push(Array);
        c.call(sort);
        c.add(esp, 8);

        c.mov(eax, checksum);
        c.mov(edx, Array);
        CodeLabel sum = b.Here();
        c.imul(eax, eax, 31);
        c.add(eax, __dword_ptr[edx]);
        c.add(edx, 4);
        c.cmp(edx, ArrayEnd);
        c.jne(sum);
        c.mov(checksum, eax);
        c.dec(left);
        c.jne(again);
        c.add(esp, 12);
        c.ret();

        EmitSort(b, sort);
    }

    /// <summary>void sort(int* low, int* high), both inclusive.</summary>
    private static void EmitSort(ProgramBuilder b, CodeLabel sort)
    {
        Assembler c = b.Asm;
        CodeLabel insertion = b.NewLabel();
        CodeLabel upDone = b.NewLabel();
        CodeLabel downDone = b.NewLabel();
        CodeLabel split = b.NewLabel();
        CodeLabel place = b.NewLabel();
        CodeLabel done = b.NewLabel();

        b.Mark(sort);
        c.push(ebp);
        c.push(edi);
        c.push(esi);
        c.push(ebx);
        c.mov(esi, __dword_ptr[esp + 20]);
        c.mov(edi, __dword_ptr[esp + 24]);

        CodeLabel again = b.Here();
        c.mov(eax, edi);
        c.sub(eax, esi);
        c.cmp(eax, 60);
        c.jle(insertion);
        c.sar(eax, 3);
        c.mov(edx, __dword_ptr[esi + eax * 4]);
        c.mov(ecx, esi);
        c.mov(ebx, edi);

        CodeLabel scan = b.Here();
        c.cmp(__dword_ptr[ecx], edx);
        c.jge(upDone);
        CodeLabel up = b.Here();
        c.add(ecx, 4);
        c.cmp(__dword_ptr[ecx], edx);
        c.jl(up);
        b.Mark(upDone);
        c.cmp(edx, __dword_ptr[ebx]);
        c.jge(downDone);
        CodeLabel down = b.Here();
        c.sub(ebx, 4);
        c.cmp(edx, __dword_ptr[ebx]);
        c.jl(down);
        b.Mark(downDone);
        c.cmp(ecx, ebx);
        c.ja(split);
        c.mov(eax, __dword_ptr[ecx]);
        c.mov(ebp, __dword_ptr[ebx]);
        c.mov(__dword_ptr[ebx], eax);
        c.mov(__dword_ptr[ecx], ebp);
        c.add(ecx, 4);
        c.sub(ebx, 4);
        c.cmp(ecx, ebx);
        c.jbe(scan);

        // Left part by recursion, right part by going round.
        b.Mark(split);
        c.mov(ebp, ecx);
        c.push(ebx);
        c.push(esi);
        c.call(sort);
        c.add(esp, 8);
        c.mov(esi, ebp);
        c.jmp(again);

        b.Mark(insertion);
        c.lea(ecx, __[esi + 4]);
        c.cmp(ecx, edi);
        c.ja(done);
        CodeLabel next = b.Here();
        c.mov(edx, __dword_ptr[ecx]);
        c.lea(eax, __[ecx - 4]);
        CodeLabel shift = b.Here();
        c.mov(ebx, __dword_ptr[eax]);
        c.cmp(ebx, edx);
        c.jle(place);
        c.mov(__dword_ptr[eax + 4], ebx);
        c.sub(eax, 4);
        c.cmp(eax, esi);
        c.jae(shift);
        b.Mark(place);
        c.mov(__dword_ptr[eax + 4], edx);
        c.add(ecx, 4);
        c.cmp(ecx, edi);
        c.jbe(next);

        b.Mark(done);
        c.pop(ebx);
        c.pop(esi);
        c.pop(edi);
        c.pop(ebp);
        c.ret();
    }
}
