using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Trace;
using FlowControl = Iced.Intel.FlowControl;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// A region as IL: check the assumed pages, load registers into locals, switch to the entry, then the blocks, then the
/// cold stubs. Reads as the pipeline that it is.
/// </summary>
internal sealed class RegionEmitter
{
    /// <summary>Return sites compared before the jump cache is asked.</summary>
    private const int MaximumReturnSites = 6;

    private readonly RegionPlan _plan;
    private readonly Optimisations _optimisations;
    private readonly List<Instruction[]> _code = [];
    private readonly HashSet<int> _safepoints = [0];
    private readonly RegisterUse _use = new();
    private readonly OpWriter _writer = new();

    public RegionEmitter(RegionPlan plan, Optimisations optimisations)
    {
        _plan = plan;
        _optimisations = optimisations;
        foreach (PlannedBlock block in plan.Blocks)
        {
            _code.Add(Decode(block));
        }
    }

    /// <summary>Native memory that the code refers to; freed with it.</summary>
    public List<nint> Allocations { get; } = [];

    /// <summary>Blocks (by number in the plan) that the method can be entered at, in the order of entry numbers.</summary>
    public List<int> Entries { get; } = [];

    /// <summary>Emits the whole method body.</summary>
    public void Emit(ILGenerator il)
    {
        ushort used = 0;
        ushort written = 0;
        foreach (Instruction instruction in _code.SelectMany(static code => code))
        {
            (ushort u, ushort w) = _use.Of(instruction);
            used |= u;
            written |= w;
        }

        var c = new RegionContext(il, _plan, _optimisations, used, written);
        var scratch = new Scratch(il.DeclareLocal(typeof(uint)), il.DeclareLocal(typeof(uint)), il.DeclareLocal(typeof(uint)));
        IlRecorder.NameLocals(il, scratch);
        var labels = new Dictionary<uint, Label>();
        foreach (PlannedBlock block in _plan.Blocks)
        {
            labels[block.Eip] = il.DefineLabel();
        }

        List<uint> returnSites = ReturnSites(labels);
        FindEntries(returnSites);
        EmitPrologue(c, labels);
        var branches = new BranchEmitter(c, labels, returnSites, Allocations);
        var refusals = new List<(Label Label, PlannedBlock Block)>();
        for (int i = 0; i < _plan.Blocks.Count; i++)
        {
            EmitBlock(c, i, labels, branches, refusals, scratch);
        }

        EmitCold(c, branches, refusals);
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

    /// <summary>
    /// Entries: the seed, and every block that a branch of the region leads back to. Safepoints: all that anything leads
    /// back to, be it a call, a return or the way past an untaken branch; so there is one in every circle.
    /// </summary>
    private void FindEntries(List<uint> returnSites)
    {
        var number = new Dictionary<uint, int>();
        for (int i = 0; i < _plan.Blocks.Count; i++)
        {
            number[_plan.Blocks[i].Eip] = i;
        }

        Entries.Add(0);
        for (int i = 0; i < _code.Count; i++)
        {
            ref readonly Instruction last = ref _code[i][^1];
            if (number.TryGetValue(last.IP32 + (uint)last.Length, out int next) && next <= i)
            {
                _safepoints.Add(next);
            }

            bool relative = last.OpCount > 0 && last.GetOpKind(0) == OpKind.NearBranch32;
            if (relative && number.TryGetValue(last.NearBranch32, out int target) && target <= i)
            {
                _safepoints.Add(target);
                if (last.FlowControl != FlowControl.Call && !Entries.Contains(target))
                {
                    Entries.Add(target);
                }
            }
        }

        // Any return may lead to any of them.
        _safepoints.UnionWith(returnSites.Select(site => number[site]));
    }

    private List<uint> ReturnSites(Dictionary<uint, Label> labels)
    {
        var sites = new List<uint>();
        foreach (Instruction[] code in _code)
        {
            Instruction last = code[^1];
            uint next = last.IP32 + (uint)last.Length;
            if (last.FlowControl is FlowControl.Call or FlowControl.IndirectCall && labels.ContainsKey(next) && sites.Count < MaximumReturnSites)
            {
                sites.Add(next);
            }
        }

        return sites;
    }

    private void EmitPrologue(RegionContext c, Dictionary<uint, Label> labels)
    {
        ILGenerator il = c.Il;
        IlRecorder.Note(il, "prologue");
        Label interpret = il.DefineLabel();
        Label begin = il.DefineLabel();
        if (_plan.Pages.Count > 1)
        {
            foreach (AssumedPage page in _plan.Pages)
            {
                il.Emit(OpCodes.Ldarg_0);
                c.Offset(MethodNames.ReadTable);
                il.Emit(OpCodes.Ldind_I);
                il.Emit(OpCodes.Ldc_I4, (int)(page.Page * 8));
                il.Emit(OpCodes.Add);
                il.Emit(OpCodes.Ldind_I8);
                il.Emit(OpCodes.Ldc_I8, (long)page.Entry);
                il.Emit(OpCodes.Bne_Un, interpret);
            }
        }

        il.Emit(OpCodes.Br, begin);
        il.MarkLabel(interpret);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Call, MethodNames.Interpret);
        il.Emit(OpCodes.Ret);

        il.MarkLabel(begin);
        for (int r = 0; r < 8; r++)
        {
            if (c.Has(r))
            {
                c.LoadRegisterFromMemory(r);
            }
        }

        Load(c, MethodNames.BudgetLeft, OpCodes.Ldind_I8, c.Budget);
        Load(c, MethodNames.ReadTable, OpCodes.Ldind_I8, c.ReadTable);
        Load(c, MethodNames.WriteTable, OpCodes.Ldind_I8, c.WriteTable);
        Load(c, MethodNames.FlagsKind, OpCodes.Ldind_I4, c.Kind);
        Load(c, MethodNames.FlagsA, OpCodes.Ldind_U4, c.FlagA);
        Load(c, MethodNames.FlagsB, OpCodes.Ldind_U4, c.FlagB);
        if (Entries.Count > 1)
        {
            il.Emit(OpCodes.Ldarg_1);
            c.Offset(MethodNames.EntryNumber);
            il.Emit(OpCodes.Ldind_U4);
            il.Emit(OpCodes.Switch, [.. Entries.Select(e => labels[_plan.Blocks[e].Eip])]);
        }

        il.Emit(OpCodes.Br, labels[_plan.Blocks[0].Eip]);
    }

