using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>One comparison that decides a condition: branch on it, or push its truth.</summary>
/// <param name="Left">Left operand.</param>
/// <param name="Right">Right operand.</param>
/// <param name="Branch">The IL branch that is taken if the condition holds.</param>
internal sealed record Comparison(FlagExpression Left, FlagExpression Right, OpCode Branch)
{
    /// <summary>The one that branches when this does not.</summary>
    public Comparison Negated => this with
    {
        Branch = Branch == OpCodes.Beq ? OpCodes.Bne_Un
            : Branch == OpCodes.Bne_Un ? OpCodes.Beq
            : Branch == OpCodes.Blt ? OpCodes.Bge
            : Branch == OpCodes.Bge ? OpCodes.Blt
            : Branch == OpCodes.Ble ? OpCodes.Bgt
            : Branch == OpCodes.Bgt ? OpCodes.Ble
            : Branch == OpCodes.Blt_Un ? OpCodes.Bge_Un
            : Branch == OpCodes.Bge_Un ? OpCodes.Blt_Un
            : Branch == OpCodes.Ble_Un ? OpCodes.Bgt_Un
            : Branch == OpCodes.Bgt_Un ? OpCodes.Ble_Un
            : throw new InvalidOperationException($"{Branch} has no opposite here."),
    };

    public bool UsesFields => Left.UsesFields || Right.UsesFields;
}

/// <summary>Who looks at flags: conditional branches, SETcc, CMOVcc.</summary>
internal static class ConditionEmitter
{
    /// <summary>Emits a branch to <paramref name="taken"/> if the comparison holds.</summary>
    public static void Branch(RegionContext c, Comparison comparison, Label taken)
    {
        comparison.Left.Emit(c);
        comparison.Right.Emit(c);
        c.Il.Emit(comparison.Branch, taken);
    }

    /// <summary>Pushes 1 if the condition holds, else 0.</summary>
    public static void Push(RegionContext c, ConditionCode condition)
    {
        ILGenerator il = c.Il;
        Comparison comparison = Compare(c, c.Flags, condition);
        comparison.Left.Emit(c);
        comparison.Right.Emit(c);
        (OpCode test, bool negated) = Truth(comparison.Branch);
        il.Emit(test);
        if (negated)
        {
            il.Emit(OpCodes.Ldc_I4_0);
            il.Emit(OpCodes.Ceq);
        }
    }

    /// <summary>The comparison that tells whether a condition holds for these flags.</summary>
    public static Comparison Compare(RegionContext c, FlagState flags, ConditionCode condition) =>
        (c.Optimisations.FusedBranches ? Fused(flags, condition) : null) ?? General(c, flags, condition);

    private static Comparison? Fused(FlagState flags, ConditionCode condition)
    {
        if (flags.IsSub)
        {
            return AfterSub(flags, condition);
        }

        if (flags.Kind == FlagKind.Logic)
        {
            return AfterLogic(flags.SignedResult()!, condition);
        }

        if (flags.Kind == FlagKind.Image)
        {
            return OfImage(flags.A, condition);
        }

        if (flags.IsAdd || flags.IsInc || flags.IsDec || flags.IsShift)
        {
            return flags.IsShift ? AfterShift(flags, condition) : AfterAdd(flags, condition);
        }

        return null;
    }

    private static Comparison? AfterSub(FlagState flags, ConditionCode condition)
    {
        FlagExpression a = flags.A;
        FlagExpression b = flags.B!;
        switch (condition)
        {
            case ConditionCode.e or ConditionCode.ne when flags.Result != null:
            case ConditionCode.s or ConditionCode.ns:
                return OfResult(flags.SignedResult()!, condition);
            case ConditionCode.e:
                return new Comparison(a, b, OpCodes.Beq);
            case ConditionCode.ne:
                return new Comparison(a, b, OpCodes.Bne_Un);
            case ConditionCode.b:
                return new Comparison(a, b, OpCodes.Blt_Un);
            case ConditionCode.ae:
                return new Comparison(a, b, OpCodes.Bge_Un);
            case ConditionCode.be:
                return new Comparison(a, b, OpCodes.Ble_Un);
            case ConditionCode.a:
                return new Comparison(a, b, OpCodes.Bgt_Un);
            default:
                return Signed(a.SignExtended(flags.Size), b.SignExtended(flags.Size), condition);
        }
    }

