using System.Numerics;
using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs;

/// <summary>64-bit multiplication and division out of 32-bit instructions, as a compiler's runtime library does them.</summary>
internal sealed class WideArithmetic : GuestProgram
{
    private const ulong Multiplier = 6364136223846793005;
    private const ulong Increment = 1442695040888963407;
    private const int Steps = 1000;

    public override string Name => "wide";

    public override long InstructionsPerIteration => 105_000;

    public override uint Checksum(int iterations)
    {
        ulong x = 1;
        ulong sum = 0;
        for (long step = 0; step < (long)iterations * Steps; step++)
        {
            x = unchecked(x * Multiplier + Increment);
            ulong shortDivisor = (uint)(x >> 40) | 1;
            sum += x / shortDivisor;
            sum ^= x % shortDivisor;
            ulong longDivisor = (x << 13 >> 20) | 0x1_0000_0001;
            sum = BitOperations.RotateLeft(sum, 9) - (x / longDivisor);
            int signed = unchecked((int)(x >> 32));
            sum += (ulong)(long)(signed / 1000 - signed % 1000);
        }

        return (uint)sum ^ (uint)(sum >> 32);
    }

    protected override void Emit(ProgramBuilder b, int iterations)
    {
        Assembler c = b.Asm;
        CodeLabel divide = b.NewLabel();
        AssemblerMemoryOperand xLow = __dword_ptr[esp];
        AssemblerMemoryOperand xHigh = __dword_ptr[esp + 4];
        AssemblerMemoryOperand sumLow = __dword_ptr[esp + 8];
        AssemblerMemoryOperand sumHigh = __dword_ptr[esp + 12];

        c.push(iterations);
        c.sub(esp, 20);
        c.mov(xLow, 1);
        c.mov(xHigh, 0);
        c.mov(sumLow, 0);
        c.mov(sumHigh, 0);
        CodeLabel again = b.Here();
        c.mov(__dword_ptr[esp + 16], Steps);
        CodeLabel step = b.Here();

        // x = x × multiplier + increment: three products and a carry.
        c.mov(eax, xLow);
        c.mov(ecx, unchecked((uint)Multiplier));
        c.imul(esi, eax, unchecked((int)(Multiplier >> 32)));
        c.mov(edi, xHigh);
        c.imul(edi, ecx);
        c.add(esi, edi);
        c.mul(ecx);
        c.add(edx, esi);
        c.add(eax, unchecked((uint)Increment));
        c.adc(edx, unchecked((uint)(Increment >> 32)));
        c.mov(xLow, eax);
        c.mov(xHigh, edx);

        // By a divisor of 32 bits: two divisions, high word first.
        c.mov(esi, eax);
        c.mov(eax, edx);
        c.mov(ecx, edx);
        c.shr(ecx, 8);
        c.or(ecx, 1);
        c.xor(edx, edx);
        c.div(ecx);
        c.mov(edi, eax);
        c.mov(eax, esi);
        c.div(ecx);
        c.add(eax, sumLow);
        c.adc(edi, sumHigh);
        c.xor(eax, edx);
        c.mov(sumLow, eax);
        c.mov(sumHigh, edi);

        // By a divisor of more than 32 bits.
        c.mov(eax, xLow);
        c.mov(edx, xHigh);
        c.mov(ecx, edx);
        c.shld(ecx, eax, 13);
        c.mov(ebx, eax);
        c.shl(ebx, 13);
        c.shrd(ebx, ecx, 20);
        c.shr(ecx, 20);
        c.or(ebx, 1);
        c.or(ecx, 1);
        c.push(ecx);
        c.push(ebx);
        c.push(edx);
        c.push(eax);
        c.call(divide);
        c.add(esp, 16);
        c.mov(ecx, sumLow);
        c.mov(ebx, sumHigh);
        c.mov(esi, ecx);
        c.shld(ecx, ebx, 9);
        c.shld(ebx, esi, 9);
        c.sub(ecx, eax);
        c.sbb(ebx, edx);
        c.mov(sumLow, ecx);
        c.mov(sumHigh, ebx);

        // Signed, 32 bits.
        c.mov(eax, xHigh);
        c.cdq();
        c.mov(ecx, 1000);
        c.idiv(ecx);
        c.sub(eax, edx);
        c.cdq();
        c.add(sumLow, eax);
        c.adc(sumHigh, edx);

        c.dec(__dword_ptr[esp + 16]);
        c.jne(step);
        c.dec(__dword_ptr[esp + 20]);
        c.jne(again);
        c.mov(eax, sumLow);
        c.xor(eax, sumHigh);
        c.add(esp, 24);
        c.ret();

        EmitDivide(b, divide);
    }

    /// <summary>
    /// edx:eax = ulong divide(ulong n, ulong d), d ≥ 2^32: one division of half of n by the normalised divisor's upper
    /// word, whose quotient is at most one too large (Hacker's Delight, §9-5).
    /// </summary>
    private static void EmitDivide(ProgramBuilder b, CodeLabel function)
    {
        Assembler c = b.Asm;
        CodeLabel notZero = b.NewLabel();
        CodeLabel done = b.NewLabel();

        b.Mark(function);
        c.push(ebp);
        c.push(edi);
        c.push(esi);
        c.push(ebx);
        c.mov(esi, __dword_ptr[esp + 28]);
        c.mov(edi, __dword_ptr[esp + 32]);
        c.bsr(ecx, edi);
        c.xor(ecx, 31);
        c.mov(ebp, edi);
        c.shld(ebp, esi, cl);
        c.mov(eax, __dword_ptr[esp + 20]);
        c.mov(edx, __dword_ptr[esp + 24]);
        c.shrd(eax, edx, 1);
        c.shr(edx, 1);
        c.div(ebp);

        // q = (q1 << shift) >> 31, as 64 bits; then one less, unless it is 0.
        c.xor(edx, edx);
        c.shld(edx, eax, cl);
        c.shl(eax, cl);
        c.shld(edx, eax, 1);
        c.mov(ebx, edx);
        c.test(ebx, ebx);
        c.jne(notZero);
        c.jmp(done);
        b.Mark(notZero);
        c.dec(ebx);
        b.Mark(done);

        // r = n − q × d; one more if the rest says so.
        c.mov(eax, ebx);
        c.mul(esi);
        c.mov(ecx, ebx);
        c.imul(ecx, edi);
        c.add(edx, ecx);
        c.mov(ecx, __dword_ptr[esp + 20]);
        c.mov(ebp, __dword_ptr[esp + 24]);
        c.sub(ecx, eax);
        c.sbb(ebp, edx);
        c.cmp(ecx, esi);
        c.sbb(ebp, edi);
        c.cmc();
        c.adc(ebx, 0);
        c.mov(eax, ebx);
        c.xor(edx, edx);
        c.pop(ebx);
        c.pop(esi);
        c.pop(edi);
        c.pop(ebp);
        c.ret();
    }
}
