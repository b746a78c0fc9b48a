using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Semantics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Arithmetic;

internal readonly unsafe struct Aaa : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op) => Decimal.Set(cpu, Bcd.Aaa(cpu, Decimal.Ax(cpu)));
}

internal readonly unsafe struct Aas : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op) => Decimal.Set(cpu, Bcd.Aas(cpu, Decimal.Ax(cpu)));
}

internal readonly unsafe struct Daa : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op) => Decimal.Set(cpu, Bcd.Daa(cpu, Decimal.Ax(cpu)));
}

internal readonly unsafe struct Das : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op) => Decimal.Set(cpu, Bcd.Das(cpu, Decimal.Ax(cpu)));
}

/// <summary>AAM imm8; radix 0 is a division by zero.</summary>
internal readonly unsafe struct Aam : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op) =>
        op->Immediate == 0 ? Fault.Raise(cpu, Vectors.DivideError) : Decimal.Set(cpu, Bcd.Aam(cpu, Decimal.Ax(cpu), op->Immediate));
}

internal readonly unsafe struct Aad : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op) => Decimal.Set(cpu, Bcd.Aad(cpu, Decimal.Ax(cpu), op->Immediate));
}

/// <summary>SALC: AL = CF ? FF : 0. Undocumented, everywhere.</summary>
internal readonly unsafe struct Salc : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        Registers.Set<W8>(cpu, Reg.Eax * 4, LazyFlags.Carry(cpu) ? 0xFFu : 0);
        return true;
    }
}

/// <summary>AAA AAS AAM AAD DAA DAS SALC.</summary>
internal static unsafe class Decimal
{
    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Aaa] = static (OpWriter w, in Instruction i) => w.Emit(HandlerBinder.Plain(typeof(Aaa)));
        table[(int)Mnemonic.Aas] = static (OpWriter w, in Instruction i) => w.Emit(HandlerBinder.Plain(typeof(Aas)));
        table[(int)Mnemonic.Daa] = static (OpWriter w, in Instruction i) => w.Emit(HandlerBinder.Plain(typeof(Daa)));
        table[(int)Mnemonic.Das] = static (OpWriter w, in Instruction i) => w.Emit(HandlerBinder.Plain(typeof(Das)));
        table[(int)Mnemonic.Aam] = static (OpWriter w, in Instruction i) => w.Emit(HandlerBinder.Plain(typeof(Aam))).Immediate = i.Immediate8;
        table[(int)Mnemonic.Aad] = static (OpWriter w, in Instruction i) => w.Emit(HandlerBinder.Plain(typeof(Aad))).Immediate = i.Immediate8;
        table[(int)Mnemonic.Salc] = static (OpWriter w, in Instruction i) => w.Emit(HandlerBinder.Plain(typeof(Salc)));
    }

    public static uint Ax(GuestCpu* cpu) => cpu->Gpr[Reg.Eax] & 0xFFFF;

    public static bool Set(GuestCpu* cpu, uint ax)
    {
        Registers.Set<W16>(cpu, Reg.Eax * 4, ax);
        return true;
    }
}
