using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Arithmetic;

/// <summary>XLAT: AL = [(E)BX + AL]; the lowering has taken AL out of the address.</summary>
internal readonly unsafe struct Xlat : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint offset = AddressGeneral.Offset(cpu, op) + (cpu->Gpr[Reg.Eax] & 0xFF);
        if ((op->Traits & OpTraits.Address16) != 0)
        {
            offset &= 0xFFFF;
        }

        if (!Access.Read<W8>(cpu, op->Segment, offset, out uint value))
        {
            return false;
        }

        Registers.Set<W8>(cpu, Reg.Eax, value);
        return true;
    }
}

/// <summary>BOUND reg, m: #BR unless lower ≤ reg ≤ upper, signed.</summary>
internal readonly unsafe struct Bound<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint offset = AddressGeneral.Offset(cpu, op);
        uint second = offset + (uint)TWidth.Bytes;
        if ((op->Traits & OpTraits.Address16) != 0)
        {
            second &= 0xFFFF;
        }

        if (!Access.Read<TWidth>(cpu, op->Segment, offset, out uint lower) || !Access.Read<TWidth>(cpu, op->Segment, second, out uint upper))
        {
            return false;
        }

        int index = (int)TWidth.SignExtend(Registers.Get<TWidth>(cpu, op->Source));
        return (index >= (int)TWidth.SignExtend(lower) && index <= (int)TWidth.SignExtend(upper)) || Fault.Raise(cpu, Vectors.BoundRange);
    }
}
