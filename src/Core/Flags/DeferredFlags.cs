using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Semantics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Flags;

/// <summary>
/// How translated code holds the status flags: a kind and two operands, in locals while it runs and in the CPU struct
/// between one region and the next. Setting them costs three moves; <see cref="LazyFlags"/> are made out of them only where
/// somebody looks. The interpreter never sees them: a block's head settles them first.
/// </summary>
internal static class FlagKind
{
    /// <summary>The flags stand in the CPU struct.</summary>
    public const int Memory = 0;

    /// <summary>a + b at 8, 16, 32 bits.</summary>
    public const int Add8 = 1;
    public const int Add16 = 2;
    public const int Add32 = 3;

    /// <summary>a − b.</summary>
    public const int Sub8 = 4;
    public const int Sub16 = 5;
    public const int Sub32 = 6;

    /// <summary>a: the sign-extended result of a logical operation.</summary>
    public const int Logic = 7;

    /// <summary>a: the operand of INC, b: the carry kept (bit 31).</summary>
    public const int Inc8 = 8;
    public const int Inc16 = 9;
    public const int Inc32 = 10;

    /// <summary>a: the operand of DEC, b: the carry kept (bit 31).</summary>
    public const int Dec8 = 11;
    public const int Dec16 = 12;
    public const int Dec32 = 13;

    /// <summary>a: LazyFlags' result, b: its aux.</summary>
    public const int Raw = 14;

    /// <summary>a: SF, ZF, AF, PF and CF at their places in EFLAGS (other bits are noise), b: OF in bit 0 and CF in bit 31, all else clear. IRET, FCOMI.</summary>
    public const int Image = 15;

    /// <summary>From here to <see cref="LastCarryNormal"/>: the kinds that have CF in bit 31 of b, as INC and DEC want it that keep it.</summary>
    public const int FirstCarryNormal = Inc8;
    public const int LastCarryNormal = Image;

    /// <summary>a shifted left by b (1..31).</summary>
    public const int Shl8 = 16;
    public const int Shl16 = 17;
    public const int Shl32 = 18;

    /// <summary>a shifted right by b, zeros coming in.</summary>
    public const int Shr8 = 19;
    public const int Shr16 = 20;
    public const int Shr32 = 21;

    /// <summary>a shifted right by b, signs coming in.</summary>
    public const int Sar8 = 22;
    public const int Sar16 = 23;
    public const int Sar32 = 24;
}

/// <summary>Making <see cref="LazyFlags"/> out of a <see cref="FlagKind"/> and its operands.</summary>
/// <remarks>What translated code calls is mostly called on its ways out, of which there are many: inlined, it would only be work for the compiler.</remarks>
internal static unsafe class DeferredFlags
{
    /// <summary>Of <see cref="FlagKind.Image"/>'s first operand, what is not noise.</summary>
    private const uint ImageBits = Eflags.Sign | Eflags.Zero | Eflags.Adjust | Eflags.Parity | Eflags.Carry;

    /// <summary>Puts deferred flags, if there are any, where the interpreter looks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Settle(GuestCpu* cpu)
    {
        if (cpu->FlagsKind != FlagKind.Memory)
        {
            SettleCold(cpu);
        }
    }

