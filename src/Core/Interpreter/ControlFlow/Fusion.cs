using Lguest.Jit.Core.Interpreter.Alu;

namespace Lguest.Jit.Core.Interpreter.ControlFlow;

/// <summary>Joins a register CMP, TEST, DEC or the like with the conditional branch behind it into one op.</summary>
internal static unsafe class Fusion
{
    /// <summary>
    /// Replaces the last op, if it is one that can be joined, by one that also branches; the caller adds the links. The
    /// joined op keeps eip and count of its first half: neither half can fault, and both are counted by the block's head.
    /// </summary>
    public static bool TryFuse(OpWriter writer, Type condition)
    {
        if (writer.Last is not { } last || condition.IsGenericType)
        {
            return false;
        }

        string form = last.Form == nameof(AluHandlers.RegReg) ? nameof(BranchHandlers.FusedRegReg) : nameof(BranchHandlers.FusedRegImm);
        writer.ReplaceLast(HandlerBinder.Bind(typeof(BranchHandlers), form, last.Operation, last.Width, condition));
        return true;
    }
}

/// <summary>An ALU op on registers that <see cref="Fusion"/> may join with a branch behind it.</summary>
internal sealed record FusibleOp(Type Operation, Type Width, string Form);
