namespace Lguest.Jit.Core.Fpu;

/// <summary>Control words, and moves about the register stack.</summary>
internal static partial class X87
{
    /// <summary>FNINIT. Register contents survive, under empty tags.</summary>
    public static void Fninit(ref FpuState f)
    {
        f.ControlWord = FpuControl.Initial;
        f.StatusWord = 0;
        f.Tags = 0;
        f.LastOpcode = 0;
        f.InstructionOffset = 0;
        f.InstructionSelector = 0;
        f.DataOffset = 0;
        f.DataSelector = 0;
    }

    /// <summary>FLDCW. May bring a sleeping flag to life: then the next waiting instruction raises #MF.</summary>
    public static void Fldcw(ref FpuState f, ushort value)
    {
        f.ControlWord = (ushort)(value & FpuControl.Writable | FpuControl.AlwaysSet);
        UpdateErrorSummary(ref f);
    }

    /// <summary>FNSTCW.</summary>
    public static ushort Fnstcw(in FpuState f) => f.ControlWord;

    /// <summary>FNSTSW, to memory or AX.</summary>
    public static ushort Fnstsw(in FpuState f) => f.StatusWord;

    /// <summary>FNCLEX.</summary>
    public static void Fnclex(ref FpuState f)
    {
        const int Cleared = 0x7F | FpuStatus.ErrorSummary | FpuStatus.Busy;
        f.StatusWord &= unchecked((ushort)~Cleared);
    }

    /// <summary>FNOP, and what became of FNENI, FNDISI and FNSETPM.</summary>
    public static void Fnop(ref FpuState f) => _ = f;

    /// <summary>FINCSTP: turns the stack, tags stay.</summary>
    public static void Fincstp(ref FpuState f) => Turn(ref f, 1);

    /// <summary>FDECSTP.</summary>
    public static void Fdecstp(ref FpuState f) => Turn(ref f, -1);

    /// <summary>FFREE, and FFREEP which nobody documents and everybody implements.</summary>
    public static void Ffree(ref FpuState f, int index, bool pop)
    {
        f.StatusWord &= unchecked((ushort)~FpuStatus.C1);
        f.Tags &= (byte)~(1 << (f.Top + index & 7));
        if (pop)
            Pop(ref f);
    }

    /// <summary>FXCH.</summary>
    public static void Fxch(ref FpuState f, int index)
    {
        f.StatusWord &= unchecked((ushort)~FpuStatus.C1);
        bool emptyTop = IsEmpty(f, 0);
        bool emptyOther = IsEmpty(f, index);
        if (emptyTop || emptyOther)
        {
            if (!StackUnderflow(ref f))
                return;
            if (emptyTop)
                Write(ref f, 0, F80.DefaultNaN);
            if (emptyOther)
                Write(ref f, index, F80.DefaultNaN);
        }
        ref F80 top = ref St(ref f, 0);
        ref F80 other = ref St(ref f, index);
        (top, other) = (other, top);
    }

    /// <summary>FCMOVcc: <paramref name="condition"/> already read from EFLAGS. An empty register faults even if nothing moves.</summary>
    public static void Fcmov(ref FpuState f, int index, bool condition)
    {
        if (IsEmpty(f, 0) || IsEmpty(f, index))
        {
            if (StackUnderflow(ref f))
                Write(ref f, 0, F80.DefaultNaN);
        }
        else if (condition)
        {
            Write(ref f, 0, St(ref f, index));
        }
    }

    /// <summary>What every MMX instruction but EMMS does to the x87 side: TOP = 0, all registers in use (SDM vol. 1 §9.5.1).</summary>
    public static void EnterMmx(ref FpuState f)
    {
        f.Top = 0;
        f.Tags = 0xFF;
    }

    /// <summary>EMMS: all registers empty, TOP stays.</summary>
    public static void Emms(ref FpuState f) => f.Tags = 0;

    private static void Turn(ref FpuState f, int by)
    {
        f.StatusWord &= unchecked((ushort)~FpuStatus.C1);
        f.Top += by;
    }
}
