using System.Runtime.CompilerServices;

namespace Lguest.Jit.Core.Fpu;

/// <summary>
/// The x87 unit: one static method per operation on a <see cref="FpuState"/>, operands already loaded. Both engines
/// call these. This file holds what they all need: the register stack and the exceptions.
/// </summary>
/// <remarks>
/// An unmasked exception does not stop the instruction that meets it: it sets ES and B, and the <em>next waiting</em>
/// x87 instruction or FWAIT raises #MF (vector 16), see <see cref="PendingException"/> (SDM vol. 1 §8.7). What it does
/// stop is the result: after IE, DE or ZE registers, TOP and memory stay untouched. Methods that hand out a value for
/// memory therefore answer whether there is one.
/// </remarks>
internal static partial class X87
{
    /// <summary>Must the next waiting instruction raise #MF?</summary>
    public static bool PendingException(in FpuState f) => (f.StatusWord & FpuStatus.ErrorSummary) != 0;

    /// <summary>Notes a non-control instruction for FNSTENV and FNSAVE; FDP and FDS only move when it has a memory operand.</summary>
    public static void RecordPointers(ref FpuState f, in X87Operation op, ushort cs, uint eip, ushort ds, uint dataOffset)
    {
        if (!op.RecordsPointers)
            return;
        f.LastOpcode = op.Opcode;
        f.InstructionSelector = cs;
        f.InstructionOffset = eip;
        if (op.Width == 0)
            return;
        f.DataSelector = ds;
        f.DataOffset = dataOffset;
    }

    /// <summary>ST(<paramref name="index"/>), 0..7, whatever its tag says.</summary>
    public static ref F80 St(ref FpuState f, int index) =>
        ref Unsafe.Add(ref Unsafe.As<F80Registers, F80>(ref f.Registers), f.Top + index & 7);

    public static bool IsEmpty(in FpuState f, int index) => (f.Tags >> (f.Top + index & 7) & 1) == 0;

    private static void Write(ref FpuState f, int index, F80 value)
    {
        int physical = f.Top + index & 7;
        Unsafe.Add(ref Unsafe.As<F80Registers, F80>(ref f.Registers), physical) = value;
        f.Tags |= (byte)(1 << physical);
    }

    /// <summary>Pushes; the caller has seen to it that ST(7) was free, or that overwriting it is the masked response.</summary>
    private static void Push(ref FpuState f, F80 value)
    {
        f.Top--;
        Write(ref f, 0, value);
    }

    private static void Pop(ref FpuState f)
    {
        int top = f.Top;
        f.Tags &= (byte)~(1 << top);
        f.Top = top + 1;
    }

    private static void Pop(ref FpuState f, int count)
    {
        for (; count > 0; count--)
            Pop(ref f);
    }

    private static F80Context Begin(in FpuState f) => new(f.ControlWord);

    /// <summary>
    /// Books what an operation raised: sticky flags, C1 (cleared, or "rounded up"), ES and B.
    /// </summary>
    /// <returns>True when the result may be written.</returns>
    private static bool Accept(ref FpuState f, in F80Context context)
    {
        FpuExceptions raised = context.Raised;
        bool up = context.RoundedUp;
        if (context.IsStopped)
        {
            // Nothing was computed, so nothing was rounded either.
            raised &= FpuExceptions.BeforeComputation;
            up = false;
        }
        f.StatusWord = (ushort)(f.StatusWord & ~FpuStatus.C1 | (int)raised | (up ? FpuStatus.C1 : 0));
        if ((raised & context.Unmasked) != 0)
            f.StatusWord |= FpuStatus.ErrorSummary | FpuStatus.Busy;
        return !context.IsStopped;
    }

    /// <summary>An empty register was read: IE and SF, C1 = 0 (SDM vol. 1 §8.5.1.1).</summary>
    /// <returns>True when IE is masked and the default NaN takes the result's place.</returns>
    private static bool StackUnderflow(ref FpuState f) => StackFault(ref f, 0);

    /// <summary>A full register would be pushed over: IE and SF, C1 = 1.</summary>
    /// <returns>True when IE is masked and the default NaN takes the result's place.</returns>
    private static bool StackOverflow(ref FpuState f) => StackFault(ref f, FpuStatus.C1);

    private static bool StackFault(ref FpuState f, int c1)
    {
        f.StatusWord = (ushort)(f.StatusWord & ~FpuStatus.C1 | c1 | (int)(FpuExceptions.Invalid | FpuExceptions.StackFault));
        if ((f.ControlWord & (int)FpuExceptions.Invalid) != 0)
            return true;
        f.StatusWord |= FpuStatus.ErrorSummary | FpuStatus.Busy;
        return false;
    }

    /// <summary>ES and B follow from flags and masks whenever either is loaded from outside.</summary>
    private static void UpdateErrorSummary(ref FpuState f)
    {
        bool pending = (f.StatusWord & ~f.ControlWord & (int)FpuExceptions.Maskable) != 0;
        const int Summary = FpuStatus.ErrorSummary | FpuStatus.Busy;
        f.StatusWord = (ushort)(pending ? f.StatusWord | Summary : f.StatusWord & ~Summary);
    }

    private static void SetConditions(ref FpuState f, int conditions) =>
        f.StatusWord = (ushort)(f.StatusWord & ~FpuStatus.Conditions | conditions);
}