    /// <summary>CF = OF = 0 after a logical operation, so every condition but parity is one about the result's sign.</summary>
    private static Comparison? AfterLogic(FlagExpression result, ConditionCode condition)
    {
        FlagExpression zero = FlagExpression.Of(0);
        return condition switch
        {
            ConditionCode.e or ConditionCode.be => new Comparison(result, zero, OpCodes.Beq),
            ConditionCode.ne or ConditionCode.a => new Comparison(result, zero, OpCodes.Bne_Un),
            ConditionCode.s => new Comparison(result, zero, OpCodes.Blt),
            ConditionCode.ns => new Comparison(result, zero, OpCodes.Bge),
            ConditionCode.ae or ConditionCode.no => new Comparison(zero, zero, OpCodes.Beq),
            ConditionCode.b or ConditionCode.o => new Comparison(zero, zero, OpCodes.Bne_Un),
            _ => Signed(result, zero, condition),
        };
    }

    /// <summary>
    /// ADD, INC and DEC: the result for zero and sign; for the signed conditions (SF ≠ OF) the sum without its overflow,
    /// which for INC and DEC is a comparison of the operand.
    /// </summary>
    private static Comparison? AfterAdd(FlagState flags, ConditionCode condition)
    {
        switch (condition)
        {
            case ConditionCode.e or ConditionCode.ne or ConditionCode.s or ConditionCode.ns:
                return OfResult(flags.SignedResult()!, condition);
            case ConditionCode.b or ConditionCode.ae when flags.Kind == FlagKind.Add32:
                FlagExpression sum = flags.Result ?? FlagExpression.Binary(OpCodes.Add, flags.A, flags.B!);
                return new Comparison(sum, flags.A, condition == ConditionCode.b ? OpCodes.Blt_Un : OpCodes.Bge_Un);
            case ConditionCode.l or ConditionCode.ge or ConditionCode.le or ConditionCode.g:
                FlagExpression a = flags.A.SignExtended(flags.Size);
                if (!flags.IsAdd)
                {
                    return Signed(a, FlagExpression.Of(flags.IsInc ? 0xFFFFFFFF : 1), condition);
                }

                FlagExpression wide = FlagExpression.Binary(
                    OpCodes.Add, FlagExpression.Unary(OpCodes.Conv_I8, a), FlagExpression.Unary(OpCodes.Conv_I8, flags.B!.SignExtended(flags.Size)));
                return Signed(wide, FlagExpression.Unary(OpCodes.Conv_I8, FlagExpression.Of(0)), condition);
            default:
                return null;
        }
    }

    private static Comparison? AfterShift(FlagState flags, ConditionCode condition)
    {
        if (condition is ConditionCode.e or ConditionCode.ne or ConditionCode.s or ConditionCode.ns)
        {
            return flags.SignedResult() is { } result ? OfResult(result, condition) : null;
        }

        if (condition is not (ConditionCode.b or ConditionCode.ae) || flags.Size != 4)
        {
            return null;
        }

        // The last bit shifted out, moved to the sign.
        FlagExpression left = flags.Kind == FlagKind.Shl32
            ? FlagExpression.Binary(OpCodes.Sub, flags.B!, 1)
            : FlagExpression.Binary(OpCodes.Sub, FlagExpression.Of(32), flags.B!);
        return new Comparison(
            FlagExpression.Binary(OpCodes.Shl, flags.A, left), FlagExpression.Of(0), condition == ConditionCode.b ? OpCodes.Blt : OpCodes.Bge);
    }

