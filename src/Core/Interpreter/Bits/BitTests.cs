using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Bits;

/// <summary>What BT, BTS, BTR and BTC do to the bit they have looked at.</summary>
internal interface IBitChange
{
    static abstract bool Writes { get; }

    static abstract uint Apply(uint value, uint bit);
}

internal readonly struct BitKeep : IBitChange
{
    public static bool Writes => false;

    public static uint Apply(uint value, uint bit) => value;
}

internal readonly struct BitSet : IBitChange
{
    public static bool Writes => true;

    public static uint Apply(uint value, uint bit) => value | bit;
}

internal readonly struct BitReset : IBitChange
{
    public static bool Writes => true;

    public static uint Apply(uint value, uint bit) => value & ~bit;
}

internal readonly struct BitComplement : IBitChange
{
    public static bool Writes => true;

    public static uint Apply(uint value, uint bit) => value ^ bit;
}

/// <summary>With an immediate offset, or on a register: the offset counts modulo the operand size.</summary>
internal readonly unsafe struct BitInPlace<TWidth, TPlace, TChange> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
    where TChange : struct, IBitChange
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        bool loaded = TChange.Writes ? TPlace.LoadForUpdate<TWidth>(cpu, op, out uint value) : TPlace.Load<TWidth>(cpu, op, out value);
        if (!loaded)
        {
            return false;
        }

        uint offset = op->Info != 0 ? Registers.Get<TWidth>(cpu, op->Source) : op->Immediate;
        uint bit = 1u << (int)(offset & (uint)(TWidth.Bits - 1));
        if (TChange.Writes && !TPlace.Store<TWidth>(cpu, op, TChange.Apply(value, bit)))
        {
            return false;
        }

        LazyFlags.SetCarry(cpu, (value & bit) != 0);
        return true;
    }
}

/// <summary>
/// On memory with the offset in a register: it is signed and reaches as far as it says, in steps of the operand size
/// (SDM vol. 2, BT). The address differs from the operand's, so it is checked here.
/// </summary>
internal readonly unsafe struct BitInString<TWidth, TChange> : IInstruction
    where TWidth : struct, IWidth
    where TChange : struct, IBitChange
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        int offset = (int)TWidth.SignExtend(Registers.Get<TWidth>(cpu, op->Source));
        int step = TWidth.Bits == 32 ? offset >> 5 : offset >> 4;
        uint address = AddressGeneral.Offset(cpu, op) + (uint)(step * TWidth.Bytes);
        if ((op->Traits & OpTraits.Address16) != 0)
        {
            address &= 0xFFFF;
        }

        uint value = 0;
        bool loaded = (!TChange.Writes || Access.ProbeWrite(cpu, op->Segment, address, TWidth.Bytes))
            && Access.Read<TWidth>(cpu, op->Segment, address, out value);
        if (!loaded)
        {
            return false;
        }

        uint bit = 1u << (offset & (TWidth.Bits - 1));
        if (TChange.Writes && !Access.Write<TWidth>(cpu, op->Segment, address, TChange.Apply(value, bit)))
        {
            return false;
        }

        LazyFlags.SetCarry(cpu, (value & bit) != 0);
        return true;
    }
}

/// <summary>BSF and BSR; a source of 0 leaves the destination alone, as both vendors do.</summary>
internal readonly unsafe struct BitScan<TWidth, TPlace, TDirection> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
    where TDirection : struct, IDirection
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.Load<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        LazyFlags.Merge(cpu, Eflags.Zero, value == 0 ? Eflags.Zero : 0);
        if (value != 0)
        {
            int index = TDirection.Left ? System.Numerics.BitOperations.Log2(value) : System.Numerics.BitOperations.TrailingZeroCount(value);
            Registers.Set<TWidth>(cpu, op->Destination, (uint)index);
        }

        return true;
    }
}

/// <summary>BSWAP. The 16-bit form is undefined; CPUs clear the register's low half.</summary>
internal readonly unsafe struct ByteSwap<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint value = Registers.Get32(cpu, op->Destination);
        Registers.Set<TWidth>(cpu, op->Destination, TWidth.Bits == 32 ? System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(value) : 0);
        return true;
    }
}

/// <summary>BT BTS BTR BTC BSF BSR BSWAP.</summary>
internal static unsafe class BitTests
{
    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Bt] = static (OpWriter w, in Instruction i) => Test(w, i, typeof(BitKeep), write: false);
        table[(int)Mnemonic.Bts] = static (OpWriter w, in Instruction i) => Test(w, i, typeof(BitSet), write: true);
        table[(int)Mnemonic.Btr] = static (OpWriter w, in Instruction i) => Test(w, i, typeof(BitReset), write: true);
        table[(int)Mnemonic.Btc] = static (OpWriter w, in Instruction i) => Test(w, i, typeof(BitComplement), write: true);
        table[(int)Mnemonic.Bsf] = static (OpWriter w, in Instruction i) => w.EmitFromPlace(typeof(BitScan<,,>), typeof(RightDirection));
        table[(int)Mnemonic.Bsr] = static (OpWriter w, in Instruction i) => w.EmitFromPlace(typeof(BitScan<,,>), typeof(LeftDirection));
        table[(int)Mnemonic.Bswap] = static (OpWriter w, in Instruction i) =>
            w.Emit(HandlerBinder.Plain(typeof(ByteSwap<>).MakeGenericType(OpWriter.Width(w.OperandSize(0))))).Destination = w.OperandOffset(0);
    }

    private static void Test(OpWriter w, in Instruction i, Type change, bool write)
    {
        bool byRegister = i.GetOpKind(1) == OpKind.Register;
        if (byRegister && i.GetOpKind(0) == OpKind.Memory)
        {
            Type width = OpWriter.Width(w.OperandSize(0));
            w.Emit(HandlerBinder.Plain(typeof(BitInString<,>).MakeGenericType(width, change))).Source = w.OperandOffset(1);
            return;
        }

        ref Op op = ref w.EmitOnPlace(typeof(BitInPlace<,,>), write, change);
        op.Info = byRegister ? (ushort)1 : (ushort)0;
        op.Immediate = byRegister ? 0 : (uint)i.GetImmediate(1);
    }
}
