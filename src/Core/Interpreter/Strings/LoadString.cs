using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Strings;

/// <summary>LODS. Nobody repeats it in earnest, so there is no fast way for many.</summary>
internal readonly unsafe struct LoadString<TWidth> : IStringOperation
    where TWidth : struct, IWidth
{
    public static bool Compares => false;

    public static bool Step(GuestCpu* cpu, Op* op)
    {
        if (!Access.Read<TWidth>(cpu, op->Segment, StringIndex.Get(cpu, op, Reg.Esi), out uint value))
        {
            return false;
        }

        Registers.Set<TWidth>(cpu, 4 * Reg.Eax, value);
        StringIndex.Advance<TWidth>(cpu, op, Reg.Esi, 1);
        return true;
    }

    public static uint Bulk(GuestCpu* cpu, Op* op, uint most) => 0;
}
