using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs;

/// <summary>CRC-32 of 64 KiB, a table look-up for each byte.</summary>
internal sealed class Crc32 : GuestProgram
{
    private const uint Polynomial = 0xEDB88320;
    private const int Length = 65536;
    private const uint Table = ProgramLayout.Data;
    private const uint Buffer = ProgramLayout.Data + 0x1000;
    private const uint Seed = 0x1234ABCD;

    public override string Name => "crc32";

    public override long InstructionsPerIteration => 524_000;

    public override uint Checksum(int iterations)
    {
        byte[] buffer = new byte[Length];
        uint random = Seed;
        for (int i = 0; i < Length; i++)
        {
            random = NextRandom(random);
            buffer[i] = (byte)(random >> 24);
        }

        // Bit by bit: no table to get wrong.
        uint crc = 0xFFFFFFFF;
        for (int iteration = 0; iteration < iterations; iteration++)
        {
            foreach (byte value in buffer)
            {
                crc ^= value;
                for (int bit = 0; bit < 8; bit++)
                {
                    crc = (crc >> 1) ^ (Polynomial & (0 - (crc & 1)));
                }
            }
        }

        return ~crc;
    }

    protected override void Emit(ProgramBuilder b, int iterations)
    {
        Assembler c = b.Asm;
        CodeLabel noCarry = b.NewLabel();

        c.xor(ecx, ecx);
        CodeLabel entry = b.Here();
        c.mov(eax, ecx);
        c.mov(edx, 8);
        CodeLabel bit = b.Here();
        c.shr(eax, 1);
        c.jnc(noCarry);
        c.xor(eax, Polynomial);
        b.Mark(noCarry);
        c.dec(edx);
        c.jne(bit);
        c.mov(__dword_ptr[ecx * 4 + Table], eax);
        c.inc(ecx);
        c.cmp(ecx, 256);
        c.jne(entry);

        c.mov(eax, Seed);
        c.xor(ecx, ecx);
        CodeLabel fill = b.Here();
        c.imul(eax, eax, 1664525);
        c.add(eax, 1013904223);
        c.mov(edx, eax);
        c.shr(edx, 24);
        c.mov(__byte_ptr[ecx + Buffer], dl);
        c.inc(ecx);
        c.cmp(ecx, Length);
        c.jne(fill);

        c.mov(ebx, iterations);
        c.mov(eax, -1);
        CodeLabel again = b.Here();
        c.mov(esi, Buffer);
        CodeLabel next = b.Here();
        c.mov(edx, eax);
        c.xor(dl, __byte_ptr[esi]);
        c.inc(esi);
        c.movzx(edx, dl);
        c.shr(eax, 8);
        c.xor(eax, __dword_ptr[edx * 4 + Table]);
        c.cmp(esi, Buffer + Length);
        c.jne(next);
        c.dec(ebx);
        c.jne(again);
        c.not(eax);
        c.ret();
    }
}
