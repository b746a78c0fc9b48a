using System.Reflection.Emit;
using System.Runtime.InteropServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Interpreter.ControlFlow;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.FloatingPoint;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// The ways out of a region. A stub says what is particular about an exit (where the Guest is, where its flags are), and all join in one
/// piece of code at the end of the method, which stores the registers.
/// </summary>
/// <remarks>
/// RyuJIT lays blocks out in reverse postorder, and of the two ways on from a branch visits first the one that is not taken: so the code that a
/// taken branch leads to comes next, and the other one is put out of the way. A rare exit therefore stands in the IL where it is left for, behind a
/// branch around it (<see cref="MissUnless"/>); a branch to a stub at the end would put that stub in the middle of the hot code. An empty block
/// would not do: the branch around a branch is turned over first.
/// </remarks>
internal sealed unsafe class ExitEmitter
{
    private const int LinksInPiece = 32;

    private readonly RegionContext _c;
    private readonly List<nint> _allocations;
    private readonly ILGenerator _il;
    private readonly LocalBuilder _exit;
    private readonly LocalBuilder _link;
    private readonly LocalBuilder _target;
    private readonly List<Leaving> _leaving = [];
    private readonly Joint _leave;
    private readonly Dictionary<(uint Eip, FlagState Flags, int Pending), LinkStub> _links = [];
    private readonly Joint _follow;
    private readonly Joint _near;
    private BlockLink* _nextLink;
    private int _linksLeft;
    private readonly List<(Label Label, FlagState Flags, LocalBuilder Target, uint Popped)> _jumps = [];
    private readonly List<nint> _owned = [];

    /// <param name="c">The region.</param>
    /// <param name="allocations">Takes the links, to be freed with the method.</param>
    public ExitEmitter(RegionContext c, List<nint> allocations)
    {
        _c = c;
        _allocations = allocations;
        _il = c.Il;
        _exit = _il.DeclareLocal(typeof(int));
        _link = _il.DeclareLocal(typeof(nint));
        _target = _il.DeclareLocal(typeof(uint));
        _leave = new Joint(this);
        _follow = new Joint(this);
        _near = new Joint(this);
    }

    /// <summary>The links, in the order in which they were made.</summary>
    public IReadOnlyList<nint> Links => _owned;

    private bool ReturnsAlongLinks => _c.Optimisations.Chains && _c.Optimisations.ReturnLinks;

    /// <summary>A label that leaves to have the current instruction interpreted.</summary>
    public Label Miss() => Find(_c.CurrentEip, _c.Remaining, ExitReason.Miss, null).Label;

    /// <summary>Leaves to have the current instruction interpreted.</summary>
    public void Leave() => _il.Emit(OpCodes.Br, Miss());

    /// <summary>Goes on if the comparison of what is on the stack holds, else leaves to have the current instruction interpreted.</summary>
    /// <param name="holds">A branch.</param>
    /// <param name="note">Who is to be told; null: nobody.</param>
    /// <returns>The label that leaves.</returns>
    public Label MissUnless(OpCode holds, MissNote? note = null) => LeaveUnless(holds, Find(_c.CurrentEip, _c.Remaining, ExitReason.Miss, note));

    /// <summary>As <see cref="MissUnless"/>, instead of going to the block at <paramref name="eip"/>, whose instructions have been charged.</summary>
    public void RefuseUnless(OpCode holds, uint eip, int instructions) => LeaveUnless(holds, Find(eip, instructions, ExitReason.Budget, null));

    /// <summary>A label that leaves to another block, through a link of its own.</summary>
    public Label Link(uint eip) => FindLink(eip).Label;

    /// <summary>Leaves to another block, as by <see cref="Link"/>, right here where nothing falls through.</summary>
    public void GoOut(uint eip)
    {
        LinkStub stub = FindLink(eip);
        if (stub.Emitted)
        {
            _il.Emit(OpCodes.Br, stub.Label);
        }
        else
        {
            int pending = _c.Pending;
            EmitStub(stub);
            _c.Pending = pending;
        }
    }

    /// <summary>A label that leaves to an address that is known only now.</summary>
    public Label Jump(LocalBuilder target)
    {
        Label label = _il.DefineLabel();
        _jumps.Add((label, _c.Flags, target, 0));
        return label;
    }

