using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Arithmetic;

/// <summary>What LAHF and SAHF carry: SF, ZF, AF, PF and CF.</summary>
internal static class AhFlags
{
    public const uint Mask = Eflags.Sign | Eflags.Zero | Eflags.Adjust | Eflags.Parity | Eflags.Carry;
}

/// <summary>Flags to AH; bit 1 reads as 1.</summary>
internal readonly unsafe struct Lahf : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        Registers.Set<W8>(cpu, 1, (LazyFlags.Materialise(cpu) & AhFlags.Mask) | Eflags.Fixed);
        return true;
    }
}

/// <summary>AH to flags; OF stays.</summary>
internal readonly unsafe struct Sahf : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        LazyFlags.Merge(cpu, AhFlags.Mask, cpu->Gpr[Reg.Eax] >> 8);
        return true;
    }
}

/// <summary>CF = 0.</summary>
internal readonly unsafe struct Clc : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        LazyFlags.SetCarry(cpu, false);
        return true;
    }
}

/// <summary>CF = 1.</summary>
internal readonly unsafe struct Stc : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        LazyFlags.SetCarry(cpu, true);
        return true;
    }
}

/// <summary>CF = not CF.</summary>
internal readonly unsafe struct Cmc : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        LazyFlags.SetCarry(cpu, !LazyFlags.Carry(cpu));
        return true;
    }
}

/// <summary>DF = 0.</summary>
internal readonly unsafe struct Cld : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        cpu->SystemFlags &= ~Eflags.Direction;
        return true;
    }
}

/// <summary>DF = 1.</summary>
internal readonly unsafe struct Std : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        cpu->SystemFlags |= Eflags.Direction;
        return true;
    }
}

/// <summary>AL = CF ? FF : 0; undocumented by Intel until late, in every 32-bit CPU.</summary>
internal readonly unsafe struct Salc : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        Registers.Set<W8>(cpu, Reg.Eax, LazyFlags.Carry(cpu) ? 0xFFu : 0);
        return true;
    }
}
