using Lguest.Jit.Core.Semantics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Bits;

/// <summary>SHLD r/m, reg, imm8.</summary>
internal readonly unsafe struct ShldByImmediate<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.LoadForUpdate<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        return TPlace.Store<TWidth>(cpu, op, DoubleShift.Shld<TWidth>(cpu, value, Registers.Get<TWidth>(cpu, op->Source), op->Immediate));
    }
}

/// <summary>SHLD r/m, reg, CL.</summary>
internal readonly unsafe struct ShldByCl<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.LoadForUpdate<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        return TPlace.Store<TWidth>(cpu, op, DoubleShift.Shld<TWidth>(cpu, value, Registers.Get<TWidth>(cpu, op->Source), cpu->Gpr[Reg.Ecx]));
    }
}

/// <summary>SHRD r/m, reg, imm8.</summary>
internal readonly unsafe struct ShrdByImmediate<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.LoadForUpdate<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        return TPlace.Store<TWidth>(cpu, op, DoubleShift.Shrd<TWidth>(cpu, value, Registers.Get<TWidth>(cpu, op->Source), op->Immediate));
    }
}

/// <summary>SHRD r/m, reg, CL.</summary>
internal readonly unsafe struct ShrdByCl<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.LoadForUpdate<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        return TPlace.Store<TWidth>(cpu, op, DoubleShift.Shrd<TWidth>(cpu, value, Registers.Get<TWidth>(cpu, op->Source), cpu->Gpr[Reg.Ecx]));
    }
}