    /// <summary>A label that leaves to an address that has been popped from the Guest's stack.</summary>
    /// <param name="target">The address.</param>
    /// <param name="popped">Bytes that ESP has moved by.</param>
    public Label Return(LocalBuilder target, uint popped)
    {
        Label label = _il.DefineLabel();
        _jumps.Add((label, _c.Flags, target, ReturnsAlongLinks ? popped : 0));
        return label;
    }

    /// <summary>Leaves word where a call, whose return address has just been pushed, comes back to.</summary>
    public void LeaveWord(uint eip)
    {
        if (!ReturnsAlongLinks)
        {
            return;
        }

        // The link to the callee is likely to be made next, and is followed next: so they share a line of the Host's cache.
        if ((_linksLeft & 1) != 0)
        {
            _linksLeft--;
            _nextLink++;
        }

        BlockLink* link = NewLink(eip);
        _il.Emit(OpCodes.Ldloc, _c.Register(Reg.Esp));
        _c.Onward.PushPlace();
        _il.Emit(OpCodes.Ldc_I8, (long)link);
        _il.Emit(OpCodes.Stind_I8);
    }

    /// <summary>Emits all stubs, and what they join in.</summary>
    public void EmitStubs()
    {
        _c.Pending = 0;
        ExitRecord* records = Records();
        foreach (Leaving leaving in _leaving.Where(static l => !l.Emitted))
        {
            EmitStub(leaving);
        }

        foreach (LinkStub stub in _links.Values.Where(static l => !l.Emitted))
        {
            EmitStub(stub);
        }

        var jump = new Joint(this);
        var comeBack = new Joint(this);
        LocalBuilder place = _il.DeclareLocal(typeof(uint));
        foreach ((Label label, FlagState flags, LocalBuilder target, uint popped) in _jumps)
        {
            _il.MarkLabel(label);
            _il.Emit(OpCodes.Ldloc, target);
            _il.Emit(OpCodes.Stloc, _target);
            if (popped != 0)
            {
                _il.Emit(OpCodes.Ldloc, _c.Register(Reg.Esp));
                _il.Emit(OpCodes.Ldc_I4, (int)popped);
                _il.Emit(OpCodes.Sub);
                _il.Emit(OpCodes.Stloc, place);
            }

            _il.Emit(OpCodes.Br, (popped == 0 ? jump : comeBack).For(flags));
        }

        if (_near.IsUsed)
        {
            _near.Emit();
            SpillRegisters();
            _c.Onward.FollowNear(_link);
        }

        if (_follow.IsUsed)
        {
            _follow.Emit();
            SpillRegisters();
            _c.Onward.FollowFar(_link);
        }

        Label lookUp = _il.DefineLabel();
        if (comeBack.IsUsed)
        {
            comeBack.Emit();
            SpillRegisters();
            _c.Onward.Return(_target, place, lookUp);
        }

        if (jump.IsUsed)
        {
            jump.Emit();
            SpillRegisters();
            if (comeBack.IsUsed)
            {
                _il.Emit(OpCodes.Br, lookUp);
            }
            else
            {
                _c.Onward.Jump(_target);
            }
        }

        _leave.Emit();
        LoadRecord(records, &records->GiveBack, OpCodes.Ldind_I4);
        _il.Emit(OpCodes.Ldloc, _c.Budget);
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Stloc, _c.Budget);
        SpillRegisters();
        Copy(records, &records->Eip, MethodNames.Eip);
        Copy(records, &records->Reason, MethodNames.Exit);
        _il.Emit(OpCodes.Ldarg_0);
        _c.Offset(MethodNames.MissRecord);
        LoadRecord(records, &records->Note, OpCodes.Ldind_I8);
        _il.Emit(OpCodes.Stind_I8);
        _c.Onward.ReturnNull();
    }

    /// <summary>Stores every register that may differ from memory, and the budget.</summary>
    public void SpillRegisters()
    {
        for (int i = 0; i < 8; i++)
        {
            if ((_c.Written & (1 << i)) != 0)
            {
                _c.Store(i * 4, _c.Register(i));
            }
        }

        _c.Simd.Spill();
        _c.StoreBudget();
    }

    /// <summary>Stores the flags as they are held now, for whoever looks first to work out.</summary>
    public void SpillFlagsDeferred()
    {
        _c.KeepFlagsOfFields();
        _c.StoreFlags(_c.Flags);
    }

    /// <summary>Puts the flags where code of the interpreter looks for them.</summary>
    public void SpillFlagsSettled()
    {
        FlagState flags = _c.Flags;
        _il.Emit(OpCodes.Ldarg_0);
        if (flags.Kind == FlagState.Dynamic)
        {
            FlagExpression.Field(MethodNames.FlagsKind).Emit(_c);
        }
        else
        {
            _il.Emit(OpCodes.Ldc_I4, flags.Kind);
        }

        flags.A.Emit(_c);
        (flags.B ?? FlagExpression.Of(0)).Emit(_c);
        _il.Emit(OpCodes.Call, MethodNames.Materialise);
        _c.Store(MethodNames.FlagsKind, FlagKind.Memory);
    }

    /// <summary>What the exits differ in, as a table.</summary>
    private ExitRecord* Records()
    {
        var records = (ExitRecord*)HostAllocations.Take((nuint)(Math.Max(_leaving.Count, 1) * sizeof(ExitRecord)), 64);
        _allocations.Add((nint)records);
        for (int i = 0; i < _leaving.Count; i++)
        {
            records[i] = new ExitRecord { Eip = _leaving[i].Eip, GiveBack = _leaving[i].GiveBack, Reason = (int)_leaving[i].Reason, Note = _leaving[i].Note?.Record ?? 0 };
        }

        return records;
    }

    /// <summary>Pushes a field of the record that the local chooses.</summary>
    private void LoadRecord(ExitRecord* records, void* field, OpCode load)
    {
        _il.Emit(OpCodes.Ldloc, _exit);
        _il.Emit(OpCodes.Ldc_I4, sizeof(ExitRecord));
        _il.Emit(OpCodes.Mul);
        _il.Emit(OpCodes.Conv_I8);
        _il.Emit(OpCodes.Ldc_I8, (long)records + ((byte*)field - (byte*)records));
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Conv_I);
        _il.Emit(load);
    }

    private void Copy(ExitRecord* records, void* field, int offset)
    {
        _il.Emit(OpCodes.Ldarg_0);
        _c.Offset(offset);
        LoadRecord(records, field, OpCodes.Ldind_I4);
        _il.Emit(OpCodes.Stind_I4);
    }

    private Label LeaveUnless(OpCode holds, Leaving leaving)
    {
        Label on = _il.DefineLabel();
        _il.Emit(holds, on);
        if (leaving.Emitted)
        {
            _il.Emit(OpCodes.Br, leaving.Label);
        }
        else
        {
            EmitStub(leaving);
        }

        _il.MarkLabel(on);
        return leaving.Label;
    }

    private Leaving Find(uint eip, int giveBack, ExitReason reason, MissNote? note)
    {
        giveBack -= _c.Pending;

        // All accesses of one instruction leave the same way.
        for (int i = _leaving.Count - 1; i >= 0 && _leaving[i].Eip == eip; i--)
        {
            if (_leaving[i].GiveBack == giveBack && _leaving[i].Reason == reason && ReferenceEquals(_leaving[i].Flags, _c.Flags) && _leaving[i].Note == note
                && _leaving[i].Waiting == _c.X87.Waiting && _leaving[i].WaitingCount == _c.X87.WaitingCount)
            {
                return _leaving[i];
            }
        }

        var leaving = new Leaving(_leaving.Count, _il.DefineLabel(), eip, giveBack, _c.Flags, reason, note, _c.X87.Waiting, _c.X87.WaitingCount);
        _leaving.Add(leaving);
        return leaving;
    }

    private void EmitStub(Leaving leaving)
    {
        leaving.Emitted = true;
        _il.MarkLabel(leaving.Label);
        if (leaving.Waiting is { } waiting)
        {
            X87Emitter.EmitReplay(_il, waiting, leaving.WaitingCount);
            _il.Emit(OpCodes.Pop);
        }

        _il.Emit(OpCodes.Ldc_I4, leaving.Number);
        _il.Emit(OpCodes.Stloc, _exit);
        if (leaving.Note is { Window: { } window } missed)
        {
            // The address follows from where the window begins.
            _il.Emit(OpCodes.Ldarg_0);
            _c.Offset(MethodNames.MissAddress);
            _il.Emit(OpCodes.Ldloc, missed.Offset!);
            _il.Emit(OpCodes.Conv_U4);
            _il.Emit(OpCodes.Ldloc, window.Start);
            _il.Emit(OpCodes.Sub);
            _il.Emit(OpCodes.Stind_I4);
        }

        _il.Emit(OpCodes.Br, _leave.For(leaving.Flags));
    }

    private LinkStub FindLink(uint eip)
    {
        if (!_links.TryGetValue((eip, _c.Flags, _c.Pending), out LinkStub? stub))
        {
            _links.Add((eip, _c.Flags, _c.Pending), stub = new LinkStub(_il.DefineLabel(), (nint)NewLink(eip), _c.Flags, _c.Pending));
        }

        return stub;
    }

    /// <summary>Links stand close together: each way from region to region waits for one.</summary>
    private BlockLink* NewLink(uint eip)
    {
        if (_linksLeft == 0)
        {
            _linksLeft = LinksInPiece;
            _nextLink = (BlockLink*)HostAllocations.Take((nuint)(LinksInPiece * sizeof(BlockLink)), 64);
            _allocations.Add((nint)_nextLink);
        }

        _linksLeft--;
        BlockLink* link = _nextLink++;
        *link = new BlockLink { Eip = eip, PageEntry = JumpCacheEntry.NoPage };
        if (_c.Optimisations.Chains)
        {
            // Whoever follows it unseen comes to who resolves it.
            link->Owner = _c.Onward.Owner;
            link->Target = (Op*)link;
            link->Handler = &Core.Interpreter.ControlFlow.Links.Unresolved;
        }

        _owned.Add((nint)link);
        return link;
    }

    private void EmitStub(LinkStub stub)
    {
        stub.Emitted = true;
        _il.MarkLabel(stub.Label);
        _c.Pending = stub.Pending;
        _c.ChargePending();
        _il.Emit(OpCodes.Ldc_I8, (long)stub.Link);
        _il.Emit(OpCodes.Conv_I);
        _il.Emit(OpCodes.Stloc, _link);
        _il.Emit(OpCodes.Br, (IsNear(((BlockLink*)stub.Link)->Eip) ? _near : _follow).For(stub.Flags));
    }

    /// <summary>Is this in a page that the region has been entered on the condition that it is mapped as it was?</summary>
    private bool IsNear(uint eip) => _c.Plan.Blocks[0].Eip >> 12 == eip >> 12 || _c.Plan.Pages.Any(page => page.Page == eip >> 12);

    private void SetFlags(FlagState flags)
    {
        if (flags.Kind == FlagState.Unknown)
        {
            throw new InvalidOperationException($"An exit of the region at 0x{_c.Plan.Blocks[0].Eip:x} shows flags that nobody was to look at.");
        }

        _c.StoreFlags(flags);
    }

    /// <summary>An exit for a reason.</summary>
    private sealed record Leaving(int Number, Label Label, uint Eip, int GiveBack, FlagState Flags, ExitReason Reason, MissNote? Note, X87Run? Waiting, int WaitingCount)
    {
        /// <summary>Its stub stands somewhere.</summary>
        public bool Emitted { get; set; }
    }

    /// <summary>An exit to another block.</summary>
    private sealed record LinkStub(Label Label, nint Link, FlagState Flags, int Pending)
    {
        /// <summary>It stands somewhere.</summary>
        public bool Emitted { get; set; }
    }

    /// <summary>In what the exits that leave through the same code differ.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ExitRecord
    {
        /// <summary>Where the Guest goes on.</summary>
        public uint Eip;

        /// <summary>Instructions charged and not run; negative: more have been run than were charged.</summary>
        public int GiveBack;

        /// <summary>An <see cref="ExitReason"/>.</summary>
        public int Reason;
        private readonly int _padding;

        /// <summary>Who learns from it, or 0 (<see cref="Core.State.GuestCpu.MissRecord"/>).</summary>
        public nint Note;
        private readonly nint _unused;
    }

    /// <summary>Where exits join: by way of a piece of code for each description of the flags.</summary>
    private sealed class Joint(ExitEmitter exits)
    {
        private readonly Dictionary<FlagState, Label> _ways = [];

        public bool IsUsed => _ways.Count > 0;

        /// <summary>The label for exits with these flags.</summary>
        public Label For(FlagState flags)
        {
            FlagState shown = flags.Plain;
            if (!_ways.TryGetValue(shown, out Label label))
            {
                _ways.Add(shown, label = exits._il.DefineLabel());
            }

            return label;
        }

        /// <summary>Emits the ways, the last of which falls into what follows.</summary>
        public void Emit()
        {
            Label end = exits._il.DefineLabel();
            foreach ((FlagState flags, Label label) in _ways)
            {
                exits._il.MarkLabel(label);
                exits.SetFlags(flags);
                exits._il.Emit(OpCodes.Br, end);
            }

            exits._il.MarkLabel(end);
        }
    }
}
