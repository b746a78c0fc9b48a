using System.Buffers.Binary;
using System.Security.Cryptography;
using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs;

/// <summary>SHA-256 of 4 KiB; each digest replaces the head of the next message.</summary>
internal sealed class Sha256 : GuestProgram
{
    private const int Length = 4096;
    private const uint Message = ProgramLayout.Data;
    private const uint State = ProgramLayout.Data + 0x2000;
    private const uint Seed = 0x5EED0256;

    /// <summary>First 32 bits of the fractional parts of the square roots of the first eight primes (FIPS 180-4, §5.3.3).</summary>
    private static readonly uint[] _initial = Fractions(8, static p => Math.Sqrt(p));

    /// <summary>The same of the cube roots of the first 64 primes (FIPS 180-4, §4.2.2).</summary>
    private static readonly uint[] _constants = Fractions(64, static p => Math.Cbrt(p));

    public override string Name => "sha256";

    public override long InstructionsPerIteration => 229_000;

    public override uint Checksum(int iterations)
    {
        byte[] message = new byte[Length];
        uint random = Seed;
        for (int i = 0; i < Length; i += 4)
        {
            random = NextRandom(random);
            BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(i), random);
        }

        for (int iteration = 0; iteration < iterations; iteration++)
        {
            SHA256.HashData(message).CopyTo(message, 0);
        }

        uint checksum = 0;
        for (int i = 0; i < 8; i++)
        {
            checksum = checksum * 31 + BinaryPrimitives.ReadUInt32BigEndian(message.AsSpan(4 * i));
        }

