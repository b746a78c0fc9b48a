using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;
using FlowControl = Iced.Intel.FlowControl;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>The ends of blocks: branches within the region are branches of the method, all others go out through a link.</summary>
internal sealed class BranchEmitter
{
    private static readonly FlagState s_ofZero = new(FlagKind.Logic, FlagExpression.Of(0), null, null);

    private readonly RegionContext _c;
    private readonly ILGenerator _il;
    private readonly RegionGraph _graph;
    private readonly RegionFlags _flags;
    private readonly Label[] _labels;
    private readonly Label[] _doors;
    private readonly List<(Label Label, int Block, FlagState Flags, int Pending, bool Store)> _edges = [];
    private readonly FlagMerge?[] _merges;
    private readonly BranchTable? _table;
    private readonly Dictionary<int, FlagState> _known = [];
    private readonly Dictionary<int, int> _pending = [];

    public BranchEmitter(RegionContext c, RegionGraph graph, RegionFlags flags, Label[] labels, Label[] doors, BranchTable? table)
    {
        _c = c;
        _il = c.Il;
        _graph = graph;
        _flags = flags;
        _labels = labels;
        _doors = doors;
        _table = table;
        _merges = new FlagMerge?[labels.Length];
    }

    /// <summary>Takes notes of the ways to blocks that might have flags in common; null: nobody does.</summary>
    public FlagMerges? Notes { get; init; }

    /// <summary>Uses the notes of an earlier emission.</summary>
    public void Merge(FlagMerges notes)
    {
        for (int block = 0; block < _merges.Length; block++)
        {
            _merges[block] = notes.At(_c, block);
            _c.MarksEntries |= _merges[block] != null && _graph.IsSafepoint(block);
        }
    }

    /// <summary>Can ways to this block have their flags in common?</summary>
    public static bool IsCandidate(RegionGraph graph, RegionFlags flags, Optimisations optimisations, int block) =>
        optimisations.MergedFlags && flags.LiveIn(block) && !(optimisations.FlagInheritance && graph.HasOneWayIn(block)) && flags.AreForExitsOnly(block);

    /// <summary>The door of a safepoint: the region is entered here, or somebody comes whose flags stand in the CPU struct.</summary>
    public void EmitDoor(int block)
    {
        _il.MarkLabel(_doors[block]);
        _c.Flags = RegionContext.CanonicalFlags();
        _c.Pending = 0;
        Ask(block);
        if (_merges[block] != null)
        {
            _c.MarkEntry();
        }
    }

    /// <summary>The block whose end is to be emitted.</summary>
    public int Block { get; set; }

    /// <summary>Where the flags are at the start of a block.</summary>
    public FlagState FlagsAtStart(int block)
    {
        if (!_flags.LiveIn(block))
        {
            return FlagState.Dead;
        }

        if (_merges[block] is { } merge)
        {
            return merge.State(_graph.IsSafepoint(block));
        }

        return _known.TryGetValue(block, out FlagState? known) ? known : RegionContext.CanonicalFlags();
    }

    /// <summary>What has not been taken from the budget on the one way to a block.</summary>
    public int PendingAtStart(int block) => _pending.GetValueOrDefault(block);

    /// <summary>Emits the last instruction of a block; false if it has no template and the interpreter must run it.</summary>
    public bool TryEmit(in Instruction i)
    {
        uint next = i.NextIP32;
        bool relative = i.OpCount > 0 && i.GetOpKind(0) == OpKind.NearBranch32;
        switch (i.FlowControl)
        {
            case FlowControl.UnconditionalBranch when relative:
                Go(i.NearBranch32);
                return true;
            case FlowControl.ConditionalBranch when relative && i.ConditionCode != ConditionCode.None && i.IsJccShortOrNear:
                Either(ConditionEmitter.Compare(_c, _c.Flags, i.ConditionCode), i.ConditionCode, i.NearBranch32, next);
                return true;
            case FlowControl.ConditionalBranch when relative && i.Code is Code.Loop_rel8_32_ECX or Code.Jecxz_rel8_32:
                Counted(i, next);
                return true;
            case FlowControl.Call when relative:
                StackEmitter.PushValue(_c, FlagExpression.Of(next));
                LeaveWord(next);
                Go(i.NearBranch32);
                return true;
            case FlowControl.Return when i.Code is Code.Retnd or Code.Retnd_imm16:
                Return(i);
                return true;
            case FlowControl.IndirectBranch when i.Code == Code.Jmp_rm32:
                Indirect(OperandEmitter.Value(_c, i, 0, 4));
                return true;
            case FlowControl.IndirectCall when i.Code == Code.Call_rm32:
                LocalBuilder target = _c.Temporary();
                OperandEmitter.Value(_c, i, 0, 4).Emit(_c);
                _il.Emit(OpCodes.Stloc, target);
                StackEmitter.PushValue(_c, FlagExpression.Of(next));
                LeaveWord(next);
                Indirect(FlagExpression.Of(target));
                return true;
            default:
                return false;
        }
    }

