using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Semantics;

/// <summary>Decimal adjustment of AL and AX (SDM vol. 2, AAA, AAS, AAM, AAD, DAA, DAS), each on the whole of AX.</summary>
internal static unsafe class Bcd
{
    public static uint Aaa(GuestCpu* cpu, uint ax)
    {
        bool adjust = (ax & 0xF) > 9 || LazyFlags.Adjust(cpu);
        uint result = adjust ? ax + 0x106 : ax;
        return AsciiDone(cpu, result, adjust);
    }

    public static uint Aas(GuestCpu* cpu, uint ax)
    {
        bool adjust = (ax & 0xF) > 9 || LazyFlags.Adjust(cpu);
        uint result = adjust ? ax - 0x106 : ax;
        return AsciiDone(cpu, result, adjust);
    }

    /// <param name="cpu">Gets the flags.</param>
    /// <param name="ax">AX.</param>
    /// <param name="radix">The immediate, not 0 (that is #DE).</param>
    public static uint Aam(GuestCpu* cpu, uint ax, uint radix)
    {
        uint al = ax & 0xFF;
        uint result = ((al / radix) << 8) | (al % radix);
        ByteFlags(cpu, result & 0xFF, 0);
        return result;
    }

    public static uint Aad(GuestCpu* cpu, uint ax, uint radix)
    {
        uint result = ((ax & 0xFF) + ((ax >> 8) & 0xFF) * radix) & 0xFF;
        ByteFlags(cpu, result, 0);
        return result;
    }

    public static uint Daa(GuestCpu* cpu, uint ax)
    {
        uint al = ax & 0xFF;
        uint old = al;
        bool carry = false;
        bool oldCarry = LazyFlags.Carry(cpu);
        bool adjust = (al & 0xF) > 9 || LazyFlags.Adjust(cpu);
        if (adjust)
        {
            carry = oldCarry || al > 0xF9;
            al += 6;
        }

        if (old > 0x99 || oldCarry)
        {
            al += 0x60;
            carry = true;
        }

        return Packed(cpu, ax, al, carry, adjust);
    }

    public static uint Das(GuestCpu* cpu, uint ax)
    {
        uint al = ax & 0xFF;
        uint old = al;
        bool carry = false;
        bool oldCarry = LazyFlags.Carry(cpu);
        bool adjust = (al & 0xF) > 9 || LazyFlags.Adjust(cpu);
        if (adjust)
        {
            carry = oldCarry || al < 6;
            al -= 6;
        }

        if (old > 0x99 || oldCarry)
        {
            al -= 0x60;
            carry = true;
        }

        return Packed(cpu, ax, al, carry, adjust);
    }

    private static uint AsciiDone(GuestCpu* cpu, uint result, bool adjust)
    {
        uint ax = result & 0xFF0F;
        ByteFlags(cpu, ax & 0xFF, adjust ? Eflags.Adjust | Eflags.Carry : 0);
        return ax;
    }

    private static uint Packed(GuestCpu* cpu, uint ax, uint al, bool carry, bool adjust)
    {
        ByteFlags(cpu, al & 0xFF, (carry ? Eflags.Carry : 0) | (adjust ? Eflags.Adjust : 0));
        return (ax & 0xFF00) | (al & 0xFF);
    }

    private static void ByteFlags(GuestCpu* cpu, uint value, uint others)
    {
        cpu->FlagsResult = (uint)(sbyte)value;
        cpu->FlagsAux = 0;
        if (others != 0)
        {
            LazyFlags.Set(cpu, LazyFlags.Materialise(cpu) | others);
        }
    }
}
