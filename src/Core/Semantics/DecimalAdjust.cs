using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Semantics;

/// <summary>
/// The decimal adjustments AAA, AAS, AAM, AAD, DAA and DAS on AX (SDM vol. 2). Undefined flags are Zen's, as measured: those
/// of the addition or subtraction that does the adjusting, before AL is cut down to a digit.
/// </summary>
internal static unsafe class DecimalAdjust
{
    public static void Aaa(GuestCpu* cpu) => Ascii(cpu, subtract: false);

    public static void Aas(GuestCpu* cpu) => Ascii(cpu, subtract: true);

    public static void Daa(GuestCpu* cpu) => Decimal(cpu, subtract: false);

    public static void Das(GuestCpu* cpu) => Decimal(cpu, subtract: true);

    /// <summary>AH = AL / divisor, AL = AL % divisor. False: the divisor is 0, #DE is due.</summary>
    public static bool Aam(GuestCpu* cpu, uint divisor)
    {
        if (divisor == 0)
        {
            return false;
        }

        (uint high, uint low) = Math.DivRem(cpu->Gpr[Reg.Eax] & 0xFF, divisor);
        SetAx(cpu, (high << 8) | low);
        FlagWriter.Set<W8>(cpu, low, 0, 0, 0);
        return true;
    }

    /// <summary>AL = AL + AH × multiplier, AH = 0; the flags are those of the addition.</summary>
    public static void Aad(GuestCpu* cpu, uint multiplier)
    {
        uint low = cpu->Gpr[Reg.Eax] & 0xFF;
        uint tens = ((cpu->Gpr[Reg.Eax] >> 8) & 0xFF) * multiplier & 0xFF;
        uint sum = low + tens;
        SetAx(cpu, sum & 0xFF);
        FlagWriter.SetSum<W8>(cpu, low, tens, sum);
    }

    private static void Ascii(GuestCpu* cpu, bool subtract)
    {
        uint ax = cpu->Gpr[Reg.Eax] & 0xFFFF;
        uint adjust = (ax & 15) > 9 || LazyFlags.Adjust(cpu) ? 1u : 0;
        uint adjustment = adjust * 0x106;
        uint result = subtract ? ax - adjustment : ax + adjustment;
        uint overflow = ((subtract ? ax & ~result : ~ax & result) >> 15) & 1;
        SetAx(cpu, result & 0xFF0F);
        FlagWriter.Set<W16>(cpu, result, adjust, overflow, adjust);
    }

    private static void Decimal(GuestCpu* cpu, bool subtract)
    {
        uint al = cpu->Gpr[Reg.Eax] & 0xFF;
        uint adjust = (al & 15) > 9 || LazyFlags.Adjust(cpu) ? 1u : 0;
        uint carry = al > 0x99 || LazyFlags.Carry(cpu) ? 1u : 0;
        uint adjustment = adjust * 6 + carry * 0x60;
        uint result = subtract ? al - adjustment : al + adjustment;

        // The adjustment is positive: overflow is a change of sign upwards when adding, downwards when subtracting.
        uint overflow = ((subtract ? al & ~result : ~al & result) >> 7) & 1;
        cpu->Gpr[Reg.Eax] = (cpu->Gpr[Reg.Eax] & ~0xFFu) | (result & 0xFF);

        // DAS also reports a borrow out of the low digit's adjustment; DAA has no such case, its AL would be above 0x99.
        carry |= subtract && al < adjustment ? 1u : 0;
        FlagWriter.Set<W8>(cpu, result, carry, overflow, adjust);
    }

    private static void SetAx(GuestCpu* cpu, uint value) => cpu->Gpr[Reg.Eax] = (cpu->Gpr[Reg.Eax] & 0xFFFF0000) | (value & 0xFFFF);
}
