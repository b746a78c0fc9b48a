namespace Lguest.Jit.Core.Fpu;

/// <summary>
/// FST, FSTP, FIST, FISTTP, FBSTP. Each answers true when memory is to be written; on false an unmasked exception
/// stands in the status word and neither memory nor TOP may change. A caller must have translated and checked the
/// address <em>before</em>: a page fault after the pop could not be restarted.
/// </summary>
internal static partial class X87
{
    /// <summary>Unmasked, these two keep a narrowed number out of memory (SDM vol. 1 §8.5.4, §8.5.5).</summary>
    private const FpuExceptions StopsStore = FpuExceptions.BeforeComputation | FpuExceptions.Overflow | FpuExceptions.Underflow;

    /// <summary>FST and FSTP m32fp.</summary>
    public static bool FstM32(ref FpuState f, bool pop, out uint bits)
    {
        if (IsEmpty(f, 0))
        {
            bits = 0xFFC0_0000;
            return StoreUnderflow(ref f, pop);
        }
        F80Context context = Begin(f);
        bits = F80Float.ToSingle(St(ref f, 0), ref context);
        return Stored(ref f, pop, ref context);
    }

    /// <summary>FST and FSTP m64fp.</summary>
    public static bool FstM64(ref FpuState f, bool pop, out ulong bits)
    {
        if (IsEmpty(f, 0))
        {
            bits = 0xFFF8_0000_0000_0000;
            return StoreUnderflow(ref f, pop);
        }
        F80Context context = Begin(f);
        bits = F80Float.ToDouble(St(ref f, 0), ref context);
        return Stored(ref f, pop, ref context);
    }

    /// <summary>FSTP m80fp, the one way out that looks at nothing but the tag.</summary>
    public static bool FstpM80(ref FpuState f, out F80 value)
    {
        value = F80.DefaultNaN;
        if (IsEmpty(f, 0))
            return StoreUnderflow(ref f, pop: true);
        value = St(ref f, 0);
        f.StatusWord &= unchecked((ushort)~FpuStatus.C1);
        Pop(ref f);
        return true;
    }

    /// <summary>FST and FSTP ST(i).</summary>
    /// <param name="quiet">FSTP1, the undocumented D9 D8+i: an empty ST(0) is popped without copy and without complaint.</param>
    public static void FstSt(ref FpuState f, int index, bool pop, bool quiet = false)
    {
        if (!IsEmpty(f, 0))
        {
            f.StatusWord &= unchecked((ushort)~FpuStatus.C1);
            Write(ref f, index, St(ref f, 0));
        }
        else if (quiet)
        {
            f.StatusWord &= unchecked((ushort)~FpuStatus.C1);
        }
        else
        {
            if (!StackUnderflow(ref f))
                return;
            Write(ref f, index, F80.DefaultNaN);
        }
        if (pop)
            Pop(ref f);
    }

    /// <summary>FIST and FISTP m16int.</summary>
    public static bool FistM16(ref FpuState f, bool pop, out short value) => FistM16(ref f, pop, RoundingOf(f), out value);

    /// <summary>FIST and FISTP m32int.</summary>
    public static bool FistM32(ref FpuState f, bool pop, out int value) => FistM32(ref f, pop, RoundingOf(f), out value);

    /// <summary>FISTP m64int.</summary>
    public static bool FistM64(ref FpuState f, bool pop, out long value) => FistM64(ref f, pop, RoundingOf(f), out value);

    /// <summary>FISTTP m16int (SSE3).</summary>
    public static bool FisttpM16(ref FpuState f, out short value) => FistM16(ref f, true, F80RoundingMode.Chop, out value);

    /// <summary>FISTTP m32int.</summary>
    public static bool FisttpM32(ref FpuState f, out int value) => FistM32(ref f, true, F80RoundingMode.Chop, out value);

    /// <summary>FISTTP m64int.</summary>
    public static bool FisttpM64(ref FpuState f, out long value) => FistM64(ref f, true, F80RoundingMode.Chop, out value);

    /// <summary>FBSTP: <paramref name="low"/> gets digits 15..0, <paramref name="high"/> digits 17 and 16 and the sign.</summary>
    public static bool Fbstp(ref FpuState f, out ulong low, out ushort high)
    {
        low = F80PackedBcd.IndefiniteLow;
        high = F80PackedBcd.IndefiniteHigh;
        if (IsEmpty(f, 0))
            return StoreUnderflow(ref f, pop: true);
        F80Context context = Begin(f);
        F80 value = St(ref f, 0);
        if (F80Integer.TryRound(value, context.Rounding, F80PackedBcd.Largest, false, out ulong magnitude, ref context))
            F80PackedBcd.ToPacked(value.IsNegative, magnitude, out low, out high);
        return Stored(ref f, pop: true, ref context);
    }

    private static F80RoundingMode RoundingOf(in FpuState f) => Begin(f).Rounding;

    private static bool FistM16(ref FpuState f, bool pop, F80RoundingMode mode, out short value)
    {
        bool store = FistAny(ref f, pop, mode, (ulong)short.MaxValue, out long wide);
        value = (short)wide;
        return store;
    }

    private static bool FistM32(ref FpuState f, bool pop, F80RoundingMode mode, out int value)
    {
        bool store = FistAny(ref f, pop, mode, int.MaxValue, out long wide);
        value = (int)wide;
        return store;
    }

    private static bool FistM64(ref FpuState f, bool pop, F80RoundingMode mode, out long value) =>
        FistAny(ref f, pop, mode, long.MaxValue, out value);

    /// <summary>The integer indefinite is the most negative number of the width: -(limit + 1).</summary>
    private static bool FistAny(ref FpuState f, bool pop, F80RoundingMode mode, ulong limit, out long value)
    {
        value = (long)~limit;
        if (IsEmpty(f, 0))
            return StoreUnderflow(ref f, pop);
        F80Context context = Begin(f);
        F80 source = St(ref f, 0);
        if (F80Integer.TryRound(source, mode, limit, true, out ulong magnitude, ref context))
            value = source.IsNegative ? (long)(0 - magnitude) : (long)magnitude;
        return Stored(ref f, pop, ref context);
    }

    private static bool StoreUnderflow(ref FpuState f, bool pop)
    {
        if (!StackUnderflow(ref f))
            return false;
        if (pop)
            Pop(ref f);
        return true;
    }

    private static bool Stored(ref FpuState f, bool pop, ref F80Context context)
    {
        _ = Accept(ref f, context);
        if ((context.Raised & context.Unmasked & StopsStore) != 0)
            return false;
        if (pop)
            Pop(ref f);
        return true;
    }
}
