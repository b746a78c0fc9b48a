using Lguest.Jit.Core.Semantics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Strings;

/// <summary>CMPS: flags of [ESI] − [EDI].</summary>
internal readonly unsafe struct CompareString<TWidth> : IStringOperation
    where TWidth : struct, IWidth
{
    public static bool Compares => true;

    public static bool Step(GuestCpu* cpu, Op* op)
    {
        if (!Access.Read<TWidth>(cpu, op->Segment, StringIndex.Get(cpu, op, Reg.Esi), out uint left)
            || !Access.Read<TWidth>(cpu, Seg.Es, StringIndex.Get(cpu, op, Reg.Edi), out uint right))
        {
            return false;
        }

        SetFlags(cpu, left, right);
        StringIndex.Advance<TWidth>(cpu, op, Reg.Esi, 1);
        StringIndex.Advance<TWidth>(cpu, op, Reg.Edi, 1);
        return true;
    }

    /// <summary>The flags of CMP <paramref name="left"/>, <paramref name="right"/>.</summary>
    public static void SetFlags(GuestCpu* cpu, uint left, uint right) => FlagWriter.SetDifference<TWidth>(cpu, left, right, left - right);

    /// <remarks>Invariant: both spans lie within one page of Guest RAM each, by <see cref="StringIndex.InPage"/>.</remarks>
    public static uint Bulk(GuestCpu* cpu, Op* op, uint most)
    {
        if ((op->Traits & OpTraits.Repne) != 0 || StringIndex.Backward(cpu) || !StringIndex.Flat(cpu, op))
        {
            return 0;
        }

        uint left = cpu->Gpr[Reg.Esi];
        uint right = cpu->Gpr[Reg.Edi];
        byte* p = Tlb.Read<TWidth>(cpu, left);
        byte* q = Tlb.Read<TWidth>(cpu, right);
        if (p == null || q == null)
        {
            return 0;
        }

        uint elements = Math.Min(most, Math.Min(StringIndex.InPage<TWidth>(left, false), StringIndex.InPage<TWidth>(right, false)));
        int bytes = (int)elements * TWidth.Bytes;
        int same = new ReadOnlySpan<byte>(p, bytes).CommonPrefixLength(new ReadOnlySpan<byte>(q, bytes));
        uint equal = (uint)(same / TWidth.Bytes);
        if (equal != 0)
        {
            SetFlags(cpu, 0, 0);
            StringIndex.Advance<TWidth>(cpu, op, Reg.Esi, equal);
            StringIndex.Advance<TWidth>(cpu, op, Reg.Edi, equal);
        }

        return equal;
    }
}
