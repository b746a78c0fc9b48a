using Iced.Intel;
using Lguest.Jit.Core.Semantics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Bits;

/// <summary>A shift or rotate by a constant in Immediate (already masked to 5 bits).</summary>
internal readonly unsafe struct ShiftByConstant<TWidth, TPlace, TShift> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
    where TShift : struct, IShift
{
    public static bool Execute(GuestCpu* cpu, Op* op) => ShiftInstructions.Run<TWidth, TPlace, TShift>(cpu, op, (int)op->Immediate);
}

/// <summary>A shift or rotate by CL.</summary>
internal readonly unsafe struct ShiftByCl<TWidth, TPlace, TShift> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
    where TShift : struct, IShift
{
    public static bool Execute(GuestCpu* cpu, Op* op) => ShiftInstructions.Run<TWidth, TPlace, TShift>(cpu, op, (int)(cpu->Gpr[Reg.Ecx] & 31));
}

/// <summary>SHLD and SHRD by a constant.</summary>
internal readonly unsafe struct DoubleShiftByConstant<TWidth, TPlace, TLeft> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
    where TLeft : struct, IDirection
{
    public static bool Execute(GuestCpu* cpu, Op* op) => ShiftInstructions.RunDouble<TWidth, TPlace, TLeft>(cpu, op, (int)op->Immediate);
}

/// <summary>SHLD and SHRD by CL.</summary>
internal readonly unsafe struct DoubleShiftByCl<TWidth, TPlace, TLeft> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
    where TLeft : struct, IDirection
{
    public static bool Execute(GuestCpu* cpu, Op* op) => ShiftInstructions.RunDouble<TWidth, TPlace, TLeft>(cpu, op, (int)(cpu->Gpr[Reg.Ecx] & 31));
}

/// <summary>Left or right, as a type.</summary>
internal interface IDirection
{
    static abstract bool Left { get; }
}

internal readonly struct LeftDirection : IDirection
{
    public static bool Left => true;
}

internal readonly struct RightDirection : IDirection
{
    public static bool Left => false;
}

/// <summary>SHL SAL SHR SAR ROL ROR RCL RCR SHLD SHRD.</summary>
internal static unsafe class ShiftInstructions
{
    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Shl] = static (OpWriter w, in Instruction i) => Single(w, i, typeof(ShiftLeft));
        table[(int)Mnemonic.Sal] = static (OpWriter w, in Instruction i) => Single(w, i, typeof(ShiftLeft));
        table[(int)Mnemonic.Shr] = static (OpWriter w, in Instruction i) => Single(w, i, typeof(ShiftRight));
        table[(int)Mnemonic.Sar] = static (OpWriter w, in Instruction i) => Single(w, i, typeof(ShiftArithmetic));
        table[(int)Mnemonic.Rol] = static (OpWriter w, in Instruction i) => Single(w, i, typeof(RotateLeft));
        table[(int)Mnemonic.Ror] = static (OpWriter w, in Instruction i) => Single(w, i, typeof(RotateRight));
        table[(int)Mnemonic.Rcl] = static (OpWriter w, in Instruction i) => Single(w, i, typeof(RotateCarryLeft));
        table[(int)Mnemonic.Rcr] = static (OpWriter w, in Instruction i) => Single(w, i, typeof(RotateCarryRight));
        table[(int)Mnemonic.Shld] = static (OpWriter w, in Instruction i) => Double(w, i, typeof(LeftDirection));
        table[(int)Mnemonic.Shrd] = static (OpWriter w, in Instruction i) => Double(w, i, typeof(RightDirection));
    }

    public static bool Run<TWidth, TPlace, TShift>(GuestCpu* cpu, Op* op, int count)
        where TWidth : struct, IWidth
        where TPlace : struct, IPlace
        where TShift : struct, IShift
    {
        if (!TPlace.LoadForUpdate<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        // A count of 0 changes neither flags nor value, but memory is accessed all the same.
        return count == 0 || TPlace.Store<TWidth>(cpu, op, TShift.Apply<TWidth>(cpu, value, count));
    }

    public static bool RunDouble<TWidth, TPlace, TLeft>(GuestCpu* cpu, Op* op, int count)
        where TWidth : struct, IWidth
        where TPlace : struct, IPlace
        where TLeft : struct, IDirection
    {
        if (!TPlace.LoadForUpdate<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        if (count == 0)
        {
            return true;
        }

        uint filler = Registers.Get<TWidth>(cpu, op->Source);
        uint result = TLeft.Left ? DoubleShifts.Left<TWidth>(cpu, value, filler, count) : DoubleShifts.Right<TWidth>(cpu, value, filler, count);
        return TPlace.Store<TWidth>(cpu, op, result);
    }

    private static void Single(OpWriter w, in Instruction i, Type shift)
    {
        bool byCl = i.GetOpKind(1) == OpKind.Register;
        ref Op op = ref w.EmitOnPlace(byCl ? typeof(ShiftByCl<,,>) : typeof(ShiftByConstant<,,>), write: true, shift);
        if (!byCl)
        {
            op.Immediate = (uint)i.GetImmediate(1) & 31;
        }
    }

    private static void Double(OpWriter w, in Instruction i, Type direction)
    {
        bool byCl = i.GetOpKind(2) == OpKind.Register;
        ref Op op = ref w.EmitOnPlace(byCl ? typeof(DoubleShiftByCl<,,>) : typeof(DoubleShiftByConstant<,,>), write: true, direction);
        if (!byCl)
        {
            op.Immediate = (uint)i.GetImmediate(2) & 31;
        }
    }
}