    /// <summary>Goes to a block of the region, or out through a link.</summary>
    public void Go(uint eip)
    {
        TakeNotes(eip);
        if (NeedsCanonical(eip))
        {
            _c.CanonicaliseFlags();
        }

        if (!TakesPending(eip, false))
        {
            _c.ChargePending();
        }

        _il.Emit(OpCodes.Br, LabelFor(eip));
        EmitEdges();
    }

    /// <summary>A safepoint: takes the block's instructions, and what is pending, from the budget, or leaves in front of it.</summary>
    private void Ask(int block)
    {
        int count = _graph.Length(block);
        _c.Pending += count;
        _c.ChargePending();
        if (!_c.Optimisations.Slices || _c.IsSlow)
        {
            _c.PushAttention();
            _c.Exits.RefuseUnless(OpCodes.Brfalse, _graph.Eip(block), count);
        }

        _il.Emit(OpCodes.Ldloc, _c.Budget);
        _il.Emit(OpCodes.Ldc_I4_0);
        _c.Exits.RefuseUnless(OpCodes.Bge, _graph.Eip(block), count);
    }

    /// <summary>Ways to safepoints that bring the flags with them, so that only who is refused has to store them.</summary>
    private void EmitEdges()
    {
        FlagState flags = _c.Flags;
        foreach ((Label label, int block, FlagState carried, int pending, bool store) in _edges)
        {
            _c.Flags = carried;
            _c.Pending = pending;
            _il.MarkLabel(label);
            if (store)
            {
                _c.CanonicaliseFlags();
                _c.ChargePending();
                _il.Emit(OpCodes.Br, _doors[block]);
                continue;
            }

            if (_merges[block] is { } merge)
            {
                merge.Bring(_c, carried);
            }

            if (_graph.IsSafepoint(block))
            {
                Ask(block);
            }

            _c.ChargePending();
            _il.Emit(OpCodes.Br, _labels[block]);
        }

        _c.Flags = flags;
        _edges.Clear();
    }