    /// <summary>Flags at their places in EFLAGS: a condition without OF in it is a bit test.</summary>
    private static Comparison? OfImage(FlagExpression image, ConditionCode condition)
    {
        uint mask = condition switch
        {
            ConditionCode.b or ConditionCode.ae => Eflags.Carry,
            ConditionCode.e or ConditionCode.ne => Eflags.Zero,
            ConditionCode.be or ConditionCode.a => Eflags.Carry | Eflags.Zero,
            ConditionCode.s or ConditionCode.ns => Eflags.Sign,
            ConditionCode.p or ConditionCode.np => Eflags.Parity,
            _ => 0,
        };
        bool negated = ((condition - ConditionCode.o) & 1) != 0;
        return mask == 0
            ? null
            : new Comparison(FlagExpression.Binary(OpCodes.And, image, mask), FlagExpression.Of(0), negated ? OpCodes.Beq : OpCodes.Bne_Un);
    }

    /// <summary>Any flags, by the two words that every kind can be turned into.</summary>
    private static Comparison General(RegionContext c, FlagState flags, ConditionCode condition)
    {
        FlagExpression zero = FlagExpression.Of(0);
        switch (condition)
        {
            case ConditionCode.e or ConditionCode.ne:
                return new Comparison(flags.RawResult(c), zero, condition == ConditionCode.e ? OpCodes.Beq : OpCodes.Bne_Un);
            case ConditionCode.b or ConditionCode.ae:
                return new Comparison(flags.Carry(c), zero, condition == ConditionCode.b ? OpCodes.Blt : OpCodes.Bge);
            default:
                // The call gives 0 or 1 for the condition or its opposite, by the low bit of the condition's number.
                int number = condition - ConditionCode.o;
                FlagExpression holds = FlagExpression.Call(
                    MethodNames.Condition, FlagExpression.Of((uint)number >> 1), flags.RawResult(c), flags.RawAux(c));
                return new Comparison(holds, zero, (number & 1) == 0 ? OpCodes.Bne_Un : OpCodes.Beq);
        }
    }

    private static Comparison OfResult(FlagExpression result, ConditionCode condition) => new(
        result,
        FlagExpression.Of(0),
        condition switch
        {
            ConditionCode.e => OpCodes.Beq,
            ConditionCode.ne => OpCodes.Bne_Un,
            ConditionCode.s => OpCodes.Blt,
            _ => OpCodes.Bge,
        });

    private static Comparison? Signed(FlagExpression a, FlagExpression b, ConditionCode condition) => condition switch
    {
        ConditionCode.l => new Comparison(a, b, OpCodes.Blt),
        ConditionCode.ge => new Comparison(a, b, OpCodes.Bge),
        ConditionCode.le => new Comparison(a, b, OpCodes.Ble),
        ConditionCode.g => new Comparison(a, b, OpCodes.Bgt),
        _ => null,
    };

    private static (OpCode Test, bool Negated) Truth(OpCode branch)
    {
        if (branch == OpCodes.Beq)
        {
            return (OpCodes.Ceq, false);
        }

        if (branch == OpCodes.Bne_Un)
        {
            return (OpCodes.Ceq, true);
        }

        if (branch == OpCodes.Blt || branch == OpCodes.Bge)
        {
            return (OpCodes.Clt, branch == OpCodes.Bge);
        }

        if (branch == OpCodes.Blt_Un || branch == OpCodes.Bge_Un)
        {
            return (OpCodes.Clt_Un, branch == OpCodes.Bge_Un);
        }

        return branch == OpCodes.Bgt || branch == OpCodes.Ble
            ? (OpCodes.Cgt, branch == OpCodes.Ble)
            : (OpCodes.Cgt_Un, branch == OpCodes.Ble_Un);
    }
}
