using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Semantics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Arithmetic;

/// <summary>The accumulator pair of one-operand multiplication and division: AH:AL, DX:AX or EDX:EAX.</summary>
internal static unsafe class Accumulator
{
    private const byte Ah = 1;
    private const byte Edx = Reg.Edx * 4;

    public static uint Low<TWidth>(GuestCpu* cpu)
        where TWidth : struct, IWidth => Registers.Get<TWidth>(cpu, Reg.Eax);

    public static uint High<TWidth>(GuestCpu* cpu)
        where TWidth : struct, IWidth => Registers.Get<TWidth>(cpu, TWidth.Bytes == 1 ? Ah : Edx);

    public static void Set<TWidth>(GuestCpu* cpu, uint low, uint high)
        where TWidth : struct, IWidth
    {
        Registers.Set<TWidth>(cpu, Reg.Eax, low);
        Registers.Set<TWidth>(cpu, TWidth.Bytes == 1 ? Ah : Edx, high);
    }
}

/// <summary>MUL r/m: the accumulator times the operand, at double width.</summary>
internal readonly unsafe struct Mul<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.Load<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        uint low = MultiplyDivide.Mul<TWidth>(cpu, Accumulator.Low<TWidth>(cpu), value, out uint high);
        Accumulator.Set<TWidth>(cpu, low, high);
        return true;
    }
}

/// <summary>IMUL r/m: the accumulator times the operand, at double width.</summary>
internal readonly unsafe struct Imul<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.Load<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        uint low = MultiplyDivide.Imul<TWidth>(cpu, Accumulator.Low<TWidth>(cpu), value, out uint high);
        Accumulator.Set<TWidth>(cpu, low, high);
        return true;
    }
}

/// <summary>IMUL reg, r/m; the register is the source.</summary>
internal readonly unsafe struct ImulRegister<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.Load<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        uint low = MultiplyDivide.Imul<TWidth>(cpu, Registers.Get<TWidth>(cpu, op->Source), value, out _);
        Registers.Set<TWidth>(cpu, op->Source, low);
        return true;
    }
}

/// <summary>IMUL reg, r/m, imm.</summary>
internal readonly unsafe struct ImulImmediate<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.Load<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        Registers.Set<TWidth>(cpu, op->Source, MultiplyDivide.Imul<TWidth>(cpu, op->Immediate, value, out _));
        return true;
    }
}

/// <summary>DIV r/m: quotient and remainder replace the accumulator pair.</summary>
internal readonly unsafe struct Div<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.Load<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        uint high = Accumulator.High<TWidth>(cpu);
        uint low = Accumulator.Low<TWidth>(cpu);
        if (!MultiplyDivide.Div<TWidth>(cpu, high, low, value, out uint quotient, out uint remainder))
        {
            return Fault.Raise(cpu, Vectors.DivideError);
        }

        Accumulator.Set<TWidth>(cpu, quotient, remainder);
        return true;
    }
}

/// <summary>IDIV r/m: quotient and remainder replace the accumulator pair.</summary>
internal readonly unsafe struct Idiv<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.Load<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        uint high = Accumulator.High<TWidth>(cpu);
        uint low = Accumulator.Low<TWidth>(cpu);
        if (!MultiplyDivide.Idiv<TWidth>(cpu, high, low, value, out uint quotient, out uint remainder))
        {
            return Fault.Raise(cpu, Vectors.DivideError);
        }

        Accumulator.Set<TWidth>(cpu, quotient, remainder);
        return true;
    }
}
