using System.Reflection.Emit;
using System.Runtime.InteropServices;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Discover;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// From the target of an indirect branch to a block of the region, without leaving it: a byte for each address between the
/// lowest and the highest candidate says which of them starts there, and the Host's own indirect branch does the rest.
/// </summary>
internal sealed unsafe class BranchTable
{
    /// <summary>Bytes of Guest code that a table may span.</summary>
    private const uint MaximumSpan = 16384;

    private readonly int[] _blocks;
    private readonly uint _lowest;
    private readonly uint _span;
    private readonly byte* _numbers;
    private LocalBuilder? _target;
    private Label _dispatch;

    private BranchTable(int[] blocks, uint lowest, uint span, byte* numbers)
    {
        _blocks = blocks;
        _lowest = lowest;
        _span = span;
        _numbers = numbers;
    }

    /// <summary>The table for these blocks, or null if there are none, or they lie too far apart.</summary>
    /// <param name="plan">The region.</param>
    /// <param name="blocks">Numbers of the candidates in the plan.</param>
    /// <param name="allocations">Takes the table's memory, to be freed with the method.</param>
    public static BranchTable? Create(RegionPlan plan, IReadOnlyCollection<int> blocks, List<nint> allocations)
    {
        if (blocks.Count == 0)
        {
            return null;
        }

        int[] candidates = [.. blocks.Order()];
        uint lowest = candidates.Min(b => plan.Blocks[b].Eip);
        uint span = candidates.Max(b => plan.Blocks[b].Eip) - lowest + 1;
        if (span > MaximumSpan)
        {
            return null;
        }

        // Number 0 is "none of them". A region has fewer blocks than a byte has values.
        var numbers = (byte*)HostAllocations.Take(span, 64);
        NativeMemory.Clear(numbers, span);
        allocations.Add((nint)numbers);
        for (int i = 0; i < candidates.Length; i++)
        {
            numbers[plan.Blocks[candidates[i]].Eip - lowest] = (byte)(i + 1);
        }

        return new BranchTable(candidates, lowest, span, numbers);
    }

    /// <summary>Emits a jump to the block that starts at <paramref name="target"/>, or out of the region.</summary>
    public void Jump(RegionContext c, LocalBuilder target)
    {
        if (_target == null)
        {
            _target = c.Il.DeclareLocal(typeof(uint));
            _dispatch = c.Il.DefineLabel();
        }

        c.Il.Emit(OpCodes.Ldloc, target);
        c.Il.Emit(OpCodes.Stloc, _target);
        c.Il.Emit(OpCodes.Br, _dispatch);
    }

    /// <summary>Emits the look-up, one for all jumps of the region: a switch for each of them would cost the compiler their product.</summary>
    public void EmitDispatch(RegionContext c, Label[] labels)
    {
        if (_target == null)
        {
            return;
        }

        ILGenerator il = c.Il;
        Label outside = il.DefineLabel();
        c.Flags = RegionContext.CanonicalFlags();
        il.MarkLabel(_dispatch);
        il.Emit(OpCodes.Ldloc, _target);
        il.Emit(OpCodes.Ldc_I4, (int)_lowest);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Stloc, c.Address);
        il.Emit(OpCodes.Ldloc, c.Address);
        il.Emit(OpCodes.Ldc_I4, (int)_span);
        il.Emit(OpCodes.Bge_Un, outside);
        il.Emit(OpCodes.Ldc_I8, (long)_numbers);
        il.Emit(OpCodes.Ldloc, c.Address);
        il.Emit(OpCodes.Conv_U8);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Conv_I);
        il.Emit(OpCodes.Ldind_U1);
        il.Emit(OpCodes.Switch, [outside, .. _blocks.Select(b => labels[b])]);
        il.MarkLabel(outside);

        // Mostly a return, where there are any.
        il.Emit(OpCodes.Br, c.Has(Reg.Esp) ? c.Exits.Return(_target, 4) : c.Exits.Jump(_target));
    }
}
