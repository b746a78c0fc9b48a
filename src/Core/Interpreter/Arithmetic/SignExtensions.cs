using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Arithmetic;

/// <summary>AL to AX.</summary>
internal readonly unsafe struct Cbw : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        Registers.Set<W16>(cpu, Reg.Eax, (uint)(sbyte)cpu->Gpr[Reg.Eax]);
        return true;
    }
}

/// <summary>AX to EAX.</summary>
internal readonly unsafe struct Cwde : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        cpu->Gpr[Reg.Eax] = (uint)(short)cpu->Gpr[Reg.Eax];
        return true;
    }
}

/// <summary>AX to DX:AX.</summary>
internal readonly unsafe struct Cwd : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        Registers.Set<W16>(cpu, Reg.Edx * 4, (uint)((short)cpu->Gpr[Reg.Eax] >> 15));
        return true;
    }
}

/// <summary>EAX to EDX:EAX.</summary>
internal readonly unsafe struct Cdq : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        cpu->Gpr[Reg.Edx] = (uint)((int)cpu->Gpr[Reg.Eax] >> 31);
        return true;
    }
}