    /// <summary>A conditional branch: to <paramref name="taken"/> if the comparison holds, else to <paramref name="next"/>.</summary>
    private void Either(Comparison comparison, ConditionCode condition, uint taken, uint next)
    {
        TakeNotes(taken);
        TakeNotes(next);
        bool known = _c.Optimisations.EqualFlags && condition is ConditionCode.e or ConditionCode.ne && (_c.Flags.IsSub || _c.Flags.Kind == FlagKind.Logic);
        bool both = NeedsCanonical(taken) && NeedsCanonical(next) && !(known && _c.Optimisations.FlagsOnEdges);
        if (both || (!_c.Optimisations.FlagsOnEdges && (NeedsCanonical(taken) || NeedsCanonical(next))))
        {
            _c.CanonicaliseFlags();
            if (condition != ConditionCode.None && comparison.UsesFields)
            {
                // It was about the old contents of the fields that have just been written.
                comparison = ConditionEmitter.Compare(_c, _c.Flags, condition);
            }
        }

        // Where only one way wants the flags stored, it does that itself: the other is likely to be a loop's.
        bool onEdges = !both && _c.Optimisations.FlagsOnEdges;
        if (!TakesPending(taken, onEdges) || !TakesPending(next, onEdges))
        {
            _c.ChargePending();
        }

        FlagState flags = _c.Flags;
        bool takenIsEqual = known && !both && condition == ConditionCode.e;
        bool nextIsEqual = known && !both && condition == ConditionCode.ne;
        if (_graph.TryFind(next, out _))
        {
            if (_graph.TryFind(taken, out _))
            {
                ConditionEmitter.Branch(_c, comparison, LabelOn(taken, takenIsEqual));
                _il.Emit(OpCodes.Br, LabelOn(next, nextIsEqual));
            }
            else
            {
                // What the branch leads to comes next in the Host's code: that is to be the way within.
                ConditionEmitter.Branch(_c, comparison.Negated, LabelOn(next, nextIsEqual));
                GoOut(taken, takenIsEqual);
            }
        }
        else
        {
            ConditionEmitter.Branch(_c, comparison, LabelOn(taken, takenIsEqual));
            GoOut(next, nextIsEqual);
        }

        EmitEdges();

        Label LabelOn(uint eip, bool isEqual)
        {
            _c.Flags = FlagsOn(eip, isEqual);
            Label label = LabelFor(eip, onEdges);
            _c.Flags = flags;
            return label;
        }

        void GoOut(uint eip, bool isEqual)
        {
            _c.Flags = FlagsOn(eip, isEqual);
            _c.Exits.GoOut(eip);
            _c.Flags = flags;
        }

        // Where a comparison has found both sides equal the flags are those of 0, and what was compared need not be kept for them.
        FlagState FlagsOn(uint eip, bool isEqual) => isEqual && !(_graph.TryFind(eip, out int block) && _merges[block] != null) ? s_ofZero : flags;
    }

    private void TakeNotes(uint eip)
    {
        if (Notes != null && _graph.TryFind(eip, out int block) && IsCandidate(_graph, _flags, _c.Optimisations, block))
        {
            Notes.Note(block, _c.Flags);
        }
    }

    private bool NeedsCanonical(uint eip) =>
        _graph.TryFind(eip, out int block) && _flags.LiveIn(block) && !Inherits(block) && _merges[block] == null;

    /// <summary>Can a way to a block with flags in common lead there as it is?</summary>
    private bool IsDirect(FlagMerge merge, int block) => merge.IsFree && !_graph.IsSafepoint(block);

    /// <summary>Does what <see cref="LabelFor"/> says about a way take care of what is pending? Else it has to be charged in front of the branch.</summary>
    private bool TakesPending(uint eip, bool storesFlags)
    {
        if (!_graph.TryFind(eip, out int block))
        {
            return true;
        }

        if (_merges[block] is { } merge)
        {
            return !IsDirect(merge, block);
        }

        bool dynamic = _c.Flags.Kind == FlagState.Dynamic;
        bool canonical = NeedsCanonical(eip);
        return (storesFlags && canonical && !dynamic) || (_graph.IsSafepoint(block) ? !dynamic && !canonical : _graph.HasOneWayIn(block));
    }

    private bool Inherits(int block) => _c.Optimisations.FlagInheritance && _graph.HasOneWayIn(block);

    private Label LabelFor(uint eip, bool storesFlags = false)
    {
        if (!_graph.TryFind(eip, out int block))
        {
            return _c.Exits.Link(eip);
        }

        if (_graph.HasOneWayIn(block))
        {
            _c.Spans.LeaveTo(block);
        }

        if (_merges[block] is { } merge)
        {
            if (IsDirect(merge, block))
            {
                merge.Bring(_c, _c.Flags);
                return _labels[block];
            }

            Label way = _il.DefineLabel();
            _edges.Add((way, block, _c.Flags, _c.Pending, false));
            return way;
        }

        if (storesFlags && NeedsCanonical(eip) && _c.Flags.Kind != FlagState.Dynamic)
        {
            Label storing = _il.DefineLabel();
            _edges.Add((storing, block, _c.Flags, _c.Pending, true));
            return storing;
        }

        if (_graph.IsSafepoint(block))
        {
            if (_c.Flags.Kind == FlagState.Dynamic || NeedsCanonical(eip))
            {
                return _doors[block];
            }

            Label edge = _il.DefineLabel();
            _edges.Add((edge, block, _c.Flags, _c.Pending, false));
            return edge;
        }

        if (Inherits(block))
        {
            _known[block] = _c.Flags;
        }

        _pending[block] = _c.Pending;
        return _labels[block];
    }

