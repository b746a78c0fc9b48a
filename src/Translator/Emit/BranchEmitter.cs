using System.Reflection.Emit;
using System.Runtime.InteropServices;
using Iced.Intel;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using FlowControl = Iced.Intel.FlowControl;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>The ends of blocks: branches within the region are branches of the method, all others go out through a link.</summary>
internal sealed unsafe class BranchEmitter(RegionContext c, IReadOnlyDictionary<uint, Label> labels, IReadOnlyList<uint> returnSites, List<nint> allocations)
{
    private readonly Dictionary<uint, Label> _linkStubs = [];

    /// <summary>Emits the last instruction of a block; false if it has no template and the interpreter must run it.</summary>
    public bool TryEmit(in Instruction i, Scratch scratch)
    {
        uint next = i.IP32 + (uint)i.Length;
        bool relative = i.OpCount > 0 && i.GetOpKind(0) == OpKind.NearBranch32;
        switch (i.FlowControl)
        {
            case FlowControl.UnconditionalBranch when relative:
                Go(i.NearBranch32);
                return true;
            case FlowControl.ConditionalBranch when relative && i.ConditionCode != ConditionCode.None && i.IsJccShortOrNear:
                FlagEmitter.BranchIf(c, i.ConditionCode, LabelFor(i.NearBranch32));
                Go(next);
                return true;
            case FlowControl.ConditionalBranch when relative && i.Mnemonic is Mnemonic.Loop or Mnemonic.Jecxz && !i.Code.ToString().EndsWith("_CX", StringComparison.Ordinal):
                Counted(i, next);
                return true;
            case FlowControl.Call when relative:
                c.Il.Emit(OpCodes.Ldc_I4, (int)next);
                c.Il.Emit(OpCodes.Stloc, scratch.Result);
                SimpleEmitter.PushValue(c, scratch);
                Go(i.NearBranch32);
                return true;
            case FlowControl.Return when i.Code is Code.Retnd or Code.Retnd_imm16:
                Return(i, scratch);
                return true;
            case FlowControl.IndirectBranch when OperandEmitter.Size(i, 0) == 4 && IsFlat(i):
                OperandEmitter.LoadOperand(c, i, 0, 4);
                c.Il.Emit(OpCodes.Stloc, scratch.A);
                JumpTo(scratch.A);
                return true;
            case FlowControl.IndirectCall when OperandEmitter.Size(i, 0) == 4 && IsFlat(i):
                OperandEmitter.LoadOperand(c, i, 0, 4);
                c.Il.Emit(OpCodes.Stloc, scratch.A);
                c.Il.Emit(OpCodes.Ldc_I4, (int)next);
                c.Il.Emit(OpCodes.Stloc, scratch.Result);
                SimpleEmitter.PushValue(c, scratch);
                JumpTo(scratch.A);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Goes to a block of the region, or out through a link.</summary>
    public void Go(uint eip) => c.Il.Emit(OpCodes.Br, LabelFor(eip));

    /// <summary>Emits the stubs that leave through links.</summary>
    public void EmitLinkStubs()
    {
        ILGenerator il = c.Il;
        foreach ((uint eip, Label label) in _linkStubs)
        {
            var link = (BlockLink*)NativeMemory.AlignedAlloc((nuint)sizeof(BlockLink), (nuint)sizeof(BlockLink));
            *link = new BlockLink { Eip = eip };
            allocations.Add((nint)link);
            il.MarkLabel(label);
            c.KnownKind = -1;
            c.Spill();
            il.Emit(OpCodes.Ldarg_0);
            il.Emit(OpCodes.Ldc_I8, (long)link);
            il.Emit(OpCodes.Conv_I);
            il.Emit(OpCodes.Call, MethodNames.FollowFar);
            il.Emit(OpCodes.Ret);
        }
    }

    private static bool IsFlat(in Instruction i) =>
        i.GetOpKind(0) != OpKind.Memory || i.MemorySegment is not (Register.FS or Register.GS);

    private Label LabelFor(uint eip)
    {
        if (labels.TryGetValue(eip, out Label inside) || _linkStubs.TryGetValue(eip, out inside))
        {
            return inside;
        }

        Label stub = c.Il.DefineLabel();
        _linkStubs.Add(eip, stub);
        return stub;
    }

    private void Counted(in Instruction i, uint next)
    {
        ILGenerator il = c.Il;
        LocalBuilder ecx = c.Register(Reg.Ecx);
        if (i.Mnemonic == Mnemonic.Loop)
        {
            il.Emit(OpCodes.Ldloc, ecx);
            il.Emit(OpCodes.Ldc_I4_1);
            il.Emit(OpCodes.Sub);
            il.Emit(OpCodes.Stloc, ecx);
            il.Emit(OpCodes.Ldloc, ecx);
            il.Emit(OpCodes.Brtrue, LabelFor(i.NearBranch32));
        }
        else
        {
            il.Emit(OpCodes.Ldloc, ecx);
            il.Emit(OpCodes.Brfalse, LabelFor(i.NearBranch32));
        }

        Go(next);
    }

    private void Return(in Instruction i, Scratch scratch)
    {
        ILGenerator il = c.Il;
        uint drop = 4 + (i.OpCount == 1 ? i.Immediate16 : 0u);
        SimpleEmitter.PopValue(c, drop);
        il.Emit(OpCodes.Stloc, scratch.A);
        if (c.Optimisations.ReturnSites)
        {
            foreach (uint site in returnSites)
            {
                il.Emit(OpCodes.Ldloc, scratch.A);
                il.Emit(OpCodes.Ldc_I4, (int)site);
                il.Emit(OpCodes.Beq, labels[site]);
            }
        }

        JumpTo(scratch.A);
    }

    /// <summary>Leaves to an address that is known only now.</summary>
    private void JumpTo(LocalBuilder target)
    {
        ILGenerator il = c.Il;
        c.Spill();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldloc, target);
        il.Emit(OpCodes.Call, MethodNames.Jump);
        il.Emit(OpCodes.Ret);
    }
}
