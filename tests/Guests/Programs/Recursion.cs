using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs;

/// <summary>Fibonacci, Ackermann and Takeuchi: calls and returns above all.</summary>
internal sealed class Recursion : GuestProgram
{
    public override string Name => "recursion";

    public override long InstructionsPerIteration => 203_000;

    public override uint Checksum(int iterations)
    {
        uint checksum = 0;
        for (int left = iterations; left != 0; left--)
        {
            checksum = checksum * 31 + Fibonacci(16 + (left & 3));
            checksum = checksum * 31 + (2 * (uint)(8 + (left & 7)) + 3);
            checksum = checksum * 31 + Takeuchi(14, 9, 4 + (left & 1));
        }

        return checksum;

        static uint Fibonacci(int n)
        {
            (uint a, uint b) = (0, 1);
            for (; n > 0; n--)
            {
                (a, b) = (b, a + b);
            }

            return a;
        }

        static uint Takeuchi(int x, int y, int z) => y >= x
            ? (uint)z
            : Takeuchi((int)Takeuchi(x - 1, y, z), (int)Takeuchi(y - 1, z, x), (int)Takeuchi(z - 1, x, y));
    }

    protected override void Emit(ProgramBuilder b, int iterations)
    {
        Assembler c = b.Asm;
        CodeLabel fibonacci = b.NewLabel();
        CodeLabel ackermann = b.NewLabel();
        CodeLabel takeuchi = b.NewLabel();

        c.mov(ebx, iterations);
        c.xor(esi, esi);
        CodeLabel again = b.Here();
        c.mov(eax, ebx);
        c.and(eax, 3);
        c.add(eax, 16);
        c.push(eax);
        c.call(fibonacci);
        c.add(esp, 4);
        c.imul(esi, esi, 31);
        c.add(esi, eax);
        c.mov(eax, ebx);
        c.and(eax, 7);
        c.add(eax, 8);
        c.push(eax);
        c.push(2);
        c.call(ackermann);
        c.add(esp, 8);
        c.imul(esi, esi, 31);
        c.add(esi, eax);
        c.mov(eax, ebx);
        c.and(eax, 1);
        c.add(eax, 4);
        c.push(eax);
        c.push(9);
        c.push(14);
        c.call(takeuchi);
        c.add(esp, 12);
        c.imul(esi, esi, 31);
        c.add(esi, eax);
        c.dec(ebx);
        c.jne(again);
        c.mov(eax, esi);
        c.ret();

        EmitFibonacci(b, fibonacci);
        EmitAckermann(b, ackermann);
        EmitTakeuchi(b, takeuchi);
    }

    private static void EmitFibonacci(ProgramBuilder b, CodeLabel function)
    {
        Assembler c = b.Asm;
        CodeLabel small = b.NewLabel();
        b.Mark(function);
        c.push(esi);
        c.push(ebx);
        c.mov(ebx, __dword_ptr[esp + 12]);
        c.mov(eax, ebx);
        c.cmp(ebx, 2);
        c.jl(small);
        c.lea(eax, __[ebx - 1]);
        c.push(eax);
        c.call(function);
        c.mov(esi, eax);
        c.sub(ebx, 2);
        c.mov(__dword_ptr[esp], ebx);
        c.call(function);
        c.add(esp, 4);
        c.add(eax, esi);
        b.Mark(small);
        c.pop(ebx);
        c.pop(esi);
        c.ret();
    }

    /// <summary>With a frame pointer, and the outer call as a loop.</summary>
    private static void EmitAckermann(ProgramBuilder b, CodeLabel function)
    {
        Assembler c = b.Asm;
        CodeLabel zero = b.NewLabel();
        CodeLabel first = b.NewLabel();
        b.Mark(function);
        c.push(ebp);
        c.mov(ebp, esp);
        c.mov(edx, __dword_ptr[ebp + 8]);
        c.mov(eax, __dword_ptr[ebp + 12]);
        CodeLabel again = b.Here();
        c.test(edx, edx);
        c.je(zero);
        c.test(eax, eax);
        c.je(first);
        c.mov(__dword_ptr[ebp + 8], edx);
        c.dec(eax);
        c.push(eax);
        c.push(edx);
        c.call(function);
        c.add(esp, 8);
        c.mov(edx, __dword_ptr[ebp + 8]);
        c.dec(edx);
        c.jmp(again);
        b.Mark(first);
        c.mov(eax, 1);
        c.dec(edx);
        c.jmp(again);
        b.Mark(zero);
        c.inc(eax);
        c.leave();
        c.ret();
    }

    private static void EmitTakeuchi(ProgramBuilder b, CodeLabel function)
    {
        Assembler c = b.Asm;
        CodeLabel go = b.NewLabel();
        AssemblerMemoryOperand x = __dword_ptr[ebp + 8];
        AssemblerMemoryOperand y = __dword_ptr[ebp + 12];
        AssemblerMemoryOperand z = __dword_ptr[ebp + 16];

        void Inner(AssemblerMemoryOperand decremented, AssemblerMemoryOperand second, AssemblerMemoryOperand third)
        {
            c.push(third);
            c.push(second);
            c.mov(eax, decremented);
            c.dec(eax);
            c.push(eax);
            c.call(function);
            c.add(esp, 12);
        }

        b.Mark(function);
        c.push(ebp);
        c.mov(ebp, esp);
        c.mov(eax, y);
        c.cmp(eax, x);
        c.jl(go);
        c.mov(eax, z);
        c.pop(ebp);
        c.ret();
        b.Mark(go);
        c.sub(esp, 8);
        Inner(z, x, y);
        c.mov(__dword_ptr[ebp - 4], eax);
        Inner(y, z, x);
        c.mov(__dword_ptr[ebp - 8], eax);
        Inner(x, y, z);
        c.push(__dword_ptr[ebp - 4]);
        c.push(__dword_ptr[ebp - 8]);
        c.push(eax);
        c.call(function);
        c.leave();
        c.ret();
    }
}
