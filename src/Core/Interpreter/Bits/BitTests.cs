using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Bits;

/// <summary>BT, BTS, BTR or BTC as a type: what becomes of the operand.</summary>
internal interface IBitChange
{
    static abstract bool Writes { get; }

    static abstract uint Apply(uint value, uint mask);
}

internal readonly struct TestBit : IBitChange
{
    public static bool Writes => false;

    public static uint Apply(uint value, uint mask) => value;
}

internal readonly struct SetBit : IBitChange
{
    public static bool Writes => true;

    public static uint Apply(uint value, uint mask) => value | mask;
}

internal readonly struct ResetBit : IBitChange
{
    public static bool Writes => true;

    public static uint Apply(uint value, uint mask) => value & ~mask;
}

internal readonly struct ComplementBit : IBitChange
{
    public static bool Writes => true;

    public static uint Apply(uint value, uint mask) => value ^ mask;
}

/// <summary>A bit of r/m by constant; the number is taken modulo the width.</summary>
internal readonly unsafe struct BitByImmediate<TChange, TWidth, TPlace> : IInstruction
    where TChange : struct, IBitChange
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        int bit = (int)(op->Immediate & (uint)(TWidth.Bits - 1));
        if (!(TChange.Writes ? TPlace.LoadForUpdate<TWidth>(cpu, op, out uint value) : TPlace.Load<TWidth>(cpu, op, out value)))
        {
            return false;
        }

        if (TChange.Writes && !TPlace.Store<TWidth>(cpu, op, TChange.Apply(value, 1u << bit)))
        {
            return false;
        }

        // CF alone: Zen keeps the flags that SDM leaves open.
        LazyFlags.SetCarry(cpu, ((value >> bit) & 1) != 0);
        return true;
    }
}

/// <summary>A bit of a register by register; the number is taken modulo the width.</summary>
internal readonly unsafe struct BitOfRegister<TChange, TWidth, TPlace> : IInstruction
    where TChange : struct, IBitChange
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        int bit = (int)(Registers.Get<TWidth>(cpu, op->Source) & (uint)(TWidth.Bits - 1));
        if (!(TChange.Writes ? TPlace.LoadForUpdate<TWidth>(cpu, op, out uint value) : TPlace.Load<TWidth>(cpu, op, out value)))
        {
            return false;
        }

        if (TChange.Writes && !TPlace.Store<TWidth>(cpu, op, TChange.Apply(value, 1u << bit)))
        {
            return false;
        }

        // CF alone: Zen keeps the flags that SDM leaves open.
        LazyFlags.SetCarry(cpu, ((value >> bit) & 1) != 0);
        return true;
    }
}

/// <summary>A bit of a bit string in memory: the register is a signed offset that reaches far beyond the operand (SDM vol. 2, table 3-2).</summary>
internal readonly unsafe struct BitOfMemory<TChange, TWidth> : IInstruction
    where TChange : struct, IBitChange
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        int index = (int)TWidth.SignExtend(Registers.Get<TWidth>(cpu, op->Source));
        int bit = index & (TWidth.Bits - 1);
        uint offset = AddressGeneral.Offset(cpu, op) + (uint)((index - bit) >> 3);
        if ((op->Traits & OpTraits.Address16) != 0)
        {
            offset &= 0xFFFF;
        }

        if (!Access.Linear(cpu, op->Segment, offset, (uint)TWidth.Bytes, TChange.Writes, out uint address))
        {
            return false;
        }

        byte* p = TChange.Writes ? Tlb.Write<TWidth>(cpu, address) : Tlb.Read<TWidth>(cpu, address);
        uint value;
        if (p != null)
        {
            value = TWidth.Load(p);
            if (TChange.Writes)
            {
                TWidth.Store(p, TChange.Apply(value, 1u << bit));
            }
        }
        else if ((TChange.Writes && !ColdAccess.ProbeWrite(cpu, address, TWidth.Bytes))
            || !ColdAccess.Read(cpu, address, TWidth.Bytes, out value)
            || (TChange.Writes && !ColdAccess.Write(cpu, address, TWidth.Bytes, TChange.Apply(value, 1u << bit))))
        {
            return false;
        }

        LazyFlags.SetCarry(cpu, ((value >> bit) & 1) != 0);
        return true;
    }
}
