using System.Reflection.Emit;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// Blocks that are reached in several ways and need their flags for nothing but exits: a loop that begins with a memory access, which
/// may miss, and then overwrites them. If all ways bring flags of one kind, they need not be stored on each of them: what they have in common is used
/// as it is, and the rest goes through a local.
/// </summary>
/// <remarks>
/// What the ways bring is known only when they have been emitted, and by then the block has been too. So a region is emitted twice: the first time nothing
/// is merged, and this takes notes.
/// </remarks>
internal sealed class FlagMerges
{
    private readonly RegionContext _first;
    private readonly Dictionary<int, List<FlagState>> _ways = [];

    /// <param name="first">The context of the emission that notes are taken of.</param>
    public FlagMerges(RegionContext first) => _first = first;

    /// <summary>Notes, at the first emission, a way to a block and the flags it brings.</summary>
    public void Note(int block, FlagState flags)
    {
        if (!_ways.TryGetValue(block, out List<FlagState>? states))
        {
            _ways.Add(block, states = []);
        }

        states.Add(flags.Plain);
    }

    /// <summary>What a block may take for granted in the second emission, or null if the ways to it have too little in common.</summary>
    /// <param name="c">The second emission's context.</param>
    /// <param name="block">Number of the block.</param>
    public FlagMerge? At(RegionContext c, int block)
    {
        if (!_ways.TryGetValue(block, out List<FlagState>? states))
        {
            return null;
        }

        FlagState one = states[0];
        bool alike = one.Kind >= 0 && states.TrueForAll(s => s.Kind == one.Kind && (s.B == null) == (one.B == null) && !s.OrEntry);
        if (!alike || !states.TrueForAll(static s => !s.A.UsesFields))
        {
            return null;
        }

        bool sameA = states.TrueForAll(s => s.A == one.A) && one.A.UsesOnly(_first.IsRegister);
        bool sameB = states.TrueForAll(s => s.B == one.B) && one.B?.UsesOnly(_first.IsRegister) != false;
        if (!sameB && !states.TrueForAll(static s => !s.B!.UsesFields))
        {
            return null;
        }

        return new FlagMerge(
            one.Kind,
            sameA ? c.Adopt(one.A, _first) : null,
            one.B == null ? null : sameB ? c.Adopt(one.B, _first) : null,
            one.B != null,
            sameA ? null : c.Il.DeclareLocal(typeof(uint)),
            sameB ? null : c.Il.DeclareLocal(typeof(uint)));
    }
}

/// <summary>The flags at the start of a block whose ways in have them in common.</summary>
/// <param name="Kind">A <see cref="Core.Flags.FlagKind"/>.</param>
/// <param name="CommonA">First operand, if it is the same on all ways.</param>
/// <param name="CommonB">The same for the second.</param>
/// <param name="HasB">Is there a second?</param>
/// <param name="LocalA">What the first operand goes through if it is not.</param>
/// <param name="LocalB">The same for the second.</param>
internal sealed record FlagMerge(int Kind, FlagExpression? CommonA, FlagExpression? CommonB, bool HasB, LocalBuilder? LocalA, LocalBuilder? LocalB)
{
    /// <summary>Does a way have to do anything?</summary>
    public bool IsFree => LocalA == null && LocalB == null;

    /// <summary>The flags at the start of the block.</summary>
    /// <param name="orEntry">Can the region be entered there?</param>
    public FlagState State(bool orEntry) => new(
        Kind, CommonA ?? FlagExpression.Of(LocalA!), HasB ? CommonB ?? FlagExpression.Of(LocalB!) : null, null, orEntry);

    /// <summary>On a way to the block: puts the operands where it expects them.</summary>
    public void Bring(RegionContext c, FlagState flags)
    {
        if (flags.Kind != Kind || flags.OrEntry || (CommonA != null && flags.A != CommonA) || (CommonB != null && flags.B != CommonB))
        {
            throw new InvalidOperationException($"A way of the region at 0x{c.Plan.Blocks[0].Eip:x} brings other flags than it did before.");
        }

        if (LocalA != null)
        {
            flags.A.Emit(c);
        }

        if (LocalB != null)
        {
            flags.B!.Emit(c);
            c.Il.Emit(OpCodes.Stloc, LocalB);
        }

        if (LocalA != null)
        {
            c.Il.Emit(OpCodes.Stloc, LocalA);
        }
    }
}
