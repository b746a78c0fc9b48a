using Iced.Intel;
using Lguest.Jit.Core.Semantics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Arithmetic;

/// <summary>SETcc.</summary>
internal readonly unsafe struct SetIf<TWidth, TPlace, TCondition> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
    where TCondition : struct, ICondition
{
    public static bool Execute(GuestCpu* cpu, Op* op) => TPlace.Store<TWidth>(cpu, op, TCondition.Test(cpu) ? 1u : 0);
}

/// <summary>CMOVcc: the source is read, and may fault, whether it is moved or not.</summary>
internal readonly unsafe struct MoveIf<TWidth, TPlace, TCondition> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
    where TCondition : struct, ICondition
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.Load<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        if (TCondition.Test(cpu))
        {
            Registers.Set<TWidth>(cpu, op->Destination, value);
        }

        return true;
    }
}

/// <summary>SETcc and CMOVcc.</summary>
internal static unsafe class ConditionalInstructions
{
    public static void Register(Lower?[] table)
    {
        ReadOnlySpan<Mnemonic> sets =
        [
            Mnemonic.Seto, Mnemonic.Setno, Mnemonic.Setb, Mnemonic.Setae, Mnemonic.Sete, Mnemonic.Setne, Mnemonic.Setbe, Mnemonic.Seta,
            Mnemonic.Sets, Mnemonic.Setns, Mnemonic.Setp, Mnemonic.Setnp, Mnemonic.Setl, Mnemonic.Setge, Mnemonic.Setle, Mnemonic.Setg,
        ];
        foreach (Mnemonic mnemonic in sets)
        {
            table[(int)mnemonic] = static (OpWriter w, in Instruction i) => w.EmitOnPlace(typeof(SetIf<,,>), write: true, Conditions.ForCode(i.ConditionCode));
        }

        ReadOnlySpan<Mnemonic> moves =
        [
            Mnemonic.Cmovo, Mnemonic.Cmovno, Mnemonic.Cmovb, Mnemonic.Cmovae, Mnemonic.Cmove, Mnemonic.Cmovne, Mnemonic.Cmovbe, Mnemonic.Cmova,
            Mnemonic.Cmovs, Mnemonic.Cmovns, Mnemonic.Cmovp, Mnemonic.Cmovnp, Mnemonic.Cmovl, Mnemonic.Cmovge, Mnemonic.Cmovle, Mnemonic.Cmovg,
        ];
        foreach (Mnemonic mnemonic in moves)
        {
            table[(int)mnemonic] = static (OpWriter w, in Instruction i) => w.EmitFromPlace(typeof(MoveIf<,,>), Conditions.ForCode(i.ConditionCode));
        }
    }
}
