using System.Numerics;
using System.Runtime.InteropServices;
using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs;

/// <summary>
/// Copy, fill, compare and search over some ten kilobytes each, aligned and not. What the five routines are made of is
/// for the derived programs to say: loops, or string instructions.
/// </summary>
internal abstract class MemoryProgram : GuestProgram
{
    protected const int Words = 4096;
    private const uint First = ProgramLayout.Data;
    private const uint Second = ProgramLayout.Data + 0x10000;
    private const int FillOffset = 0x1000;
    private const int FillWords = 1024;
    private const int ByteOffset = 0x801;
    private const int ByteCount = 3001;
    private const uint Seed = 7;

    public override uint Checksum(int iterations)
    {
        byte[] first = new byte[Words * 4];
        byte[] second = new byte[Words * 4];
        uint random = Seed;
        foreach (ref uint word in MemoryMarshal.Cast<byte, uint>(first.AsSpan()))
        {
            random = NextRandom(random);
            word = random;
        }

        uint checksum = 0;
        for (int iteration = 0; iteration < iterations; iteration++)
        {
            random = NextRandom(random);
            first.CopyTo(second, 0);
            MemoryMarshal.Cast<byte, uint>(second.AsSpan(FillOffset, FillWords * 4)).Fill(random);
            second.AsSpan(FillOffset - 1000, ByteCount).CopyTo(first.AsSpan(ByteOffset));
            uint different = (uint)first.AsSpan().CommonPrefixLength(second);
            uint found = (uint)second.AsSpan().IndexOf((byte)random);
            checksum = BitOperations.RotateLeft(checksum ^ different, 5) + found;
            foreach (uint word in MemoryMarshal.Cast<byte, uint>(second.AsSpan()))
            {
                checksum = BitOperations.RotateLeft(checksum, 1) + word;
            }
        }

        return checksum;
    }

    protected override void Emit(ProgramBuilder b, int iterations)
    {
        Assembler c = b.Asm;
        CodeLabel copyWords = b.NewLabel();
        CodeLabel fillWords = b.NewLabel();
        CodeLabel copyBytes = b.NewLabel();
        CodeLabel compare = b.NewLabel();
        CodeLabel search = b.NewLabel();

        c.mov(eax, Seed);
        c.mov(edx, First);
        CodeLabel fill = b.Here();
        c.imul(eax, eax, 1664525);
        c.add(eax, 1013904223);
        c.mov(__dword_ptr[edx], eax);
        c.add(edx, 4);
        c.cmp(edx, First + Words * 4);
        c.jne(fill);

        c.mov(ebp, iterations);
        c.mov(ebx, eax);
        c.push(0);
        CodeLabel again = b.Here();
        c.imul(ebx, ebx, 1664525);
        c.add(ebx, 1013904223);
        Call(c, copyWords, Second, First, Words);
        c.push(FillWords);
        c.push(ebx);
        c.push(Second + FillOffset);
        c.call(fillWords);
        c.add(esp, 12);
        Call(c, copyBytes, First + ByteOffset, Second + FillOffset - 1000, ByteCount);
        Call(c, compare, First, Second, Words * 4);
        c.xor(eax, __dword_ptr[esp]);
        c.rol(eax, 5);
        c.mov(__dword_ptr[esp], eax);
        c.push(Words * 4);
        c.movzx(eax, bl);
        c.push(eax);
        c.push(Second);
        c.call(search);
        c.add(esp, 12);
        c.add(eax, __dword_ptr[esp]);

        c.mov(edx, Second);
        CodeLabel sum = b.Here();
        c.rol(eax, 1);
        c.add(eax, __dword_ptr[edx]);
        c.add(edx, 4);
        c.cmp(edx, Second + Words * 4);
        c.jne(sum);
        c.mov(__dword_ptr[esp], eax);
        c.dec(ebp);
        c.jne(again);
        c.pop(eax);
        c.ret();

        b.Mark(copyWords);
        EmitCopyWords(b);
        b.Mark(fillWords);
        EmitFillWords(b);
        b.Mark(copyBytes);
        EmitCopyBytes(b);
        b.Mark(compare);
        EmitCompare(b);
        b.Mark(search);
        EmitSearch(b);
    }

    /// <summary>void (uint* to, const uint* from, uint words): a multiple of four words. Keeps ebx, ebp, esi, edi, as all of these do.</summary>
    protected abstract void EmitCopyWords(ProgramBuilder b);

    /// <summary>void (uint* to, uint value, uint words).</summary>
    protected abstract void EmitFillWords(ProgramBuilder b);

    /// <summary>void (byte* to, const byte* from, uint bytes).</summary>
    protected abstract void EmitCopyBytes(ProgramBuilder b);

    /// <summary>uint (const byte* a, const byte* b, uint bytes): how many bytes are alike before the first difference.</summary>
    protected abstract void EmitCompare(ProgramBuilder b);

    /// <summary>uint (const byte* text, uint value, uint bytes): index of the first such byte, or −1.</summary>
    protected abstract void EmitSearch(ProgramBuilder b);

    private static void Call(Assembler c, CodeLabel function, uint first, uint second, uint third)
    {
        c.push(third);
        c.push(second);
        c.push(first);
        c.call(function);
        c.add(esp, 12);
    }
}
