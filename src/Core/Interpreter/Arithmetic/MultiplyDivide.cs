using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Semantics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Arithmetic;

/// <summary>Signed or unsigned, as a type.</summary>
internal interface ISignedness
{
    static abstract bool Signed { get; }
}

internal readonly struct SignedOperands : ISignedness
{
    public static bool Signed => true;
}

internal readonly struct UnsignedOperands : ISignedness
{
    public static bool Signed => false;
}

/// <summary>MUL and one-operand IMUL: AL, AX or EAX times r/m into AX, DX:AX or EDX:EAX.</summary>
internal readonly unsafe struct MultiplyWide<TWidth, TPlace, TSign> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
    where TSign : struct, ISignedness
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.Load<TWidth>(cpu, op, out uint b))
        {
            return false;
        }

        uint a = cpu->Gpr[Reg.Eax] & TWidth.Mask;
        ulong product = TSign.Signed ? Multiply.Signed<TWidth>(cpu, a, b) : Multiply.Unsigned<TWidth>(cpu, a, b);
        Accumulator.SetDouble<TWidth>(cpu, product);
        return true;
    }
}

/// <summary>DIV and IDIV.</summary>
internal readonly unsafe struct DivideWide<TWidth, TPlace, TSign> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
    where TSign : struct, ISignedness
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.Load<TWidth>(cpu, op, out uint divisor))
        {
            return false;
        }

        ulong dividend = Accumulator.GetDouble<TWidth>(cpu);
        bool done = TSign.Signed
            ? Divide.Signed<TWidth>(Accumulator.SignExtend<TWidth>(dividend), divisor, out uint quotient, out uint remainder)
            : Divide.Unsigned<TWidth>(dividend, divisor, out quotient, out remainder);
        if (!done)
        {
            return Fault.Raise(cpu, Vectors.DivideError);
        }

        Accumulator.SetDouble<TWidth>(cpu, quotient | ((ulong)remainder << TWidth.Bits));
        return true;
    }
}

/// <summary>IMUL r, r/m.</summary>
internal readonly unsafe struct MultiplyTwo<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.Load<TWidth>(cpu, op, out uint b))
        {
            return false;
        }

        Registers.Set<TWidth>(cpu, op->Destination, (uint)Multiply.Signed<TWidth>(cpu, Registers.Get<TWidth>(cpu, op->Destination), b));
        return true;
    }
}

/// <summary>IMUL r, r/m, imm.</summary>
internal readonly unsafe struct MultiplyThree<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.Load<TWidth>(cpu, op, out uint b))
        {
            return false;
        }

        Registers.Set<TWidth>(cpu, op->Destination, (uint)Multiply.Signed<TWidth>(cpu, b, op->Immediate));
        return true;
    }
}

/// <summary>The register pair of wide multiplication and division: AX, DX:AX, EDX:EAX.</summary>
internal static unsafe class Accumulator
{
    public static ulong GetDouble<TWidth>(GuestCpu* cpu)
        where TWidth : struct, IWidth =>
        TWidth.Bits == 8
            ? cpu->Gpr[Reg.Eax] & 0xFFFF
            : (cpu->Gpr[Reg.Eax] & TWidth.Mask) | ((ulong)(cpu->Gpr[Reg.Edx] & TWidth.Mask) << TWidth.Bits);

    public static void SetDouble<TWidth>(GuestCpu* cpu, ulong value)
        where TWidth : struct, IWidth
    {
        if (TWidth.Bits == 8)
        {
            Registers.Set<W16>(cpu, Reg.Eax * 4, (uint)value);
            return;
        }

        Registers.Set<TWidth>(cpu, Reg.Eax * 4, (uint)value);
        Registers.Set<TWidth>(cpu, Reg.Edx * 4, (uint)(value >> TWidth.Bits));
    }

    /// <summary>A double-width value as a signed number.</summary>
    public static long SignExtend<TWidth>(ulong value)
        where TWidth : struct, IWidth => (long)(value << (64 - 2 * TWidth.Bits)) >> (64 - 2 * TWidth.Bits);
}

/// <summary>MUL IMUL DIV IDIV.</summary>
internal static unsafe class MultiplyDivide
{
    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Mul] = static (OpWriter w, in Instruction i) => w.EmitOnPlace(typeof(MultiplyWide<,,>), write: false, typeof(UnsignedOperands));
        table[(int)Mnemonic.Div] = static (OpWriter w, in Instruction i) => w.EmitOnPlace(typeof(DivideWide<,,>), write: false, typeof(UnsignedOperands));
        table[(int)Mnemonic.Idiv] = static (OpWriter w, in Instruction i) => w.EmitOnPlace(typeof(DivideWide<,,>), write: false, typeof(SignedOperands));
        table[(int)Mnemonic.Imul] = static (OpWriter w, in Instruction i) =>
        {
            switch (i.OpCount)
            {
                case 1:
                    w.EmitOnPlace(typeof(MultiplyWide<,,>), write: false, typeof(SignedOperands));
                    break;
                case 2:
                    w.EmitFromPlace(typeof(MultiplyTwo<,>));
                    break;
                default:
                    w.EmitFromPlace(typeof(MultiplyThree<,>)).Immediate = Alu.AluLowering.Immediate(i, 2, w.OperandSize(0));
                    break;
            }
        };
    }
}
