using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.InteropServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Translator.FloatingPoint;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// The ways out of a region. Hot code only branches to a label; the stubs behind it, at the end of the method, say what is
/// particular about this exit (where the Guest is, where its flags are), and all join in one piece of code that stores
/// the registers.
/// </summary>
internal sealed unsafe class ExitEmitter
{
    private readonly RegionContext _c;
    private readonly ILGenerator _il;
    private readonly LocalBuilder _exit;
    private readonly LocalBuilder _link;
    private readonly LocalBuilder _target;
    private readonly List<(Label Label, uint Eip, int GiveBack, FlagState Flags, ExitReason Reason, WindowMiss? Window, X87Run? Waiting, int WaitingCount)> _leaving = [];
    private readonly Dictionary<(uint Eip, FlagState Flags, int Pending), Label> _links = [];
    private readonly List<(Label Label, FlagState Flags, LocalBuilder Target)> _jumps = [];

    public ExitEmitter(RegionContext c)
    {
        _c = c;
        _il = c.Il;
        _exit = _il.DeclareLocal(typeof(int));
        _link = _il.DeclareLocal(typeof(nint));
        _target = _il.DeclareLocal(typeof(uint));
        Left = _il.DefineLabel();
    }

    /// <summary>Returns null: everything is in memory already, eip and exit reason included.</summary>
    public Label Left { get; }

    /// <summary>A label that leaves to have the current instruction interpreted.</summary>
    /// <param name="window">The window that did not show what was wanted; null: it was something else.</param>
    public Label Miss(WindowMiss? window = null) => Leave(_c.CurrentEip, _c.Remaining, ExitReason.Miss, window);

    /// <summary>A label that leaves instead of going to the block at <paramref name="eip"/>, whose instructions have been charged.</summary>
    public Label Refusal(uint eip, int instructions) => Leave(eip, instructions, ExitReason.Budget, null);

    /// <summary>A label that leaves to another block, through a link of its own.</summary>
    public Label Link(uint eip)
    {
        if (!_links.TryGetValue((eip, _c.Flags, _c.Pending), out Label label))
        {
            _links.Add((eip, _c.Flags, _c.Pending), label = _il.DefineLabel());
        }

        return label;
    }

    /// <summary>A label that leaves to an address that is known only now.</summary>
    public Label Jump(LocalBuilder target)
    {
        Label label = _il.DefineLabel();
        _jumps.Add((label, _c.Flags, target));
        return label;
    }