    /// <summary>
    /// The six flags at their places in EFLAGS, wherever they are; and leaves them as translated code likes to find them. What is often there when a program calls its kernel
    /// makes no detour through the CPU struct.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Status(GuestCpu* cpu)
    {
        uint result = cpu->FlagsA;
        uint aux = cpu->FlagsB;
        switch (cpu->FlagsKind)
        {
            case FlagKind.Image:
                return (result & ImageBits) | ((aux & 1) << 11);
            case FlagKind.Logic:
                aux = 0;
                break;
            case FlagKind.Sub32:
                aux = LazyFlags.SubAux32(result, aux, result - aux);
                result -= cpu->FlagsB;
                break;
            case FlagKind.Dec32:
                aux = Kept(LazyFlags.SubAux32(result, 0, result - 1), aux);
                result--;
                break;
            default:
                Settle(cpu);
                result = cpu->FlagsResult;
                aux = cpu->FlagsAux;
                break;
        }

        cpu->FlagsKind = FlagKind.Raw;
        cpu->FlagsA = result;
        cpu->FlagsB = aux;
        return LazyFlags.Materialise(result, aux);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void SettleCold(GuestCpu* cpu)
    {
        Materialise(cpu, cpu->FlagsKind, cpu->FlagsA, cpu->FlagsB);
        cpu->FlagsKind = FlagKind.Memory;
    }

    /// <summary>Puts the flags of (kind, a, b) into the CPU struct.</summary>
    public static void Materialise(GuestCpu* cpu, int kind, uint a, uint b)
    {
        uint r;
        switch (kind)
        {
            case FlagKind.Add8:
                r = a + b;
                cpu->FlagsResult = (uint)(sbyte)r;
                cpu->FlagsAux = LazyFlags.Narrow((a & b) | ((a | b) & ~r), 8);
                break;
            case FlagKind.Add16:
                r = a + b;
                cpu->FlagsResult = (uint)(short)r;
                cpu->FlagsAux = LazyFlags.Narrow((a & b) | ((a | b) & ~r), 16);
                break;
            case FlagKind.Add32:
                r = a + b;
                cpu->FlagsResult = r;
                cpu->FlagsAux = LazyFlags.AddAux32(a, b, r);
                break;
            case FlagKind.Sub8:
                r = a - b;
                cpu->FlagsResult = (uint)(sbyte)r;
                cpu->FlagsAux = LazyFlags.Narrow((~a & b) | ((~a | b) & r), 8);
                break;
            case FlagKind.Sub16:
                r = a - b;
                cpu->FlagsResult = (uint)(short)r;
                cpu->FlagsAux = LazyFlags.Narrow((~a & b) | ((~a | b) & r), 16);
                break;
            case FlagKind.Sub32:
                r = a - b;
                cpu->FlagsResult = r;
                cpu->FlagsAux = LazyFlags.SubAux32(a, b, r);
                break;
            case FlagKind.Logic:
                cpu->FlagsResult = a;
                cpu->FlagsAux = 0;
                break;
            case FlagKind.Inc8:
                r = a + 1;
                Keep(cpu, (uint)(sbyte)r, LazyFlags.Narrow(a & ~r, 8), b);
                break;
            case FlagKind.Inc16:
                r = a + 1;
                Keep(cpu, (uint)(short)r, LazyFlags.Narrow(a & ~r, 16), b);
                break;
            case FlagKind.Inc32:
                r = a + 1;
                Keep(cpu, r, LazyFlags.AddAux32(a, 0, r), b);
                break;
            case FlagKind.Dec8:
                r = a - 1;
                Keep(cpu, (uint)(sbyte)r, LazyFlags.Narrow(~a & r, 8), b);
                break;
            case FlagKind.Dec16:
                r = a - 1;
                Keep(cpu, (uint)(short)r, LazyFlags.Narrow(~a & r, 16), b);
                break;
            case FlagKind.Dec32:
                r = a - 1;
                Keep(cpu, r, LazyFlags.SubAux32(a, 0, r), b);
                break;
            case FlagKind.Shl8:
                Shift.Shl<W8>(cpu, a, b);
                break;
            case FlagKind.Shl16:
                Shift.Shl<W16>(cpu, a, b);
                break;
            case FlagKind.Shl32:
                Shift.Shl<W32>(cpu, a, b);
                break;
            case FlagKind.Shr8:
                Shift.Shr<W8>(cpu, a, b);
                break;
            case FlagKind.Shr16:
                Shift.Shr<W16>(cpu, a, b);
                break;
            case FlagKind.Shr32:
                Shift.Shr<W32>(cpu, a, b);
                break;
            case FlagKind.Sar8:
                Shift.Sar<W8>(cpu, a, b);
                break;
            case FlagKind.Sar16:
                Shift.Sar<W16>(cpu, a, b);
                break;
            case FlagKind.Sar32:
                Shift.Sar<W32>(cpu, a, b);
                break;
            case FlagKind.Raw:
                cpu->FlagsResult = a;
                cpu->FlagsAux = b;
                break;
            case FlagKind.Image:
                LazyFlags.Set(cpu, (a & 0xFF) | (b << 11));
                break;
        }
    }

    /// <summary>CF of (kind, a, b), in bit 31; lower bits are noise.</summary>
    public static uint Carry(GuestCpu* cpu, int kind, uint a, uint b)
    {
        switch (kind)
        {
            case FlagKind.Memory:
                return cpu->FlagsAux;
            case FlagKind.Add8:
                return (a + b) << 23;
            case FlagKind.Add16:
                return (a + b) << 15;
            case FlagKind.Add32:
                return a + b < a ? 1u << 31 : 0;
            case FlagKind.Sub8 or FlagKind.Sub16 or FlagKind.Sub32:
                return a < b ? 1u << 31 : 0;
            case FlagKind.Logic:
                return 0;
            case >= FlagKind.FirstCarryNormal and <= FlagKind.LastCarryNormal:
                return b;
            default:
                // Shifts: rarely asked. What stands in memory is out of date anyway.
                Materialise(cpu, kind, a, b);
                return cpu->FlagsAux;
        }
    }

    /// <summary>What <see cref="LazyFlags"/> would have as the result of (kind, a, b).</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint ResultWord(GuestCpu* cpu, int kind, uint a, uint b)
    {
        // Translated code keeps its flags in locals: the words in the CPU struct are free to be used.
        Materialise(cpu, kind, a, b);
        return cpu->FlagsResult;
    }

    /// <summary>What <see cref="LazyFlags"/> would have as the aux word of (kind, a, b).</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint AuxWord(GuestCpu* cpu, int kind, uint a, uint b)
    {
        Materialise(cpu, kind, a, b);
        return cpu->FlagsAux;
    }

    /// <summary>The result word after a shift by a variable count, which leaves the flags if it is 0.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint ShiftedResult(GuestCpu* cpu, int kind, uint a, uint count, uint before) =>
        (count & 31) == 0 ? before : ResultWord(cpu, kind, a, count & 31);

    /// <summary>The aux word after a shift by a variable count.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint ShiftedAux(GuestCpu* cpu, int kind, uint a, uint count, uint before) =>
        (count & 31) == 0 ? before : AuxWord(cpu, kind, a, count & 31);

    /// <summary>The result word after SHLD (<paramref name="left"/>: 1) or SHRD (0) at 32 bits, which leave the flags if the count is 0.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint DoubleShiftedResult(GuestCpu* cpu, int left, uint value, uint filler, uint count, uint before)
    {
        if ((count & 31) == 0)
        {
            return before;
        }

        _ = left != 0 ? DoubleShift.Shld<W32>(cpu, value, filler, count) : DoubleShift.Shrd<W32>(cpu, value, filler, count);
        return cpu->FlagsResult;
    }

    /// <summary>The aux word after them.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint DoubleShiftedAux(GuestCpu* cpu, int left, uint value, uint filler, uint count, uint before)
    {
        if ((count & 31) == 0)
        {
            return before;
        }

        _ = left != 0 ? DoubleShift.Shld<W32>(cpu, value, filler, count) : DoubleShift.Shrd<W32>(cpu, value, filler, count);
        return cpu->FlagsAux;
    }

    /// <summary>Makes the flags in the CPU struct ones that have CF in bit 31 of their second operand.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Normalise(GuestCpu* cpu)
    {
        Materialise(cpu, cpu->FlagsKind, cpu->FlagsA, cpu->FlagsB);
        cpu->FlagsKind = FlagKind.Raw;
        cpu->FlagsA = cpu->FlagsResult;
        cpu->FlagsB = cpu->FlagsAux;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep(GuestCpu* cpu, uint result, uint aux, uint carry)
    {
        cpu->FlagsResult = result;
        cpu->FlagsAux = Kept(aux, carry);
    }

    /// <summary>INC 0xFF…F and DEC 0 would carry; the old CF stands instead, and OF is the xor of the top two bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Kept(uint aux, uint carry)
    {
        uint flip = (aux ^ carry) & LazyFlags.CarryOut;
        return aux ^ (flip | (flip >> 1));
    }
}