    /// <summary>LOOP and JECXZ.</summary>
    private void Counted(in Instruction i, uint next)
    {
        LocalBuilder ecx = _c.Register(Reg.Ecx);
        bool loop = i.Mnemonic == Mnemonic.Loop;
        if (loop)
        {
            _il.Emit(OpCodes.Ldloc, ecx);
            _il.Emit(OpCodes.Ldc_I4_1);
            _il.Emit(OpCodes.Sub);
            OperandEmitter.StoreRegister(_c, Register.ECX);
        }

        var comparison = new Comparison(FlagExpression.Of(ecx), FlagExpression.Of(0), loop ? OpCodes.Bne_Un : OpCodes.Beq);
        Either(comparison, ConditionCode.None, i.NearBranch32, next);
    }

    /// <summary>For the return, if it is not known here where it will be.</summary>
    private void LeaveWord(uint next)
    {
        if (!_graph.IsInlinedCall(Block))
        {
            _c.Exits.LeaveWord(next);
        }
    }

    private void Return(in Instruction i)
    {
        uint drop = 4 + (i.OpCount == 1 ? i.Immediate16 : 0u);
        LocalBuilder target = StackEmitter.PopValue(_c, drop);
        if (_graph.InlinesCalls)
        {
            Compare(target, [.. _graph.SitesOf(Block).Select(_graph.Eip)]);
            _c.ChargePending();
            _il.Emit(OpCodes.Br, _c.Exits.Return(target, drop));
            EmitEdges();
            return;
        }

        _c.ChargePending();
        if (_graph.ComparedSites.Count > 0 || _table != null)
        {
            _c.CanonicaliseFlags();
        }

        foreach (uint site in _graph.ComparedSites)
        {
            _il.Emit(OpCodes.Ldloc, target);
            _il.Emit(OpCodes.Ldc_I4, (int)site);
            _il.Emit(OpCodes.Beq, _doors[_graph.Find(site)]);
        }

        if (_table != null)
        {
            _table.Jump(_c, target);
        }
        else
        {
            _il.Emit(OpCodes.Br, _c.Exits.Return(target, drop));
        }
    }

    /// <summary>Goes to the one of these blocks that is the target; with it goes all that is known here.</summary>
    private void Compare(LocalBuilder target, uint[] blocks)
    {
        foreach (uint eip in blocks)
        {
            TakeNotes(eip);
        }

        if (blocks.Any(NeedsCanonical))
        {
            _c.CanonicaliseFlags();
        }

        if (!blocks.All(eip => TakesPending(eip, false)))
        {
            _c.ChargePending();
        }

        foreach (uint eip in blocks)
        {
            Label way = LabelFor(eip);
            _il.Emit(OpCodes.Ldloc, target);
            _il.Emit(OpCodes.Ldc_I4, (int)eip);
            _il.Emit(OpCodes.Beq, way);
        }
    }

    private void Indirect(FlagExpression value)
    {
        LocalBuilder target = _c.Temporary();
        value.Emit(_c);
        _il.Emit(OpCodes.Stloc, target);
        uint likely = _graph.LikelyTarget(Block);
        if (_graph.InlinesCalls)
        {
            Compare(target, likely != 0 ? [likely] : []);
            _c.ChargePending();
            Leave(target);
            EmitEdges();
            return;
        }

        _c.ChargePending();
        if (_table != null || likely != 0)
        {
            _c.CanonicaliseFlags();
        }

        if (likely != 0)
        {
            _il.Emit(OpCodes.Ldloc, target);
            _il.Emit(OpCodes.Ldc_I4, (int)likely);
            _il.Emit(OpCodes.Beq, _doors[_graph.Find(likely)]);
        }

        Leave(target);
    }

    private void Leave(LocalBuilder target)
    {
        if (_table != null)
        {
            _table.Jump(_c, target);
        }
        else
        {
            _il.Emit(OpCodes.Br, _c.Exits.Jump(target));
        }
    }
}
