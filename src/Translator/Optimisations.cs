using Lguest.Jit.Core.Interpreter;

namespace Lguest.Jit.Translator;

/// <summary>
/// Every optimisation of the translator, by name, with its reason. Each can be turned off (<c>--opt -name</c>): to find out
/// what it is worth, and which one broke something.
/// </summary>
internal sealed record Optimisations
{
    /// <summary>Several blocks in one method: Guest registers stay in Host registers across them.</summary>
    public bool Regions { get; set; } = true;

    /// <summary>Where the Guest goes from region to region all the time, a region follows the way that it takes.</summary>
    public bool RipeRegions { get; set; } = true;

    /// <summary>In such a region a call and its return are ways like any other: what is known of flags and memory goes along.</summary>
    public bool InlinedCalls { get; set; } = true;

    /// <summary>So in any region: a shape for tests to try.</summary>
    public bool InlinesAllCalls { get; init; }

    /// <summary>Callees join the region of their caller, so that a call is a jump and a return a comparison.</summary>
    public bool CallsInRegions { get; set; } = true;

    /// <summary>Flags that are overwritten before anything can see them are not computed.</summary>
    public bool DeadFlags { get; set; } = true;

    /// <summary>A compare and the branch behind it become one Host compare-and-branch.</summary>
    public bool FusedBranches { get; set; } = true;

    /// <summary>Returns are compared with the return sites in the region before the jump cache is asked.</summary>
    public bool ReturnSites { get; set; } = true;

    /// <summary>Indirect branches find the blocks of their region through a table, without leaving it.</summary>
    public bool BranchTables { get; set; } = true;

    /// <summary>Where an indirect call led to while it was interpreted joins the region, and is compared with before anybody is asked.</summary>
    public bool LikelyTargets { get; set; } = true;

    /// <summary>Accesses in loops look at memory through windows on what is contiguous, and need no look-up while they stay inside.</summary>
    public bool Windows { get; set; } = true;

    /// <summary>A region jumps to the next one, instead of returning to a loop that calls it. Not while regions are watched: that is the loop's work.</summary>
    public bool Chains { get; set; } = true;

    /// <summary>Calls leave word where they come back to, so that a return finds the region that it returns to without looking it up. Only with chains.</summary>
    public bool ReturnLinks { get; set; } = true;

    /// <summary>
    /// Windows only for regions that have been seen to loop, which are then translated anew: others would look through them once or twice,
    /// in ever other places, and each look past them costs what a hundred look-ups do.
    /// </summary>
    public bool LateWindows { get; set; } = true;

    /// <summary>
    /// Windows reach over pages that nobody has touched yet. Not in deterministic time: a Guest that changes a mapping and tells nobody sees
    /// which engine has looked at it before.
    /// </summary>
    public bool FillAhead { get; set; } = true;

    /// <summary>Accesses off one register are checked together, by the first of them.</summary>
    public bool CheckedSpans { get; set; } = true;

    /// <summary>Along paths, accesses of 2 and 4 bytes are taken to be aligned, and so to lie within a page, until one is seen that is not.</summary>
    public bool AlignedAccesses { get; set; } = true;

    /// <summary>So in any region, and not only along paths: a shape for tests to try.</summary>
    public bool AlignsAllAccesses { get; init; }

    /// <summary>A block with one way in takes over what has been checked.</summary>
    public bool InheritedSpans { get; set; } = true;

    /// <summary>While a slice of the budget lasts, translated code looks at nothing else at its safepoints.</summary>
    public bool Slices { get; set; } = true;

    /// <summary>Behind a branch that has found two things equal, the flags of their comparison are constants.</summary>
    public bool EqualFlags { get; set; } = true;

    /// <summary>A block that is reached from one other only is paid for together with what follows: one subtraction in a loop of several blocks.</summary>
    public bool PendingBudget { get; set; } = true;

    /// <summary>A block with one way in takes over what is known about the flags, without storing them in between.</summary>
    public bool FlagInheritance { get; set; } = true;

    /// <summary>Ways that meet at a block need not store their flags if they have them in common, and only exits look.</summary>
    public bool MergedFlags { get; set; } = true;

    /// <summary>Flags are stored on those ways out of a branch that lead where they are wanted, and not in front of it.</summary>
    public bool FlagsOnEdges { get; set; } = true;

    /// <summary>DIV and IDIV are the Host's own, where it has them and the operands suit.</summary>
    public bool HostDivision { get; set; } = true;

    /// <summary>BSF, BSR, SHLD, SHRD and the instructions about CF or DF alone are IL, not calls of the interpreter's handlers.</summary>
    public bool BitTemplates { get; set; } = true;

