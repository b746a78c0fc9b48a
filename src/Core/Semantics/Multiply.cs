using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Semantics;

/// <summary>MUL, IMUL (SDM vol. 2). CF = OF = "the upper half matters"; the other flags are undefined and follow the lower half.</summary>
internal static unsafe class Multiply
{
    /// <summary>The full product of two unsigned operands, double width.</summary>
    public static ulong Unsigned<TWidth>(GuestCpu* cpu, uint a, uint b)
        where TWidth : struct, IWidth
    {
        ulong product = (ulong)a * b;
        SetFlags<TWidth>(cpu, (uint)product, product >> TWidth.Bits != 0);
        return product;
    }

    /// <summary>The full product of two signed operands, double width (meaningful in its low 2 × Bits).</summary>
    public static ulong Signed<TWidth>(GuestCpu* cpu, uint a, uint b)
        where TWidth : struct, IWidth
    {
        long product = (long)(int)TWidth.SignExtend(a) * (int)TWidth.SignExtend(b);
        SetFlags<TWidth>(cpu, (uint)product, product != (int)TWidth.SignExtend((uint)product));
        return (ulong)product;
    }

    private static void SetFlags<TWidth>(GuestCpu* cpu, uint low, bool large)
        where TWidth : struct, IWidth
    {
        cpu->FlagsResult = TWidth.SignExtend(low);
        cpu->FlagsAux = large ? LazyFlags.CarryOut : 0;
    }
}

/// <summary>DIV, IDIV (SDM vol. 2). All flags are undefined: left alone.</summary>
internal static class Divide
{
    /// <summary>False: #DE (zero divisor, or a quotient too large).</summary>
    public static bool Unsigned<TWidth>(ulong dividend, uint divisor, out uint quotient, out uint remainder)
        where TWidth : struct, IWidth
    {
        quotient = 0;
        remainder = 0;
        if (divisor == 0 || dividend / divisor > TWidth.Mask)
        {
            return false;
        }

        quotient = (uint)(dividend / divisor);
        remainder = (uint)(dividend % divisor);
        return true;
    }

    /// <inheritdoc cref="Unsigned"/>
    public static bool Signed<TWidth>(long dividend, uint divisor, out uint quotient, out uint remainder)
        where TWidth : struct, IWidth
    {
        quotient = 0;
        remainder = 0;
        long by = (int)TWidth.SignExtend(divisor);

        // −2^63 / −1 would trap on the Host as well; its quotient is too large anyway.
        if (by == 0 || (by == -1 && dividend == long.MinValue))
        {
            return false;
        }

        long q = dividend / by;
        if (q != (int)TWidth.SignExtend((uint)q))
        {
            return false;
        }

        quotient = (uint)q & TWidth.Mask;
        remainder = (uint)(dividend % by) & TWidth.Mask;
        return true;
    }
}
