namespace Lguest.Jit.Core.Fpu;

/// <summary>FADD, FMUL, FSUB(R), FDIV(R) with registers, floats and integers, and the one-operand arithmetic.</summary>
internal static partial class X87
{
    /// <summary>
    /// ST(<paramref name="destination"/>) = ST(destination) op ST(<paramref name="source"/>), one of them ST(0);
    /// <paramref name="reverse"/> swaps the two for FSUBR and FDIVR.
    /// </summary>
    public static void Arithmetic(ref FpuState f, X87Arithmetic operation, int destination, int source, bool reverse, bool pop)
    {
        if (IsEmpty(f, destination) || IsEmpty(f, source))
        {
            if (!StackUnderflow(ref f))
                return;
            Write(ref f, destination, F80.DefaultNaN);
        }
        else
        {
            F80Context context = Begin(f);
            F80 result = Compute(operation, St(ref f, destination), St(ref f, source), reverse, ref context);
            if (!Accept(ref f, context))
                return;
            Write(ref f, destination, result);
        }
        if (pop)
            Pop(ref f);
    }

    /// <summary>FADD m32fp and its seven relatives: ST(0) = ST(0) op memory.</summary>
    public static void ArithmeticM32(ref FpuState f, X87Arithmetic operation, bool reverse, uint bits)
    {
        F80Context context = Begin(f);
        F80 operand = F80Float.FromSingle(bits, ref context);
        WithMemory(ref f, operation, reverse, operand, ref context);
    }

    /// <summary>FADD m64fp …</summary>
    public static void ArithmeticM64(ref FpuState f, X87Arithmetic operation, bool reverse, ulong bits)
    {
        F80Context context = Begin(f);
        F80 operand = F80Float.FromDouble(bits, ref context);
        WithMemory(ref f, operation, reverse, operand, ref context);
    }

    /// <summary>FIADD m16int, m32int …</summary>
    public static void ArithmeticInteger(ref FpuState f, X87Arithmetic operation, bool reverse, int value)
    {
        F80Context context = Begin(f);
        WithMemory(ref f, operation, reverse, F80Integer.FromInt64(value), ref context);
    }

    /// <summary>FCHS.</summary>
    public static void Fchs(ref FpuState f)
    {
        if (ReadsTop(ref f))
            Write(ref f, 0, St(ref f, 0).Negate());
    }

    /// <summary>FABS.</summary>
    public static void Fabs(ref FpuState f)
    {
        if (ReadsTop(ref f))
            Write(ref f, 0, St(ref f, 0).Absolute());
    }

    /// <summary>FSQRT.</summary>
    public static void Fsqrt(ref FpuState f)
    {
        if (!ReadsTop(ref f))
            return;
        F80Context context = Begin(f);
        Replace(ref f, F80SquareRoot.SquareRoot(St(ref f, 0), ref context), context);
    }

    /// <summary>FRNDINT.</summary>
    public static void Frndint(ref FpuState f)
    {
        if (!ReadsTop(ref f))
            return;
        F80Context context = Begin(f);
        Replace(ref f, F80Integer.RoundToInteger(St(ref f, 0), ref context), context);
    }

    /// <summary>FSCALE: ST(0) · 2^trunc(ST(1)).</summary>
    public static void Fscale(ref FpuState f)
    {
        if (!ReadsTwo(ref f))
            return;
        F80Context context = Begin(f);
        Replace(ref f, F80Scale.Scale(St(ref f, 0), St(ref f, 1), ref context), context);
    }

    /// <summary>
    /// FPREM and, with <paramref name="toNearest"/>, FPREM1. C0, C3, C1 get quotient bits 2, 1, 0; C2 asks for another round.
    /// </summary>
    public static void Fprem(ref FpuState f, bool toNearest)
    {
        f.StatusWord &= unchecked((ushort)~FpuStatus.C2);
        if (!ReadsTwo(ref f))
            return;
        F80Context context = Begin(f);
        F80 result = F80Remainder.Remainder(St(ref f, 0), St(ref f, 1), toNearest, out ulong quotient, out bool partial, ref context);

        // Without a remainder there is no quotient either: C0 and C3 stay as they were.
        if (!Replace(ref f, result, context) || result.IsNaN)
            return;
        int conditions = (quotient & 1) != 0 ? FpuStatus.C1 : 0;
        conditions |= (quotient & 2) != 0 ? FpuStatus.C3 : 0;
        conditions |= (quotient & 4) != 0 ? FpuStatus.C0 : 0;
        SetConditions(ref f, conditions | (partial ? FpuStatus.C2 : 0));
    }

    /// <summary>FXTRACT: ST(0) becomes the exponent, then the significand is pushed.</summary>
    public static void Fxtract(ref FpuState f)
    {
        if (!PushesOne(ref f))
            return;
        F80Context context = Begin(f);
        F80 significand = F80Scale.Extract(St(ref f, 0), out F80 exponent, ref context);
        if (!Replace(ref f, exponent, context))
            return;
        Push(ref f, significand);
    }

    private static F80 Compute(X87Arithmetic operation, F80 left, F80 right, bool reverse, ref F80Context context)
    {
        if (reverse)
            (left, right) = (right, left);
        return operation switch
        {
            X87Arithmetic.Add => F80AddSubtract.Add(left, right, ref context),
            X87Arithmetic.Multiply => F80MultiplyDivide.Multiply(left, right, ref context),
            X87Arithmetic.Subtract => F80AddSubtract.Subtract(left, right, ref context),
            _ => F80MultiplyDivide.Divide(left, right, ref context),
        };
    }

    private static void WithMemory(ref FpuState f, X87Arithmetic operation, bool reverse, F80 operand, ref F80Context context)
    {
        if (ReadsTop(ref f))
            Replace(ref f, Compute(operation, St(ref f, 0), operand, reverse, ref context), context);
    }

    /// <summary>Clears C1 and says whether ST(0) is there; if not, the masked response has been given.</summary>
    private static bool ReadsTop(ref FpuState f)
    {
        f.StatusWord &= unchecked((ushort)~FpuStatus.C1);
        if (!IsEmpty(f, 0))
            return true;
        if (StackUnderflow(ref f))
            Write(ref f, 0, F80.DefaultNaN);
        return false;
    }

    /// <summary>The same for operations that read ST(0) and ST(1) and answer in ST(0).</summary>
    private static bool ReadsTwo(ref FpuState f)
    {
        if (!IsEmpty(f, 0) && !IsEmpty(f, 1))
            return true;
        if (StackUnderflow(ref f))
            Write(ref f, 0, F80.DefaultNaN);
        return false;
    }

    /// <summary>The same for operations that replace ST(0) and push: there must be room, and both results become NaNs if not.</summary>
    private static bool PushesOne(ref FpuState f)
    {
        bool empty = IsEmpty(f, 0);
        if (!empty && IsEmpty(f, 7))
            return true;
        if (empty ? StackUnderflow(ref f) : StackOverflow(ref f))
        {
            Write(ref f, 0, F80.DefaultNaN);
            Push(ref f, F80.DefaultNaN);
        }
        return false;
    }

    private static bool Replace(ref FpuState f, F80 result, in F80Context context)
    {
        if (!Accept(ref f, context))
            return false;
        Write(ref f, 0, result);
        return true;
    }
}
