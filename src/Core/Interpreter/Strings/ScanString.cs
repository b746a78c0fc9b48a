using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Strings;

/// <summary>SCAS: flags of the accumulator − [EDI].</summary>
internal readonly unsafe struct ScanString<TWidth> : IStringOperation
    where TWidth : struct, IWidth
{
    public static bool Compares => true;

    public static bool Step(GuestCpu* cpu, Op* op)
    {
        if (!Access.Read<TWidth>(cpu, Seg.Es, StringIndex.Get(cpu, op, Reg.Edi), out uint value))
        {
            return false;
        }

        CompareString<TWidth>.SetFlags(cpu, cpu->Gpr[Reg.Eax] & TWidth.Mask, value);
        StringIndex.Advance<TWidth>(cpu, op, Reg.Edi, 1);
        return true;
    }

    /// <remarks>Invariant: the span lies within one page of Guest RAM, by <see cref="StringIndex.InPage"/>.</remarks>
    public static uint Bulk(GuestCpu* cpu, Op* op, uint most)
    {
        if (StringIndex.Backward(cpu) || !StringIndex.Flat(cpu, op))
        {
            return 0;
        }

        uint address = cpu->Gpr[Reg.Edi];
        byte* p = Tlb.Read<TWidth>(cpu, address);
        if (p == null)
        {
            return 0;
        }

        int elements = (int)Math.Min(most, StringIndex.InPage<TWidth>(address, false));
        uint accumulator = cpu->Gpr[Reg.Eax] & TWidth.Mask;
        int found = Find(p, elements, accumulator, different: (op->Traits & OpTraits.Rep) != 0);

        // The element that ends the search is left to Step.
        uint passed = (uint)(found < 0 ? elements : found);
        if (passed != 0)
        {
            CompareString<TWidth>.SetFlags(cpu, accumulator, TWidth.Load(p + (passed - 1) * (uint)TWidth.Bytes));
            StringIndex.Advance<TWidth>(cpu, op, Reg.Edi, passed);
        }

        return passed;
    }

    private static int Find(byte* p, int elements, uint value, bool different)
    {
        switch (TWidth.Bytes)
        {
            case 1:
                var bytes = new ReadOnlySpan<byte>(p, elements);
                return different ? bytes.IndexOfAnyExcept((byte)value) : bytes.IndexOf((byte)value);
            case 2:
                var words = new ReadOnlySpan<ushort>(p, elements);
                return different ? words.IndexOfAnyExcept((ushort)value) : words.IndexOf((ushort)value);
            default:
                var doublewords = new ReadOnlySpan<uint>(p, elements);
                return different ? doublewords.IndexOfAnyExcept(value) : doublewords.IndexOf(value);
        }
    }
}
