namespace Lguest.Jit.Core.Fpu;

/// <summary>FCOM, FUCOM, FCOMI, FUCOMI, FTST, FXAM.</summary>
internal static partial class X87
{
    /// <summary>CF, PF and ZF at their places in EFLAGS.</summary>
    public const uint CarryFlag = 0x01;

    /// <inheritdoc cref="CarryFlag"/>
    public const uint ParityFlag = 0x04;

    /// <inheritdoc cref="CarryFlag"/>
    public const uint ZeroFlag = 0x40;

    /// <summary>
    /// What FCOMI and FUCOMI write in EFLAGS: the three above, and OF, SF and AF, which silicon clears along with them.
    /// </summary>
    public const uint ComparisonFlags = ZeroFlag | ParityFlag | CarryFlag | 0x890;

    /// <summary>FCOM(P)(P) and FUCOM(P)(P) of ST(0) with ST(<paramref name="index"/>).</summary>
    /// <param name="quiet">FUCOM: a quiet NaN is no exception.</param>
    /// <param name="pops">0, 1 or 2 registers go afterwards.</param>
    public static void Fcom(ref FpuState f, int index, bool quiet, int pops)
    {
        if (IsEmpty(f, 0) || IsEmpty(f, index))
        {
            CompareUnderflow(ref f, pops);
            return;
        }
        F80Context context = Begin(f);
        CompareTop(ref f, St(ref f, index), quiet, pops, ref context);
    }

    /// <summary>FCOM and FCOMP m32fp.</summary>
    public static void FcomM32(ref FpuState f, uint bits, int pops)
    {
        F80Context context = Begin(f);
        F80 operand = F80Float.FromSingle(bits, ref context);
        CompareMemory(ref f, operand, pops, ref context);
    }

    /// <summary>FCOM and FCOMP m64fp.</summary>
    public static void FcomM64(ref FpuState f, ulong bits, int pops)
    {
        F80Context context = Begin(f);
        F80 operand = F80Float.FromDouble(bits, ref context);
        CompareMemory(ref f, operand, pops, ref context);
    }

    /// <summary>FICOM and FICOMP m16int, m32int.</summary>
    public static void Ficom(ref FpuState f, int value, int pops)
    {
        F80Context context = Begin(f);
        CompareMemory(ref f, F80Integer.FromInt64(value), pops, ref context);
    }

    /// <summary>FTST: ST(0) against +0.</summary>
    public static void Ftst(ref FpuState f)
    {
        F80Context context = Begin(f);
        CompareMemory(ref f, F80.PositiveZero, 0, ref context);
    }

    /// <summary>FCOMI(P) and FUCOMI(P). They do not touch C1 unless the stack is at fault.</summary>
    /// <returns>
    /// <see cref="ZeroFlag"/>, <see cref="ParityFlag"/> and <see cref="CarryFlag"/>, to be put into EFLAGS also when an
    /// exception is unmasked: there only the pop is withheld.
    /// </returns>
    public static uint Fcomi(ref FpuState f, int index, bool quiet, bool pop)
    {
        const uint Unordered = ZeroFlag | ParityFlag | CarryFlag;
        if (IsEmpty(f, 0) || IsEmpty(f, index))
        {
            if (StackUnderflow(ref f) && pop)
                Pop(ref f);
            return Unordered;
        }
        int c1 = f.StatusWord & FpuStatus.C1;
        F80Context context = Begin(f);
        F80Relation relation = F80Compare.Compare(St(ref f, 0), St(ref f, index), quiet, ref context);
        bool accepted = Accept(ref f, context);
        f.StatusWord |= (ushort)c1;
        if (accepted && pop)
            Pop(ref f);
        return relation switch
        {
            F80Relation.Greater => 0,
            F80Relation.Less => CarryFlag,
            F80Relation.Equal => ZeroFlag,
            _ => Unordered,
        };
    }

    /// <summary>FXAM: C1 the sign, C3 C2 C0 the class (SDM vol. 2A table 3-43). Empty registers have a class too: no fault.</summary>
    public static void Fxam(ref FpuState f)
    {
        F80 value = St(ref f, 0);
        int conditions = value.Class switch
        {
            F80Class.Unsupported => 0,
            F80Class.QuietNaN or F80Class.SignallingNaN => FpuStatus.C0,
            F80Class.Normal => FpuStatus.C2,
            F80Class.Infinity => FpuStatus.C2 | FpuStatus.C0,
            F80Class.Zero => FpuStatus.C3,
            _ => FpuStatus.C3 | FpuStatus.C2,
        };
        if (IsEmpty(f, 0))
            conditions = FpuStatus.C3 | FpuStatus.C0;
        SetConditions(ref f, conditions | (value.IsNegative ? FpuStatus.C1 : 0));
    }

    private static void CompareMemory(ref FpuState f, F80 operand, int pops, ref F80Context context)
    {
        if (IsEmpty(f, 0))
            CompareUnderflow(ref f, pops);
        else
            CompareTop(ref f, operand, quiet: false, pops, ref context);
    }

    private static void CompareUnderflow(ref FpuState f, int pops)
    {
        bool masked = StackUnderflow(ref f);
        SetConditions(ref f, FpuStatus.C3 | FpuStatus.C2 | FpuStatus.C0);
        if (masked)
            Pop(ref f, pops);
    }

    private static void CompareTop(ref FpuState f, F80 operand, bool quiet, int pops, ref F80Context context)
    {
        int conditions = F80Compare.Compare(St(ref f, 0), operand, quiet, ref context) switch
        {
            F80Relation.Greater => 0,
            F80Relation.Less => FpuStatus.C0,
            F80Relation.Equal => FpuStatus.C3,
            _ => FpuStatus.C3 | FpuStatus.C2 | FpuStatus.C0,
        };

        // The SDM lets an unmasked IE leave the codes alone; silicon sets them all the same, and only withholds the pop.
        bool accepted = Accept(ref f, context);
        SetConditions(ref f, conditions);
        if (accepted)
            Pop(ref f, pops);
    }
}