        return checksum;
    }

    protected override void Emit(ProgramBuilder b, int iterations)
    {
        Assembler c = b.Asm;
        CodeLabel compress = b.NewLabel();
        uint initial = b.Words(_initial);
        uint constants = b.Words(_constants);

        // The message, and after it the block of padding: 0x80, zeros, the length in bits, most significant byte first.
        c.mov(eax, Seed);
        c.mov(edx, Message);
        CodeLabel fill = b.Here();
        c.imul(eax, eax, 1664525);
        c.add(eax, 1013904223);
        c.mov(__dword_ptr[edx], eax);
        c.add(edx, 4);
        c.cmp(edx, Message + Length);
        c.jne(fill);
        c.mov(__byte_ptr[Message + Length], 0x80);
        c.mov(__byte_ptr[Message + Length + 62], Length * 8 >> 8);

        c.mov(edi, iterations);
        CodeLabel again = b.Here();
        c.xor(ecx, ecx);
        CodeLabel reset = b.Here();
        c.mov(eax, __dword_ptr[ecx * 4 + initial]);
        c.mov(__dword_ptr[ecx * 4 + State], eax);
        c.inc(ecx);
        c.cmp(ecx, 8);
        c.jne(reset);

        c.mov(esi, Message);
        CodeLabel block = b.Here();
        c.push(esi);
        c.push(State);
        c.call(compress);
        c.add(esp, 8);
        c.add(esi, 64);
        c.cmp(esi, Message + Length + 64);
        c.jne(block);

        c.xor(ecx, ecx);
        c.xor(edx, edx);
        CodeLabel digest = b.Here();
        c.mov(eax, __dword_ptr[ecx * 4 + State]);
        c.imul(edx, edx, 31);
        c.add(edx, eax);
        c.bswap(eax);
        c.mov(__dword_ptr[ecx * 4 + Message], eax);
        c.inc(ecx);
        c.cmp(ecx, 8);
        c.jne(digest);
        c.dec(edi);
        c.jne(again);
        c.mov(eax, edx);
        c.ret();

        EmitCompress(b, compress, constants);
    }

    private static uint[] Fractions(int count, Func<double, double> root)
    {
        // 53 bits of mantissa hold the integer part (at most 17) and 32 bits of fraction with room to spare.
        IEnumerable<int> primes = Enumerable.Range(2, 400).Where(static n => Enumerable.Range(2, n - 2).All(d => n % d != 0));
        return [.. primes.Take(count).Select(p => (uint)(ulong)((root(p) - Math.Floor(root(p))) * 4294967296.0))];
    }

    /// <summary>void compress(uint state[8], const byte block[64]): 64 rounds, unrolled by eight so that no variable ever moves.</summary>
    private static void EmitCompress(ProgramBuilder b, CodeLabel compress, uint constants)
    {
        Assembler c = b.Asm;
        const int Schedule = 32;
        const int Frame = Schedule + 64 * 4;

        b.Mark(compress);
        c.push(ebp);
        c.push(edi);
        c.push(esi);
        c.push(ebx);
        c.sub(esp, Frame);
        c.mov(ebp, __dword_ptr[esp + Frame + 20]);
        c.mov(esi, __dword_ptr[esp + Frame + 24]);

        c.xor(ecx, ecx);
        CodeLabel load = b.Here();
        c.mov(eax, __dword_ptr[esi + ecx * 4]);
        c.bswap(eax);
        c.mov(__dword_ptr[esp + ecx * 4 + Schedule], eax);
        c.inc(ecx);
        c.cmp(ecx, 16);
        c.jne(load);

        CodeLabel expand = b.Here();
        c.mov(eax, __dword_ptr[esp + ecx * 4 + Schedule - 15 * 4]);
        c.mov(edx, eax);
        c.mov(ebx, eax);
        c.ror(eax, 7);
        c.ror(edx, 18);
        c.shr(ebx, 3);
        c.xor(eax, edx);
        c.xor(eax, ebx);
        c.mov(edx, __dword_ptr[esp + ecx * 4 + Schedule - 2 * 4]);
        c.mov(edi, edx);
        c.mov(ebx, edx);
        c.ror(edx, 17);
        c.ror(edi, 19);
        c.shr(ebx, 10);
        c.xor(edx, edi);
        c.xor(edx, ebx);
        c.add(eax, edx);
        c.add(eax, __dword_ptr[esp + ecx * 4 + Schedule - 16 * 4]);
        c.add(eax, __dword_ptr[esp + ecx * 4 + Schedule - 7 * 4]);
        c.mov(__dword_ptr[esp + ecx * 4 + Schedule], eax);
        c.inc(ecx);
        c.cmp(ecx, 64);
        c.jne(expand);

        for (int i = 0; i < 8; i++)
        {
            c.mov(eax, __dword_ptr[ebp + 4 * i]);
            c.mov(__dword_ptr[esp + 4 * i], eax);
        }

        c.xor(edi, edi);
        CodeLabel rounds = b.Here();
        for (int i = 0; i < 8; i++)
        {
            EmitRound(c, i, constants, Schedule);
        }

        c.add(edi, 32);
        c.cmp(edi, 64 * 4);
        c.jne(rounds);

        for (int i = 0; i < 8; i++)
        {
            c.mov(eax, __dword_ptr[esp + 4 * i]);
            c.add(__dword_ptr[ebp + 4 * i], eax);
        }

        c.add(esp, Frame);
        c.pop(ebx);
        c.pop(esi);
        c.pop(edi);
        c.pop(ebp);
        c.ret();
    }

    /// <summary>One round; variable v (a = 0 … h = 7) stands in stack slot (v − round) mod 8. Edi: four times the round at slot 0.</summary>
    private static void EmitRound(Assembler c, int round, uint constants, int schedule)
    {
        AssemblerMemoryOperand Slot(int variable) => __dword_ptr[esp + 4 * ((variable - round) & 7)];

        // T1 = h + S1(e) + Ch(e, f, g) + K + W
        c.mov(eax, Slot(4));
        c.mov(edx, eax);
        c.ror(edx, 6);
        c.mov(ecx, eax);
        c.ror(ecx, 11);
        c.xor(edx, ecx);
        c.ror(ecx, 14);
        c.xor(edx, ecx);
        c.mov(ebx, Slot(6));
        c.mov(ecx, Slot(5));
        c.xor(ecx, ebx);
        c.and(ecx, eax);
        c.xor(ecx, ebx);
        c.add(edx, ecx);
        c.add(edx, Slot(7));
        c.add(edx, __dword_ptr[edi + constants + (uint)(4 * round)]);
        c.add(edx, __dword_ptr[esp + edi + schedule + 4 * round]);
        c.add(Slot(3), edx);

        // T2 = S0(a) + Maj(a, b, c)
        c.mov(eax, Slot(0));
        c.mov(ecx, eax);
        c.ror(ecx, 2);
        c.mov(ebx, eax);
        c.ror(ebx, 13);
        c.xor(ecx, ebx);
        c.ror(ebx, 9);
        c.xor(ecx, ebx);
        c.mov(ebx, Slot(1));
        c.mov(esi, eax);
        c.or(esi, ebx);
        c.and(esi, Slot(2));
        c.and(eax, ebx);
        c.or(eax, esi);
        c.add(ecx, eax);
        c.add(ecx, edx);
        c.mov(Slot(7), ecx);
    }
}
