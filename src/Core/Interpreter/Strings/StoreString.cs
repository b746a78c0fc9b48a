using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Strings;

/// <summary>STOS.</summary>
internal readonly unsafe struct StoreString<TWidth> : IStringOperation
    where TWidth : struct, IWidth
{
    public static bool Compares => false;

    public static bool Step(GuestCpu* cpu, Op* op)
    {
        if (!Access.Write<TWidth>(cpu, Seg.Es, StringIndex.Get(cpu, op, Reg.Edi), cpu->Gpr[Reg.Eax] & TWidth.Mask))
        {
            return false;
        }

        StringIndex.Advance<TWidth>(cpu, op, Reg.Edi, 1);
        return true;
    }

    public static uint Bulk(GuestCpu* cpu, Op* op, uint most)
    {
        if (!StringIndex.Flat(cpu, op))
        {
            return 0;
        }

        uint to = cpu->Gpr[Reg.Edi];
        byte* target = Tlb.Write<TWidth>(cpu, to);
        if (target == null)
        {
            return 0;
        }

        bool backward = StringIndex.Backward(cpu);
        uint elements = Math.Min(most, StringIndex.InPage<TWidth>(to, backward));
        byte* lowest = backward ? target - (elements - 1) * (uint)TWidth.Bytes : target;
        Fill(lowest, (int)elements, cpu->Gpr[Reg.Eax]);
        StringIndex.Advance<TWidth>(cpu, op, Reg.Edi, elements);
        return elements;
    }

    /// <remarks>Invariant: the range lies within one page of Guest RAM, by <see cref="StringIndex.InPage"/>.</remarks>
    private static void Fill(byte* target, int elements, uint value)
    {
        switch (TWidth.Bytes)
        {
            case 1:
                new Span<byte>(target, elements).Fill((byte)value);
                break;
            case 2:
                new Span<ushort>(target, elements).Fill((ushort)value);
                break;
            default:
                new Span<uint>(target, elements).Fill(value);
                break;
        }
    }
}
