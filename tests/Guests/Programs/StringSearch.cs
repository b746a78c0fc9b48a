using System.Text;
using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs;

/// <summary>Finds every occurrence of a word in 64 KiB of text, first letter by letter, then by Horspool's method.</summary>
internal sealed class StringSearch : GuestProgram
{
    private const int Length = 65536;
    private const uint Text = ProgramLayout.Data;
    private const uint Skips = ProgramLayout.Data + 0x20000;
    private const uint Seed = 4711;

    private static readonly string[] _words = ["abcd", "dada", "bcbcbc", "aabbccdd", "ccccc", "badcab"];

    public override string Name => "strings";

    public override long InstructionsPerIteration => 700_000;

    public override uint Checksum(int iterations)
    {
        byte[] text = new byte[Length];
        uint random = Seed;
        for (int i = 0; i < Length; i++)
        {
            random = NextRandom(random);
            text[i] = (byte)('a' + (random >> 30));
        }

        uint[] sums = [.. _words.Select(word => (uint)Enumerable.Range(0, Length - word.Length + 1)
            .Where(at => text.AsSpan(at).StartsWith(Encoding.ASCII.GetBytes(word))).Sum())];
        uint checksum = 0;
        for (int iteration = 0; iteration < iterations; iteration++)
        {
            // The Guest counts its iterations downwards.
            uint sum = sums[(iterations - iteration) % _words.Length];
            checksum = (checksum * 31 + sum) * 31 + sum;
        }

        return checksum;
    }

    protected override void Emit(ProgramBuilder b, int iterations)
    {
        Assembler c = b.Asm;
        CodeLabel naive = b.NewLabel();
        CodeLabel horspool = b.NewLabel();
        uint[] words = [.. _words.Select(word => b.Bytes(Encoding.ASCII.GetBytes(word)))];
        uint pointers = b.Words(words);
        uint lengths = b.Words([.. _words.Select(static word => (uint)word.Length)]);

        c.mov(eax, Seed);
        c.mov(edx, Text);
        CodeLabel fill = b.Here();
        c.imul(eax, eax, 1664525);
        c.add(eax, 1013904223);
        c.mov(ecx, eax);
        c.shr(ecx, 30);
        c.add(ecx, 'a');
        c.mov(__byte_ptr[edx], cl);
        c.inc(edx);
        c.cmp(edx, Text + Length);
        c.jne(fill);

        c.mov(ebp, iterations);
        c.xor(esi, esi);
        CodeLabel again = b.Here();
        c.mov(eax, ebp);
        c.xor(edx, edx);
        c.mov(ecx, _words.Length);
        c.div(ecx);
        c.mov(edi, edx);
        c.push(__dword_ptr[edi * 4 + lengths]);
        c.push(__dword_ptr[edi * 4 + pointers]);
        c.call(naive);
        c.imul(esi, esi, 31);
        c.add(esi, eax);
        c.call(horspool);
        c.add(esp, 8);
        c.imul(esi, esi, 31);
        c.add(esi, eax);
        c.dec(ebp);
        c.jne(again);
        c.mov(eax, esi);
        c.ret();

        EmitNaive(b, naive);
        EmitHorspool(b, horspool);
    }

    /// <summary>uint naive(const byte* word, uint length): the sum of the positions.</summary>
    private static void EmitNaive(ProgramBuilder b, CodeLabel function)
    {
        Assembler c = b.Asm;
        CodeLabel compare = b.NewLabel();
        CodeLabel advance = b.NewLabel();
        CodeLabel found = b.NewLabel();
        AssemblerMemoryOperand word = __dword_ptr[esp + 24];
        AssemblerMemoryOperand length = __dword_ptr[esp + 28];

        b.Mark(function);
        c.push(ebp);
        c.push(edi);
        c.push(esi);
        c.push(ebx);
        c.push(0);
        c.mov(esi, word);
        c.mov(edi, length);
        c.mov(bl, __byte_ptr[esi]);
        c.mov(ecx, Text);
        c.mov(ebp, Text + Length + 1);
        c.sub(ebp, edi);
        CodeLabel scan = b.Here();
        c.cmp(__byte_ptr[ecx], bl);
        c.je(compare);
        b.Mark(advance);
        c.inc(ecx);
        c.cmp(ecx, ebp);
        c.jne(scan);
        c.pop(eax);
        c.pop(ebx);
        c.pop(esi);
        c.pop(edi);
        c.pop(ebp);
        c.ret();

        b.Mark(compare);
        c.mov(eax, 1);
        CodeLabel letter = b.Here();
        c.cmp(eax, edi);
        c.je(found);
        c.movzx(edx, __byte_ptr[esi + eax]);
        c.cmp(__byte_ptr[ecx + eax], dl);
        c.jne(advance);
        c.inc(eax);
        c.jmp(letter);
        b.Mark(found);
        c.lea(eax, __[ecx - Text]);
        c.add(__dword_ptr[esp], eax);
        c.jmp(advance);
    }

    /// <summary>uint horspool(const byte* word, uint length): the sum of the positions.</summary>
    private static void EmitHorspool(ProgramBuilder b, CodeLabel function)
    {
        Assembler c = b.Asm;
        CodeLabel mismatch = b.NewLabel();
        CodeLabel found = b.NewLabel();
        CodeLabel done = b.NewLabel();

        b.Mark(function);
        c.push(ebp);
        c.push(edi);
        c.push(esi);
        c.push(ebx);
        c.push(0);
        c.mov(esi, __dword_ptr[esp + 24]);
        c.mov(edi, __dword_ptr[esp + 28]);

        // By how much the window may move on, by its last letter.
        c.xor(eax, eax);
        CodeLabel initial = b.Here();
        c.mov(__dword_ptr[eax * 4 + Skips], edi);
        c.inc(eax);
        c.cmp(eax, 256);
        c.jne(initial);
        c.dec(edi);
        c.xor(eax, eax);
        CodeLabel skip = b.Here();
        c.movzx(edx, __byte_ptr[esi + eax]);
        c.mov(ecx, edi);
        c.sub(ecx, eax);
        c.mov(__dword_ptr[edx * 4 + Skips], ecx);
        c.inc(eax);
        c.cmp(eax, edi);
        c.jne(skip);

        c.mov(ecx, Text);
        CodeLabel window = b.Here();
        c.movzx(ebp, __byte_ptr[ecx + edi]);
        c.mov(eax, edi);
        CodeLabel letter = b.Here();
        c.movzx(edx, __byte_ptr[ecx + eax]);
        c.cmp(dl, __byte_ptr[esi + eax]);
        c.jne(mismatch);
        c.dec(eax);
        c.jns(letter);
        b.Mark(found);
        c.lea(eax, __[ecx - Text]);
        c.add(__dword_ptr[esp], eax);
        b.Mark(mismatch);
        c.add(ecx, __dword_ptr[ebp * 4 + Skips]);
        c.lea(edx, __[ecx + edi]);
        c.cmp(edx, Text + Length);
        c.jb(window);
        b.Mark(done);
        c.pop(eax);
        c.pop(ebx);
        c.pop(esi);
        c.pop(edi);
        c.pop(ebp);
        c.ret();
    }
}
