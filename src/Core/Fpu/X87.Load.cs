namespace Lguest.Jit.Core.Fpu;

/// <summary>FLD, FILD, FBLD and the constants.</summary>
internal static partial class X87
{
    /// <summary>FLD m32fp: quiets signalling NaNs (IE), notes denormals (DE).</summary>
    public static void FldM32(ref FpuState f, uint bits)
    {
        F80Context context = Begin(f);
        F80 value = F80Float.FromSingle(bits, ref context);
        LoadFloat(ref f, value, ref context);
    }

    /// <summary>FLD m64fp.</summary>
    public static void FldM64(ref FpuState f, ulong bits)
    {
        F80Context context = Begin(f);
        F80 value = F80Float.FromDouble(bits, ref context);
        LoadFloat(ref f, value, ref context);
    }

    /// <summary>FLD m80fp: bits are bits, no exception but the stack's.</summary>
    public static void FldM80(ref FpuState f, F80 value) => LoadExact(ref f, value);

    /// <summary>FLD ST(i).</summary>
    public static void FldSt(ref FpuState f, int index)
    {
        if (IsEmpty(f, index))
        {
            if (StackUnderflow(ref f))
                Push(ref f, F80.DefaultNaN);
        }
        else
        {
            LoadExact(ref f, St(ref f, index));
        }
    }

    /// <summary>FILD: 16-, 32- and 64-bit integers are all exact in 80 bits.</summary>
    public static void Fild(ref FpuState f, long value) => LoadExact(ref f, F80Integer.FromInt64(value));

    /// <summary>FBLD m80bcd.</summary>
    public static void Fbld(ref FpuState f, ulong low, ushort high) => LoadExact(ref f, F80PackedBcd.FromPacked(low, high));

    /// <summary>FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ.</summary>
    public static void FldConst(ref FpuState f, F80Constant constant) =>
        LoadExact(ref f, F80Constants.Load(constant, Begin(f).Rounding));

    private static void LoadExact(ref FpuState f, F80 value)
    {
        if (IsEmpty(f, 7))
        {
            f.StatusWord &= unchecked((ushort)~FpuStatus.C1);
            Push(ref f, value);
        }
        else if (StackOverflow(ref f))
        {
            Push(ref f, F80.DefaultNaN);
        }
    }

    private static void LoadFloat(ref FpuState f, F80 value, ref F80Context context)
    {
        if (!IsEmpty(f, 7))
        {
            if (StackOverflow(ref f))
                Push(ref f, F80.DefaultNaN);
            return;
        }
        if (F80NaN.Settles(value, ref context, out F80 nan))
            value = nan;
        bool accepted = Accept(ref f, context);

        // A denormal is exact in 80 bits, so DE does not stop the load, not even unmasked: silicon pushes, then tells.
        if (context.DenormalSource)
            NoteDenormalLoad(ref f, context);
        if (accepted)
            Push(ref f, value);
    }

    private static void NoteDenormalLoad(ref FpuState f, in F80Context context)
    {
        f.StatusWord |= (ushort)FpuExceptions.Denormal;
        if ((context.Unmasked & FpuExceptions.Denormal) != 0)
            f.StatusWord |= FpuStatus.ErrorSummary | FpuStatus.Busy;
    }
}
