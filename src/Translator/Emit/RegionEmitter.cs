using System.Reflection;
using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Emit.Simd;
using Lguest.Jit.Translator.FloatingPoint;
using Lguest.Jit.Translator.Trace;
using FlowControl = Iced.Intel.FlowControl;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// A region as IL: check the assumed pages, load registers into locals, switch to the entry, then the blocks, then the
/// cold stubs. Reads as the pipeline that it is.
/// </summary>
internal sealed unsafe class RegionEmitter
{
    /// <summary>Entries that are told apart by comparing; for more there is a table, which is one line more to come from memory.</summary>
    private const int MostComparedEntries = 4;

    private readonly RegionPlan _plan;
    private readonly Optimisations _optimisations;
    private readonly List<Instruction[]> _code = [];
    private readonly RegisterUse _use = new();
    private readonly OpWriter _writer = new();
    private readonly RegionGraph _graph;
    private readonly RegionFlags _flags;
    private readonly X87Region _x87;

    public RegionEmitter(RegionPlan plan, Optimisations optimisations)
    {
        _plan = plan;
        _optimisations = optimisations;
        foreach (PlannedBlock block in plan.Blocks)
        {
            _code.Add(Decode(block));
        }

        _graph = new RegionGraph(plan, _code, optimisations);
        _flags = new RegionFlags(_code, _graph, optimisations);
        _x87 = new X87Region(_code, _graph, optimisations, static i => HasPlainMemory(i));
    }

    /// <summary>Machine code that the IL calls; to be disposed of with it. Null: there is none.</summary>
    public ExecutableMemory? Thunks => _x87.Thunks;

    /// <summary>Native memory that the code refers to; freed with it.</summary>
    public List<nint> Allocations { get; } = [];

    /// <summary>Blocks (by number in the plan) that the method can be entered at, in the order of entry numbers.</summary>
    public IReadOnlyList<int> Entries => _graph.Entries;

    /// <summary>Its links.</summary>
    public IReadOnlyList<nint> Links { get; private set; } = [];

    /// <summary>What the region looks at memory through.</summary>
    public Windows Windows { get; private set; } = new();

    /// <summary>As <see cref="CompiledRegion.AlignmentRecord"/>.</summary>
    public nint AlignmentRecord { get; private set; }

    /// <summary>Emits the whole method body.</summary>
    public void Emit(ILGenerator il)
    {
        bool merges = Enumerable.Range(0, _code.Count).Any(block => BranchEmitter.IsCandidate(_graph, _flags, _optimisations, block));
        if (!merges)
        {
            Emit(il, null);
            return;
        }

        // Once for the notes, which nobody compiles.
        var method = new DynamicMethod("notes", typeof(nint), [typeof(nint), typeof(nint)]);
        FlagMerges notes = Emit(method.GetILGenerator(4096), null);
        HostAllocations.Free(Allocations);
        Emit(il, notes);
    }

    private FlagMerges Emit(ILGenerator il, FlagMerges? notes)
    {
        ushort used = 0;
        ushort written = 0;
        foreach (Instruction instruction in _code.SelectMany(static code => code))
        {
            (ushort u, ushort w) = _use.Of(instruction);
            used |= u;
            written |= w;
        }

        _x87.AllocateRecords(Allocations);
        var c = new RegionContext(il, _plan, _optimisations, _code, used, written, _x87, Allocations) { CarryNormal = _flags.KeepsEntryFlags(), Reserve = _graph.LongestTail };
        Windows = c.Windows;
        Links = c.Exits.Links;
        ChooseWindows(c);
        Label[] labels = [.. _code.Select(_ => il.DefineLabel())];

        // Where blocks that are safepoints are entered with the flags in the CPU struct.
        Label[] doors = [.. labels.Select((label, block) => _graph.IsSafepoint(block) ? il.DefineLabel() : label)];
        BranchTable? table = BranchTable.Create(_plan, _graph.Tabled, Allocations);
        var taken = new FlagMerges(c);
        var branches = new BranchEmitter(c, _graph, _flags, labels, doors, table) { Notes = notes == null ? taken : null };
        if (notes != null)
        {
            branches.Merge(notes);
        }

        EmitPrologue(c, doors);
        foreach (int block in _graph.Order)
        {
            EmitBlock(c, block, labels, branches);
        }

        c.Pending = 0;
        table?.EmitDispatch(c, doors);
        c.X87.EmitColdPaths();
        c.Simd.Arithmetic.EmitColdPaths();
        c.X87.Loops.EmitReturns(branches);
        IlRecorder.Note(il, "ways out");
        c.Exits.EmitStubs();
        IlRecorder.NameLocals(il, c, c.Exits, c.Windows.All);
        AlignmentRecord = c.AlignmentRecord;
        return taken;
    }

    private static Instruction[] Decode(PlannedBlock block)
    {
        var decoder = Decoder.Create(32, new ByteArrayCodeReader(block.Code), DecoderOptions.NoMPFX_0FBC | DecoderOptions.NoMPFX_0FBD);
        decoder.IP = block.Eip;
        var code = new Instruction[block.Count];
        for (int i = 0; i < code.Length; i++)
        {
            decoder.Decode(out code[i]);
        }

        return code;
    }

