using System.Reflection.Emit;
using Lguest.Jit.Core.Flags;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// What is known, at one point of the code being emitted, about where the flags are: a <see cref="FlagKind"/> and its two
/// operands, none of them computed yet.
/// </summary>
/// <param name="Kind">A <see cref="FlagKind"/>, <see cref="Dynamic"/> or <see cref="Unknown"/>.</param>
/// <param name="A">First operand.</param>
/// <param name="B">Second operand; null if the kind has none.</param>
/// <param name="Result">The result that the flags are about, where it is at hand: cheaper than to compute it again.</param>
/// <param name="OrEntry">
/// Unless the region has been entered at this very block (<see cref="RegionContext.MarkEntry"/>): then they still stand in the CPU struct.
/// </param>
internal sealed record FlagState(int Kind, FlagExpression A, FlagExpression? B, FlagExpression? Result, bool OrEntry = false)
{
    /// <summary>Kind and operands stand in the CPU struct, and depend on the way we came.</summary>
    public const int Dynamic = -1;

    /// <summary>Nobody will look before they are written again.</summary>
    public const int Unknown = -2;

    /// <summary>A word with CF in bit 31, where there is a cheaper one than the operands lead to. Goes the way of <see cref="Result"/> when it is missed.</summary>
    public FlagExpression? CarryWord { get; init; }

    /// <summary>The description without what is only a short cut.</summary>
    public FlagState Plain => this with { Result = null, CarryWord = null };

    /// <summary>Nobody will look.</summary>
    public static FlagState Dead { get; } = new(Unknown, FlagExpression.Of(0), null, null);

    /// <summary>Do the operands depend on this local? (Whether the result does is another matter: it can be missed.)</summary>
    public bool Uses(LocalBuilder local) => A.Uses(local) || B?.Uses(local) == true;

    /// <summary>The state after <paramref name="from"/> has been copied to <paramref name="to"/>, because it is about to change.</summary>
    public FlagState Replace(LocalBuilder from, LocalBuilder to) =>
        this with { A = A.Replace(from, to), B = B?.Replace(from, to), CarryWord = CarryWord?.Replace(from, to) };

    /// <summary>Do the operands depend on the flags as they stand in the CPU struct?</summary>
    public bool UsesFields => A.UsesFields || B?.UsesFields == true;

    public bool IsSub => Kind is FlagKind.Sub8 or FlagKind.Sub16 or FlagKind.Sub32;

    public bool IsAdd => Kind is FlagKind.Add8 or FlagKind.Add16 or FlagKind.Add32;

    public bool IsInc => Kind is >= FlagKind.Inc8 and <= FlagKind.Inc32;

    public bool IsDec => Kind is >= FlagKind.Dec8 and <= FlagKind.Dec32;

    public bool IsShift => Kind is >= FlagKind.Shl8 and <= FlagKind.Sar32;

    /// <summary>CF stands in bit 31 of B.</summary>
    public bool IsCarryNormal => Kind is >= FlagKind.FirstCarryNormal and <= FlagKind.LastCarryNormal;

    /// <summary>Bytes of the operands.</summary>
    public int Size => Kind switch
    {
        FlagKind.Add8 or FlagKind.Sub8 or FlagKind.Inc8 or FlagKind.Dec8 or FlagKind.Shl8 or FlagKind.Shr8 or FlagKind.Sar8 => 1,
        FlagKind.Add16 or FlagKind.Sub16 or FlagKind.Inc16 or FlagKind.Dec16 or FlagKind.Shl16 or FlagKind.Shr16 or FlagKind.Sar16 => 2,
        _ => 4,
    };