    private static void Load(RegionContext c, int offset, OpCode load, LocalBuilder local)
    {
        c.Il.Emit(OpCodes.Ldarg_0);
        c.Offset(offset);
        c.Il.Emit(load);
        c.Il.Emit(OpCodes.Stloc, local);
    }

    private void EmitBlock(
        RegionContext c, int number, Dictionary<uint, Label> labels, BranchEmitter branches, List<(Label Label, PlannedBlock Block)> refusals, Scratch scratch)
    {
        ILGenerator il = c.Il;
        PlannedBlock block = _plan.Blocks[number];
        IlRecorder.Block(il, number);
        Instruction[] code = _code[number];
        il.MarkLabel(labels[block.Eip]);
        c.KnownKind = -1;

        // Safepoint and budget, as the interpreter's block head has them.
        Label refuse = il.DefineLabel();
        refusals.Add((refuse, block));
        if (_safepoints.Contains(number))
        {
            il.Emit(OpCodes.Ldarg_0);
            c.Offset(MethodNames.Attention);
            il.Emit(OpCodes.Volatile);
            il.Emit(OpCodes.Ldind_I4);
            il.Emit(OpCodes.Brtrue, refuse);
        }

        il.Emit(OpCodes.Ldloc, c.Budget);
        il.Emit(OpCodes.Ldc_I4, block.Count);
        il.Emit(OpCodes.Conv_I8);
        il.Emit(OpCodes.Blt, refuse);
        il.Emit(OpCodes.Ldloc, c.Budget);
        il.Emit(OpCodes.Ldc_I4, block.Count);
        il.Emit(OpCodes.Conv_I8);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Stloc, c.Budget);

        bool[] wants = FlagWants.Analyse(code, _optimisations);
        for (int i = 0; i < code.Length; i++)
        {
            ref readonly Instruction instruction = ref code[i];
            c.CurrentEip = instruction.IP32;
            c.Remaining = block.Count - i;
            bool last = i == code.Length - 1;
            if (last && instruction.FlowControl != FlowControl.Next)
            {
                if (!HasPlainMemory(instruction) || !branches.TryEmit(instruction, scratch))
                {
                    il.Emit(OpCodes.Br, c.MissLabel());
                }

                return;
            }

            bool plain = HasPlainMemory(instruction);
            if ((plain && (AluEmitter.TryEmit(c, instruction, wants[i], scratch) || SimpleEmitter.TryEmit(c, instruction, wants[i], scratch)))
                || Fallback.TryEmit(c, instruction, _writer, Allocations, _use.Of(instruction).Written))
            {
                continue;
            }

            // Ends its block in the interpreter's eyes (a mode change, an undefined opcode): that one runs it.
            il.Emit(OpCodes.Br, c.MissLabel());
            return;
        }

        branches.Go(code[^1].IP32 + (uint)code[^1].Length);
    }

    /// <summary>No memory operand, or a flat one with a 32-bit address.</summary>
    private static bool HasPlainMemory(in Instruction i)
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

    private static void EmitCold(RegionContext c, BranchEmitter branches, List<(Label Label, PlannedBlock Block)> refusals)
    {
        ILGenerator il = c.Il;
        IlRecorder.Note(il, "links");
        branches.EmitLinkStubs();
        IlRecorder.Note(il, "ways out");
        foreach ((Label label, PlannedBlock block) in refusals)
        {
            il.MarkLabel(label);
            il.Emit(OpCodes.Ldc_I4, (int)block.Eip);
            il.Emit(OpCodes.Stloc, c.ExitEip);
            il.Emit(OpCodes.Br, c.Refuse);
        }

        c.EmitMissStubs();
        Label leave = il.DefineLabel();
        c.KnownKind = -1;

        il.MarkLabel(c.Miss);
        il.Emit(OpCodes.Ldloc, c.Budget);
        il.Emit(OpCodes.Ldloc, c.GiveBack);
        il.Emit(OpCodes.Conv_I8);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Stloc, c.Budget);
        c.SetExit(ExitReason.Miss);
        il.Emit(OpCodes.Br, leave);

        il.MarkLabel(c.Refuse);
        c.SetExit(ExitReason.Budget);

        il.MarkLabel(leave);
        c.Spill();
        c.SetEip(c.ExitEip);

        il.MarkLabel(c.Left);
        il.Emit(OpCodes.Ldc_I4_0);
        il.Emit(OpCodes.Conv_U);
        il.Emit(OpCodes.Ret);
    }
}