    private void ChooseWindows(RegionContext c)
    {
        if (!_optimisations.Windows)
        {
            return;
        }

        for (int block = 0; block < _code.Count; block++)
        {
            foreach (Instruction instruction in _code[block])
            {
                if (_graph.IsInLoop(block) && HasPlainMemory(instruction))
                {
                    c.Windows.Add(instruction);
                }
            }
        }

        c.Windows.Choose(c.Il, _plan.Windows, Allocations);
    }

    private void EmitPrologue(RegionContext c, Label[] doors)
    {
        ILGenerator il = c.Il;
        IlRecorder.Note(il, "prologue");
        PrepareFlags(c);
        if (_plan.Pages.Count > 1)
        {
            CheckPages(c);
        }

        for (int r = 0; r < 8; r++)
        {
            if (c.Has(r))
            {
                c.LoadRegisterFromMemory(r);
            }
        }

        c.Simd.LoadAll();
        c.LoadBudget();

        // Should the slice end in here, this tells whether we have been here for long.
        c.Store(MethodNames.LoopMark, c.Budget);
        c.Load(MethodNames.ReadTable, OpCodes.Ldind_I8, c.ReadTable);
        c.Windows.EmitPrologue(c);

        if (Entries.Count > 1)
        {
            Dispatch(c, [.. Entries.Select(e => doors[e])]);
        }

        il.Emit(OpCodes.Br, doors[0]);
    }

    /// <summary>Goes to the door of the entry. Whoever came along a link has brought its number along, and for others the head has it.</summary>
    private static void Dispatch(RegionContext c, Label[] doors)
    {
        ILGenerator il = c.Il;
        LocalBuilder entry = il.DeclareLocal(typeof(int));
        Label known = il.DefineLabel();
        if (c.Optimisations.Chains)
        {
            il.Emit(OpCodes.Ldarg_1);
            il.Emit(OpCodes.Conv_I4);
            il.Emit(OpCodes.Ldc_I4, RegionLinks.EntryMask);
            il.Emit(OpCodes.And);
            il.Emit(OpCodes.Ldc_I4_1);
            il.Emit(OpCodes.Sub);
            il.Emit(OpCodes.Stloc, entry);
            il.Emit(OpCodes.Ldloc, entry);
            il.Emit(OpCodes.Ldc_I4_0);
            il.Emit(OpCodes.Bge, known);
        }

        c.Onward.PushHead();
        c.Offset(MethodNames.EntryNumber);
        il.Emit(OpCodes.Ldind_U1);
        il.Emit(OpCodes.Stloc, entry);
        il.MarkLabel(known);
        if (doors.Length > MostComparedEntries)
        {
            il.Emit(OpCodes.Ldloc, entry);
            il.Emit(OpCodes.Switch, doors);
            return;
        }

        for (int i = 1; i < doors.Length; i++)
        {
            il.Emit(OpCodes.Ldloc, entry);
            il.Emit(OpCodes.Ldc_I4, i);
            il.Emit(OpCodes.Beq, doors[i]);
        }
    }

    /// <summary>Each page of code is mapped as it was, or the block is interpreted.</summary>
    private void CheckPages(RegionContext c)
    {
        ILGenerator il = c.Il;
        Label? interpret = null;
        foreach (IGrouping<ulong, AssumedPage> alike in _plan.Pages.GroupBy(static page => page.Entry))
        {
            // A kernel's pages lie in one piece of the Host's memory, so they have one entry: kept in a local, since each time it is a constant it takes ten bytes.
            var cell = (ulong*)HostAllocations.Take(sizeof(ulong), sizeof(ulong));
            Allocations.Add((nint)cell);
            *cell = alike.Key;
            LocalBuilder expected = il.DeclareLocal(typeof(ulong));
            il.Emit(OpCodes.Ldc_I8, (long)cell);
            il.Emit(OpCodes.Conv_I);
            il.Emit(OpCodes.Ldind_I8);
            il.Emit(OpCodes.Stloc, expected);
            foreach (AssumedPage page in alike)
            {
                il.Emit(OpCodes.Ldarg_0);
                c.Offset(MethodNames.ReadTable);
                il.Emit(OpCodes.Ldind_I);
                il.Emit(OpCodes.Ldc_I4, (int)(page.Page * 8));
                il.Emit(OpCodes.Add);
                il.Emit(OpCodes.Ldind_I8);
                il.Emit(OpCodes.Ldloc, expected);
                if (interpret is { } label)
                {
                    il.Emit(OpCodes.Bne_Un, label);
                }
                else
                {
                    interpret = TurnAwayUnless(c, OpCodes.Beq, MethodNames.Interpret);
                }
            }
        }
    }