    /// <summary>x87 instructions are executed by the Host's x87 unit, as many as possible at once; otherwise each by soft-float, to the same bits.</summary>
    public bool X87Thunks { get; set; } = true;

    /// <summary>Integer instructions go ahead of x87 instructions, so that more of those come together in one thunk.</summary>
    public bool X87Interleaving { get; set; } = true;

    /// <summary>x87 operands off the same registers are checked together.</summary>
    public bool X87Windows { get; set; } = true;

    /// <summary>Loops of x87 instructions and simple integer ones run in one thunk, with registers and flags in the Host's own.</summary>
    public bool X87Loops { get; set; } = true;

    /// <summary>SSE arithmetic is the Host's single instruction and one look at the result; what is known of operands is not looked at again.</summary>
    public bool SimdFacts { get; set; } = true;

    /// <summary>
    /// No optimisation, but the want of one: every block asks for its own budget, so that the engine can be stopped in front of any block, and
    /// not only at safepoints. For whoever looks for the block that goes wrong.
    /// </summary>
    public bool AsksAtBlocks { get; set; }

    /// <summary>Instructions that a block may have, 1 to <see cref="OpWriter.MaximumInstructions"/>: a shape for tests to try.</summary>
    public int BlockLimit { get; init; } = OpWriter.MaximumInstructions;

    /// <summary>
    /// Blocks that a region may have, from 1 up. The usual limit keeps a method well below those where RyuJIT gives up optimising
    /// (60,000 bytes of IL, 2,000 basic blocks).
    /// </summary>
    public int RegionLimit { get; init; } = 32;

    /// <summary>Names as the command line has them, with getters and setters.</summary>
    public static IReadOnlyDictionary<string, Action<Optimisations, bool>> ByName { get; } = new Dictionary<string, Action<Optimisations, bool>>(StringComparer.Ordinal)
    {
        ["regions"] = static (o, on) => o.Regions = on,
        ["ripe-regions"] = static (o, on) => o.RipeRegions = on,
        ["inlined-calls"] = static (o, on) => o.InlinedCalls = on,
        ["calls-in-regions"] = static (o, on) => o.CallsInRegions = on,
        ["dead-flags"] = static (o, on) => o.DeadFlags = on,
        ["fused-branches"] = static (o, on) => o.FusedBranches = on,
        ["return-sites"] = static (o, on) => o.ReturnSites = on,
        ["branch-tables"] = static (o, on) => o.BranchTables = on,
        ["likely-targets"] = static (o, on) => o.LikelyTargets = on,
        ["windows"] = static (o, on) => o.Windows = on,
        ["chains"] = static (o, on) => o.Chains = on,
        ["return-links"] = static (o, on) => o.ReturnLinks = on,
        ["late-windows"] = static (o, on) => o.LateWindows = on,
        ["fill-ahead"] = static (o, on) => o.FillAhead = on,
        ["checked-spans"] = static (o, on) => o.CheckedSpans = on,
        ["aligned-accesses"] = static (o, on) => o.AlignedAccesses = on,
        ["inherited-spans"] = static (o, on) => o.InheritedSpans = on,
        ["slices"] = static (o, on) => o.Slices = on,
        ["pending-budget"] = static (o, on) => o.PendingBudget = on,
        ["equal-flags"] = static (o, on) => o.EqualFlags = on,
        ["merged-flags"] = static (o, on) => o.MergedFlags = on,
        ["flags-on-edges"] = static (o, on) => o.FlagsOnEdges = on,
        ["host-division"] = static (o, on) => o.HostDivision = on,
        ["bit-templates"] = static (o, on) => o.BitTemplates = on,
        ["x87-thunks"] = static (o, on) => o.X87Thunks = on,
        ["x87-interleaving"] = static (o, on) => o.X87Interleaving = on,
        ["x87-windows"] = static (o, on) => o.X87Windows = on,
        ["x87-loops"] = static (o, on) => o.X87Loops = on,
        ["simd-facts"] = static (o, on) => o.SimdFacts = on,
        ["flag-inheritance"] = static (o, on) => o.FlagInheritance = on,
    };

    /// <summary>Applies "name", "+name" or "-name"; false if there is no such optimisation.</summary>
    public bool TrySet(string option)
    {
        ArgumentNullException.ThrowIfNull(option);
        bool on = !option.StartsWith('-');
        if (!ByName.TryGetValue(option.TrimStart('+', '-'), out Action<Optimisations, bool>? set))
        {
            return false;
        }

        set(this, on);
        return true;
    }
}
