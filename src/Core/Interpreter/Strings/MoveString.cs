using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Strings;

/// <summary>MOVS.</summary>
internal readonly unsafe struct MoveString<TWidth> : IStringOperation
    where TWidth : struct, IWidth
{
    /// <summary>From this many elements on a copy is worth a call.</summary>
    private const uint WorthACall = 8;

    public static bool Compares => false;

    public static bool Step(GuestCpu* cpu, Op* op)
    {
        if (!Access.Read<TWidth>(cpu, op->Segment, StringIndex.Get(cpu, op, Reg.Esi), out uint value)
            || !Access.Write<TWidth>(cpu, Seg.Es, StringIndex.Get(cpu, op, Reg.Edi), value))
        {
            return false;
        }

        StringIndex.Advance<TWidth>(cpu, op, Reg.Esi, 1);
        StringIndex.Advance<TWidth>(cpu, op, Reg.Edi, 1);
        return true;
    }

    public static uint Bulk(GuestCpu* cpu, Op* op, uint most)
    {
        if (!StringIndex.Flat(cpu, op))
        {
            return 0;
        }

        uint from = cpu->Gpr[Reg.Esi];
        uint to = cpu->Gpr[Reg.Edi];
        byte* source = Tlb.Read<TWidth>(cpu, from);
        byte* target = Tlb.Write<TWidth>(cpu, to);
        if (source == null || target == null)
        {
            return 0;
        }

        bool backward = StringIndex.Backward(cpu);
        uint elements = Math.Min(most, Math.Min(StringIndex.InPage<TWidth>(from, backward), StringIndex.InPage<TWidth>(to, backward)));
        Copy(target, source, elements, backward);
        StringIndex.Advance<TWidth>(cpu, op, Reg.Esi, elements);
        StringIndex.Advance<TWidth>(cpu, op, Reg.Edi, elements);
        return elements;
    }

    /// <remarks>
    /// Invariant: both ranges lie within one page of Guest RAM each, by <see cref="StringIndex.InPage"/>. Host pointers are
    /// compared, so two virtual pages on one frame are seen to overlap. A target that starts within the source gets what
    /// was written a moment ago, as element-wise copying has it: that is how programs fill memory with a pattern.
    /// </remarks>
    private static void Copy(byte* target, byte* source, uint elements, bool backward)
    {
        int step = TWidth.Bytes;
        uint bytes = elements * (uint)step;
        if (backward)
        {
            for (; elements != 0; elements--)
            {
                TWidth.Store(target, TWidth.Load(source));
                target -= step;
                source -= step;
            }
        }
        else if (elements >= WorthACall && (target <= source || target >= source + bytes))
        {
            Buffer.MemoryCopy(source, target, bytes, bytes);
        }
        else
        {
            for (; elements != 0; elements--)
            {
                TWidth.Store(target, TWidth.Load(source));
                target += step;
                source += step;
            }
        }
    }
}