    /// <summary>Emits all stubs, and what they join in.</summary>
    /// <param name="allocations">Takes the links, to be freed with the method.</param>
    public void EmitStubs(List<nint> allocations)
    {
        _c.Pending = 0;
        var leave = new Joint(this);
        ExitRecord* records = Records(allocations);
        for (int i = 0; i < _leaving.Count; i++)
        {
            _il.MarkLabel(_leaving[i].Label);
            if (_leaving[i].Waiting is { } waiting)
            {
                X87Emitter.EmitReplay(_il, waiting, _leaving[i].WaitingCount);
                _il.Emit(OpCodes.Pop);
            }

            _il.Emit(OpCodes.Ldc_I4, i);
            _il.Emit(OpCodes.Stloc, _exit);
            if (_leaving[i].Window is { } missed)
            {
                // The address follows from where the window begins.
                _il.Emit(OpCodes.Ldarg_0);
                _c.Offset(MethodNames.MissAddress);
                _il.Emit(OpCodes.Ldloc, missed.Offset);
                _il.Emit(OpCodes.Conv_U4);
                _il.Emit(OpCodes.Ldloc, missed.Window.Start);
                _il.Emit(OpCodes.Sub);
                _il.Emit(OpCodes.Stind_I4);
            }

            _il.Emit(OpCodes.Br, leave.For(_leaving[i].Flags));
        }

        var follow = new Joint(this);
        foreach (((uint eip, FlagState flags, int pending), Label label) in _links)
        {
            var link = (BlockLink*)HostAllocations.Take((nuint)sizeof(BlockLink), (nuint)sizeof(BlockLink));
            *link = new BlockLink { Eip = eip };
            allocations.Add((nint)link);
            _il.MarkLabel(label);
            _c.Pending = pending;
            _c.ChargePending();
            _il.Emit(OpCodes.Ldc_I8, (long)link);
            _il.Emit(OpCodes.Conv_I);
            _il.Emit(OpCodes.Stloc, _link);
            _il.Emit(OpCodes.Br, follow.For(flags));
        }

        var jump = new Joint(this);
        foreach ((Label label, FlagState flags, LocalBuilder target) in _jumps)
        {
            _il.MarkLabel(label);
            _il.Emit(OpCodes.Ldloc, target);
            _il.Emit(OpCodes.Stloc, _target);
            _il.Emit(OpCodes.Br, jump.For(flags));
        }

        if (_links.Count > 0)
        {
            follow.Emit();
            SpillRegisters();
            _il.Emit(OpCodes.Ldarg_0);
            _il.Emit(OpCodes.Ldloc, _link);
            _il.Emit(OpCodes.Call, MethodNames.FollowFar);
            Chain();
        }

        if (_jumps.Count > 0)
        {
            jump.Emit();
            SpillRegisters();
            _il.Emit(OpCodes.Ldarg_0);
            _il.Emit(OpCodes.Ldloc, _target);
            _il.Emit(OpCodes.Call, MethodNames.Jump);
            Chain();
        }

        leave.Emit();
        LoadRecord(records, &records->GiveBack, OpCodes.Ldind_I4);
        _il.Emit(OpCodes.Ldloc, _c.Budget);
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Stloc, _c.Budget);
        SpillRegisters();
        Copy(records, &records->Eip, MethodNames.Eip);
        Copy(records, &records->Reason, MethodNames.Exit);
        _il.Emit(OpCodes.Ldarg_0);
        _c.Offset(MethodNames.MissRecord);
        LoadRecord(records, &records->Window, OpCodes.Ldind_I8);
        _il.Emit(OpCodes.Stind_I8);
        _il.MarkLabel(Left);
        _il.Emit(OpCodes.Ldc_I4_0);
        _il.Emit(OpCodes.Conv_U);
        _il.Emit(OpCodes.Ret);
    }

    /// <summary>
    /// Pops the op to go on with and ends the method with a jump to its handler; null: returns. The stack does not grow however long
    /// regions lead to regions, and each has a jump of its own for the Host to predict.
    /// </summary>
    public void Chain()
    {
        if (!_c.Optimisations.Chains)
        {
            _il.Emit(OpCodes.Ret);
            return;
        }

        _il.Emit(OpCodes.Stloc, _link);
        _il.Emit(OpCodes.Ldloc, _link);
        _il.Emit(OpCodes.Brfalse, Left);
        _il.Emit(OpCodes.Ldarg_0);
        _il.Emit(OpCodes.Ldloc, _link);
        _il.Emit(OpCodes.Ldloc, _link);
        _il.Emit(OpCodes.Ldind_I);
        _il.Emit(OpCodes.Tailcall);
        _il.EmitCalli(OpCodes.Calli, CallingConventions.Standard, typeof(nint), [typeof(nint), typeof(nint)], null);
        _il.Emit(OpCodes.Ret);
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
        _c.ReturnBudget();
    }

    /// <summary>Stores the flags as they are held now, for whoever looks first to work out.</summary>
    public void SpillFlagsDeferred()
    {
        if (_c.Flags.UsesFields && _c.Flags.Kind != FlagState.Dynamic)
        {
            // They are made of what stands where they are about to be put: from now on, of copies.
            _c.Flags = _c.SaveFlags(_c.Flags);
        }

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
    private ExitRecord* Records(List<nint> allocations)
    {
        var records = (ExitRecord*)HostAllocations.Take((nuint)(Math.Max(_leaving.Count, 1) * sizeof(ExitRecord)), 64);
        allocations.Add((nint)records);
        for (int i = 0; i < _leaving.Count; i++)
        {
            records[i] = new ExitRecord { Eip = _leaving[i].Eip, GiveBack = _leaving[i].GiveBack, Reason = (int)_leaving[i].Reason, Window = _leaving[i].Window?.Record ?? 0 };
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

    private Label Leave(uint eip, int giveBack, ExitReason reason, WindowMiss? window)
    {
        giveBack -= _c.Pending;

        // All accesses of one instruction leave the same way.
        for (int i = _leaving.Count - 1; i >= 0 && _leaving[i].Eip == eip; i--)
        {
            if (_leaving[i].GiveBack == giveBack && _leaving[i].Reason == reason && ReferenceEquals(_leaving[i].Flags, _c.Flags) && _leaving[i].Window == window
                && _leaving[i].Waiting == _c.X87.Waiting && _leaving[i].WaitingCount == _c.X87.WaitingCount)
            {
                return _leaving[i].Label;
            }
        }

        Label label = _il.DefineLabel();
        _leaving.Add((label, eip, giveBack, _c.Flags, reason, window, _c.X87.Waiting, _c.X87.WaitingCount));
        return label;
    }

    private void SetFlags(FlagState flags)
    {
        if (flags.Kind == FlagState.Unknown)
        {
            throw new InvalidOperationException($"An exit of the region at 0x{_c.Plan.Blocks[0].Eip:x} shows flags that nobody was to look at.");
        }

        _c.StoreFlags(flags);
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

        /// <summary>The use of a window that was missed, or 0 (<see cref="Core.State.GuestCpu.MissRecord"/>).</summary>
        public nint Window;
        private readonly nint _unused;
    }

    /// <summary>Where exits join: by way of a piece of code for each description of the flags.</summary>
    private sealed class Joint(ExitEmitter exits)
    {
        private readonly Dictionary<FlagState, Label> _ways = [];

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