    /// <summary>The result, sign-extended, or null if this kind does not lead to it cheaply.</summary>
    public FlagExpression? SignedResult()
    {
        FlagExpression? value = Result;
        if (value == null)
        {
            value = Kind switch
            {
                FlagKind.Logic or FlagKind.Raw => A,
                _ when IsSub => FlagExpression.Binary(OpCodes.Sub, A, B!),
                _ when IsAdd => FlagExpression.Binary(OpCodes.Add, A, B!),
                _ when IsInc => FlagExpression.Binary(OpCodes.Add, A, 1),
                _ when IsDec => FlagExpression.Binary(OpCodes.Sub, A, 1),
                FlagKind.Shl32 => FlagExpression.Binary(OpCodes.Shl, A, B!),
                FlagKind.Shr32 => FlagExpression.Binary(OpCodes.Shr_Un, A, B!),
                FlagKind.Sar32 => FlagExpression.Binary(OpCodes.Shr, A, B!),
                _ => null,
            };
        }

        return value?.SignExtended(Size);
    }

    /// <summary>A word with CF in bit 31.</summary>
    public FlagExpression Carry(RegionContext c)
    {
        Require(c);
        if (CarryWord != null)
        {
            return CarryWord;
        }

        if (IsCarryNormal || (Kind == Dynamic && c.CarryNormal))
        {
            return B!;
        }

        if (ComparedCarry() is { } carry)
        {
            return FlagExpression.Binary(OpCodes.Shl, carry, 31);
        }

        return Kind switch
        {
            FlagKind.Logic => FlagExpression.Of(0),
            _ => FlagExpression.CallWithCpu(MethodNames.Carry, KindValue(), A, B ?? FlagExpression.Of(0)),
        };
    }

    /// <summary>CF as 0 or 1.</summary>
    public FlagExpression CarryBit(RegionContext c)
    {
        Require(c);
        return ComparedCarry() ?? (Kind == FlagKind.Logic ? FlagExpression.Of(0) : FlagExpression.Binary(OpCodes.Shr_Un, Carry(c), 31));
    }

    /// <summary>The flags as <see cref="LazyFlags"/>' result word.</summary>
    public FlagExpression RawResult(RegionContext c)
    {
        Require(c);
        return SignedResult() ?? FlagExpression.CallWithCpu(MethodNames.ResultWord, KindValue(), A, B ?? FlagExpression.Of(0));
    }

    /// <summary>The flags as <see cref="LazyFlags"/>' aux word.</summary>
    public FlagExpression RawAux(RegionContext c) => Kind switch
    {
        FlagKind.Logic => FlagExpression.Of(0),
        FlagKind.Raw => B!,
        FlagKind.Add32 => FlagExpression.Call(MethodNames.AddAux, A, B!, SignedResult()!),
        FlagKind.Sub32 => FlagExpression.Call(MethodNames.SubAux, A, B!, SignedResult()!),
        FlagKind.Add8 or FlagKind.Add16 => FlagExpression.Call(
            MethodNames.NarrowAddAux, A, B!, FlagExpression.Binary(OpCodes.Add, A, B!), FlagExpression.Of((uint)Size * 8)),
        FlagKind.Sub8 or FlagKind.Sub16 => FlagExpression.Call(
            MethodNames.NarrowSubAux, A, B!, FlagExpression.Binary(OpCodes.Sub, A, B!), FlagExpression.Of((uint)Size * 8)),
        _ => FlagExpression.CallWithCpu(MethodNames.AuxWord, KindValue(), A, B ?? FlagExpression.Of(0)),
    };

    /// <summary>CF as 0 or 1 where it is what a comparison says; null where it is not.</summary>
    private FlagExpression? ComparedCarry() =>
        IsSub ? FlagExpression.Binary(OpCodes.Clt_Un, A, B!)
        : Kind == FlagKind.Add32 ? FlagExpression.Binary(OpCodes.Clt_Un, Result ?? FlagExpression.Binary(OpCodes.Add, A, B!), A)
        : null;

    /// <summary>Asking for flags that the analysis took for dead is a bug of ours, and must cost no more than this region.</summary>
    private void Require(RegionContext c)
    {
        if (Kind == Unknown)
        {
            throw new InvalidOperationException($"Flags thought dead are read at 0x{c.CurrentEip:x}.");
        }
    }

    private FlagExpression KindValue() => Kind == Dynamic ? FlagExpression.Field(MethodNames.FlagsKind) : FlagExpression.Of((uint)Kind);
}
