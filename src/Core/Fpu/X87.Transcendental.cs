namespace Lguest.Jit.Core.Fpu;

/// <summary>F2XM1, FYL2X, FYL2XP1, FPTAN, FPATAN, FSIN, FCOS, FSINCOS.</summary>
internal static partial class X87
{
    /// <summary>F2XM1.</summary>
    public static void F2xm1(ref FpuState f)
    {
        if (!ReadsTop(ref f))
            return;
        F80Context context = Begin(f);
        Replace(ref f, F80Exponential.TwoToXMinusOne(St(ref f, 0), ref context), context);
    }

    /// <summary>FYL2X: ST(1) = ST(1)·log2 ST(0), pop.</summary>
    public static void Fyl2x(ref FpuState f)
    {
        if (!ReadsTwoAndPops(ref f))
            return;
        F80Context context = Begin(f);
        ReplaceAndPop(ref f, F80Logarithm.YLog2X(St(ref f, 0), St(ref f, 1), ref context), context);
    }

    /// <summary>FYL2XP1: ST(1) = ST(1)·log2(ST(0) + 1), pop.</summary>
    public static void Fyl2xp1(ref FpuState f)
    {
        if (!ReadsTwoAndPops(ref f))
            return;
        F80Context context = Begin(f);
        ReplaceAndPop(ref f, F80Logarithm.YLog2XPlusOne(St(ref f, 0), St(ref f, 1), ref context), context);
    }

    /// <summary>FPATAN: ST(1) = arctan(ST(1)/ST(0)) in the right quadrant, pop.</summary>
    public static void Fpatan(ref FpuState f)
    {
        if (!ReadsTwoAndPops(ref f))
            return;
        F80Context context = Begin(f);
        ReplaceAndPop(ref f, F80ArcTangent.ArcTangent(St(ref f, 0), St(ref f, 1), ref context), context);
    }

    /// <summary>FSIN. C2 says that the operand was 2^63 or more and nothing was done.</summary>
    public static void Fsin(ref FpuState f)
    {
        if (!ReadsAngle(ref f))
            return;
        F80Context context = Begin(f);
        Replace(ref f, F80Trigonometry.Sine(St(ref f, 0), ref context), context);
    }

    /// <summary>FCOS.</summary>
    public static void Fcos(ref FpuState f)
    {
        if (!ReadsAngle(ref f))
            return;
        F80Context context = Begin(f);
        Replace(ref f, F80Trigonometry.Cosine(St(ref f, 0), ref context), context);
    }

    /// <summary>FPTAN: replaces ST(0) by its tangent and pushes 1.</summary>
    public static void Fptan(ref FpuState f)
    {
        if (!ReadsAngleAndPushes(ref f))
            return;
        F80Context context = Begin(f);
        F80 tangent = F80Trigonometry.Tangent(St(ref f, 0), ref context);
        if (Replace(ref f, tangent, context))
            Push(ref f, tangent.IsNaN ? tangent : F80.One);
    }

    /// <summary>FSINCOS: replaces ST(0) by its sine and pushes its cosine.</summary>
    public static void Fsincos(ref FpuState f)
    {
        if (!ReadsAngleAndPushes(ref f))
            return;
        F80Context context = Begin(f);
        F80 angle = St(ref f, 0);

        // The sine comes last because C1 speaks of its rounding, not of the cosine's: seen on silicon.
        F80 cosine = F80Trigonometry.Cosine(angle, ref context);
        F80 sine = F80Trigonometry.Sine(angle, ref context);
        if (Replace(ref f, sine, context))
            Push(ref f, cosine);
    }

    private static bool ReadsAngle(ref FpuState f)
    {
        f.StatusWord &= unchecked((ushort)~FpuStatus.C2);
        return ReadsTop(ref f) && IsReducible(ref f);
    }

    private static bool ReadsAngleAndPushes(ref FpuState f)
    {
        f.StatusWord &= unchecked((ushort)~FpuStatus.C2);
        return PushesOne(ref f) && IsReducible(ref f);
    }

    private static bool IsReducible(ref FpuState f)
    {
        if (!F80Trigonometry.IsOutOfRange(St(ref f, 0)))
            return true;
        f.StatusWord = (ushort)(f.StatusWord & ~FpuStatus.C1 | FpuStatus.C2);
        return false;
    }

    /// <summary>ST(0) and ST(1) are there; if not, the masked response is a NaN where the result would go.</summary>
    private static bool ReadsTwoAndPops(ref FpuState f)
    {
        if (!IsEmpty(f, 0) && !IsEmpty(f, 1))
            return true;
        if (StackUnderflow(ref f))
        {
            Write(ref f, 1, F80.DefaultNaN);
            Pop(ref f);
        }
        return false;
    }

    private static void ReplaceAndPop(ref FpuState f, F80 result, in F80Context context)
    {
        if (!Accept(ref f, context))
            return;
        Write(ref f, 1, result);
        Pop(ref f);
    }
}
