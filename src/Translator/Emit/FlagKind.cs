using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// How translated code holds the status flags: a kind and two operands in locals. Setting them costs three moves; the
/// work of making <see cref="LazyFlags"/> out of them is done only where somebody looks, mostly in cold exits.
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
}

/// <summary>Shared semantics of flags that translated code calls.</summary>
internal static unsafe class FlagHelpers
{
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
        }
    }

    /// <summary>CF of (kind, a, b), in bit 31.</summary>
    public static uint Carry(GuestCpu* cpu, int kind, uint a, uint b) => kind switch
    {
        FlagKind.Memory => cpu->FlagsAux,
        FlagKind.Add8 => (a + b) << 23,
        FlagKind.Add16 => (a + b) << 15,
        FlagKind.Add32 => a + b < a ? 1u << 31 : 0,
        FlagKind.Sub8 or FlagKind.Sub16 or FlagKind.Sub32 => a < b ? 1u << 31 : 0,
        FlagKind.Logic => 0,
        _ => b,
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep(GuestCpu* cpu, uint result, uint aux, uint carry)
    {
        // INC 0xFF…F and DEC 0 would carry; the old CF stands instead, and OF is the xor of the top two bits.
        uint flip = (aux ^ carry) & LazyFlags.CarryOut;
        cpu->FlagsResult = result;
        cpu->FlagsAux = aux ^ (flip | (flip >> 1));
    }
}
