using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Arithmetic;

internal readonly unsafe struct Clc : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        LazyFlags.SetCarry(cpu, false);
        return true;
    }
}

internal readonly unsafe struct Stc : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        LazyFlags.SetCarry(cpu, true);
        return true;
    }
}

internal readonly unsafe struct Cmc : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        LazyFlags.SetCarry(cpu, !LazyFlags.Carry(cpu));
        return true;
    }
}

internal readonly unsafe struct Cld : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        cpu->SystemFlags &= ~Eflags.Direction;
        return true;
    }
}

internal readonly unsafe struct Std : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        cpu->SystemFlags |= Eflags.Direction;
        return true;
    }
}

/// <summary>LAHF: AH = SF ZF 0 AF 0 PF 1 CF.</summary>
internal readonly unsafe struct Lahf : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        Registers.Set<W8>(cpu, Reg.Eax * 4 + 1, (LazyFlags.Materialise(cpu) & 0xFF) | Eflags.Fixed);
        return true;
    }
}

/// <summary>SAHF: all but OF.</summary>
internal readonly unsafe struct Sahf : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        LazyFlags.Merge(cpu, Eflags.Arithmetic & ~Eflags.Overflow, Registers.Get<W8>(cpu, Reg.Eax * 4 + 1));
        return true;
    }
}

/// <summary>CBW, CWDE: the accumulator's lower half, sign-extended. TWidth: the result's width.</summary>
internal readonly unsafe struct ExtendAccumulator<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint value = cpu->Gpr[Reg.Eax];
        Registers.Set<TWidth>(cpu, Reg.Eax * 4, TWidth.Bits == 16 ? (uint)(sbyte)value : (uint)(short)value);
        return true;
    }
}

/// <summary>CWD, CDQ: the accumulator's sign into all of DX or EDX.</summary>
internal readonly unsafe struct SignIntoData<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        Registers.Set<TWidth>(cpu, Reg.Edx * 4, (uint)((int)TWidth.SignExtend(cpu->Gpr[Reg.Eax]) >> 31));
        return true;
    }
}

/// <summary>CLC STC CMC CLD STD LAHF SAHF CBW CWDE CWD CDQ.</summary>
internal static unsafe class FlagInstructions
{
    public static void Register(Lower?[] table)
    {
        Simple(table, Mnemonic.Clc, typeof(Clc));
        Simple(table, Mnemonic.Stc, typeof(Stc));
        Simple(table, Mnemonic.Cmc, typeof(Cmc));
        Simple(table, Mnemonic.Cld, typeof(Cld));
        Simple(table, Mnemonic.Std, typeof(Std));
        Simple(table, Mnemonic.Lahf, typeof(Lahf));
        Simple(table, Mnemonic.Sahf, typeof(Sahf));
        Simple(table, Mnemonic.Cbw, typeof(ExtendAccumulator<W16>));
        Simple(table, Mnemonic.Cwde, typeof(ExtendAccumulator<W32>));
        Simple(table, Mnemonic.Cwd, typeof(SignIntoData<W16>));
        Simple(table, Mnemonic.Cdq, typeof(SignIntoData<W32>));
    }

    private static void Simple(Lower?[] table, Mnemonic mnemonic, Type instruction) =>
        table[(int)mnemonic] = (OpWriter w, in Instruction i) => w.Emit(HandlerBinder.Plain(instruction));
}
