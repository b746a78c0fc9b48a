using Lguest.Jit.Core.Semantics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Bits;

/// <summary>BSF reg, r/m; a source of 0 leaves the register.</summary>
internal readonly unsafe struct Bsf<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.Load<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        if (BitScan.Forward(cpu, value, out uint index))
        {
            Registers.Set<TWidth>(cpu, op->Source, index);
        }

        return true;
    }
}

/// <summary>BSR reg, r/m; a source of 0 leaves the register.</summary>
internal readonly unsafe struct Bsr<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.Load<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        if (BitScan.Reverse(cpu, value, out uint index))
        {
            Registers.Set<TWidth>(cpu, op->Source, index);
        }

        return true;
    }
}