    /// <summary>
    /// The flags as the last region left them, or as the interpreter did: then they become of kind Raw, as no code here knows
    /// flags that stand in memory. That is rare, and the region is entered once more; that they do not have CF where a region wants it is not.
    /// </summary>
    private static void PrepareFlags(RegionContext c)
    {
        ILGenerator il = c.Il;
        FlagExpression.Field(MethodNames.FlagsKind).Emit(c);
        if (c.CarryNormal)
        {
            Label ready = il.DefineLabel();
            il.Emit(OpCodes.Ldc_I4, FlagKind.FirstCarryNormal);
            il.Emit(OpCodes.Sub);
            il.Emit(OpCodes.Ldc_I4, FlagKind.LastCarryNormal - FlagKind.FirstCarryNormal);
            il.Emit(OpCodes.Ble_Un, ready);
            il.Emit(OpCodes.Ldarg_0);
            il.Emit(OpCodes.Call, MethodNames.Normalise);
            il.MarkLabel(ready);
        }
        else
        {
            TurnAwayUnless(c, OpCodes.Brtrue, c.Optimisations.Chains ? MethodNames.Reenter : MethodNames.ReturnToReenter);
        }
    }

    /// <summary>Goes on if the comparison holds, else ends the method with what a handler of block heads says. For the prologue: nothing has been taken over yet.</summary>
    /// <returns>Where the method ends.</returns>
    private static Label TurnAwayUnless(RegionContext c, OpCode holds, MethodInfo handler)
    {
        Label away = c.Il.DefineLabel();
        c.Onward.AnswerUnless(holds, handler, null, away);
        return away;
    }

    private void EmitBlock(RegionContext c, int number, Label[] labels, BranchEmitter branches)
    {
        ILGenerator il = c.Il;
        Instruction[] code = _code[number];
        IlRecorder.Block(il, number);
        if (_graph.IsSafepoint(number))
        {
            branches.EmitDoor(number);
        }

        il.MarkLabel(labels[number]);
        c.Flags = branches.FlagsAtStart(number);
        branches.Block = number;
        c.BeginBlock(number, code);
        c.X87.BeginBlock(number);
        c.UseWindows = _graph.IsInLoop(number);

        // A safepoint's block is paid for by whoever goes there.
        c.Pending = _graph.IsSafepoint(number) ? 0 : branches.PendingAtStart(number) + code.Length;
        if (!_optimisations.PendingBudget)
        {
            c.ChargePending();
        }

        c.X87.Loops.TryEnter(number);
        bool[] wanted = _flags.Wanted(number);
        for (int i = 0; i < code.Length; i++)
        {
            ref readonly Instruction instruction = ref code[i];
            c.CurrentEip = instruction.IP32;
            c.Remaining = code.Length - i;
            c.Spans.BeginInstruction(i);
            c.KeepFlags = wanted[i];
            bool plain = HasPlainMemory(instruction);
            if (i == code.Length - 1 && instruction.FlowControl != FlowControl.Next)
            {
                c.X87.Settled();
                if (!(plain && branches.TryEmit(instruction)) && !TrapEmitter.TryEmit(c, instruction, _writer, Allocations))
                {
                    c.Exits.Leave();
                }

                return;
            }

            if (!c.X87.TryEmit(i, instruction, plain) && !(plain && TryTemplate(c, instruction, wanted[i]))
                && !CallHandler(c, instruction))
            {
                // Ends its block in the interpreter's eyes (a mode change, an undefined opcode): that one runs it.
                c.Exits.Leave();
                return;
            }

            if (!wanted[i])
            {
                c.Flags = FlagState.Dead;
            }

            c.BoundFlags();
        }

        c.X87.Settled();
        branches.Go(code[^1].NextIP32);
    }

    private bool CallHandler(RegionContext c, in Instruction instruction)
    {
        c.X87.Settled();
        c.X87.Forget();
        return Fallback.TryEmit(c, instruction, _writer, Allocations, _use.Of(instruction).Written);
    }

    private static bool TryTemplate(RegionContext c, in Instruction i, bool flagsLive) =>
        AluEmitter.TryEmit(c, i, flagsLive) || MoveEmitter.TryEmit(c, i) || StackEmitter.TryEmit(c, i)
        || SegmentEmitter.TryEmit(c, i) || ShiftEmitter.TryEmit(c, i, flagsLive) || BitEmitter.TryEmit(c, i, flagsLive) || BitTestEmitter.TryEmit(c, i, flagsLive) || ExchangeEmitter.TryEmit(c, i, flagsLive) || MultiplyEmitter.TryEmit(c, i, flagsLive)
        || SimdEmitter.TryEmit(c, i);

    /// <summary>No memory operand, or a flat one with a 32-bit address.</summary>
    public static bool HasPlainMemory(in Instruction i)
    {
        for (int k = 0; k < i.OpCount; k++)
        {
            if (i.GetOpKind(k) != OpKind.Memory)
            {
                continue;
            }

            bool wide = i.MemoryBase.GetSize() != 2 && i.MemoryIndex.GetSize() != 2
                && !(i.MemoryBase == Register.None && i.MemoryIndex == Register.None && i.MemoryDisplSize == 2);
            if (!wide || (i.Mnemonic != Mnemonic.Lea && i.MemorySegment is Register.FS or Register.GS or Register.CS))
            {
                return false;
            }
        }

        return true;
    }
}
