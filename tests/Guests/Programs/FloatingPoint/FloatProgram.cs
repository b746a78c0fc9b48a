using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs.FloatingPoint;

/// <summary>A floating-point program in one of two flavours, with one account of what both compute.</summary>
/// <typeparam name="T">What the flavour computes with.</typeparam>
internal abstract class FloatProgram<T> : GuestProgram
    where T : struct, IReal<T>
{
    public override string Name => $"{Task}-{Flavour}";

    /// <summary>Name of what is computed.</summary>
    protected abstract string Task { get; }

    protected static bool IsX87 => typeof(T) == typeof(ExtendedReal);

    private static string Flavour => IsX87 ? "x87" : "sse2";

    /// <summary>A checksum over doubles as they stand in memory, two words each: what <see cref="EmitChecksum"/> computes.</summary>
    protected static uint Checksum(ReadOnlySpan<double> values)
    {
        uint sum = 0;
        foreach (double value in values)
        {
            ulong bits = BitConverter.DoubleToUInt64Bits(value);
            sum = (sum * 31 + (uint)bits) * 31 + (uint)(bits >> 32);
        }

        return sum;
    }

    /// <summary>eax = the checksum over <paramref name="doubles"/> doubles at <paramref name="address"/>; uses ecx.</summary>
    protected static void EmitChecksum(ProgramBuilder b, uint address, int doubles)
    {
        Assembler c = b.Asm;
        c.xor(eax, eax);
        c.xor(ecx, ecx);
        CodeLabel next = b.Here();
        c.imul(eax, eax, 31);
        c.add(eax, __dword_ptr[ecx * 4 + address]);
        c.inc(ecx);
        c.cmp(ecx, 2 * doubles);
        c.jne(next);
    }

    /// <summary>Puts doubles into the constant pool.</summary>
    /// <returns>Their address.</returns>
    protected static uint Doubles(ProgramBuilder b, params ReadOnlySpan<double> values)
    {
        uint[] words = new uint[2 * values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            ulong bits = BitConverter.DoubleToUInt64Bits(values[i]);
            words[2 * i] = (uint)bits;
            words[2 * i + 1] = (uint)(bits >> 32);
        }

        return b.Words(words);
    }

    /// <summary>Copies doubles to another place; uses ecx, esi, edi.</summary>
    protected static void EmitCopy(Assembler c, uint from, uint to, int doubles)
    {
        c.mov(esi, from);
        c.mov(edi, to);
        c.mov(ecx, 2 * doubles);
        c.rep.movsd();
    }
}
