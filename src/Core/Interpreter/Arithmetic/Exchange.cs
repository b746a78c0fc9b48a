using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Semantics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Arithmetic;

/// <summary>XCHG r/m, reg.</summary>
internal readonly unsafe struct Xchg<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.LoadForUpdate<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        // Memory first: the register may be part of its address.
        uint other = Registers.Get<TWidth>(cpu, op->Source);
        if (!TPlace.Store<TWidth>(cpu, op, other))
        {
            return false;
        }

        Registers.Set<TWidth>(cpu, op->Source, value);
        return true;
    }
}

/// <summary>XADD r/m, reg: the sum to r/m, its old value to the register.</summary>
internal readonly unsafe struct Xadd<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.LoadForUpdate<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        uint addend = Registers.Get<TWidth>(cpu, op->Source);
        uint sum = value + addend;
        if (!TPlace.Store<TWidth>(cpu, op, sum))
        {
            return false;
        }

        // xadd r, r leaves the sum: SDM writes the destination last.
        if (typeof(TPlace) != typeof(RegisterPlace) || op->Source != op->Destination)
        {
            Registers.Set<TWidth>(cpu, op->Source, value);
        }

        FlagWriter.SetSum<TWidth>(cpu, value, addend, sum);
        return true;
    }
}

/// <summary>CMPXCHG r/m, reg. The operand is written in either case (SDM: "the destination operand is written back").</summary>
internal readonly unsafe struct Cmpxchg<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.LoadForUpdate<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        uint accumulator = Registers.Get<TWidth>(cpu, Reg.Eax);
        bool equal = accumulator == value;
        if (!TPlace.Store<TWidth>(cpu, op, equal ? Registers.Get<TWidth>(cpu, op->Source) : value))
        {
            return false;
        }

        if (!equal)
        {
            Registers.Set<TWidth>(cpu, Reg.Eax, value);
        }

        FlagWriter.SetDifference<TWidth>(cpu, accumulator, value, accumulator - value);
        return true;
    }
}

/// <summary>CMPXCHG8B m64: needs a writable operand in either case; only ZF changes.</summary>
internal readonly unsafe struct Cmpxchg8b<TAddress> : IInstruction
    where TAddress : struct, IAddress
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint address = TAddress.Linear(cpu, op);
        byte* low = Tlb.Write<W32>(cpu, address);
        byte* high = Tlb.Write<W32>(cpu, address + 4);
        Span<byte> bytes = stackalloc byte[8];
        bool direct = low != null && high != null;
        if (direct)
        {
            BitConverter.TryWriteBytes(bytes, W32.Load(low));
            BitConverter.TryWriteBytes(bytes[4..], W32.Load(high));
        }
        else if (!ColdAccess.ProbeWrite(cpu, address, 8) || !ColdAccess.ReadBytes(cpu, address, bytes))
        {
            return false;
        }

        ulong value = BitConverter.ToUInt64(bytes);
        ulong expected = ((ulong)cpu->Gpr[Reg.Edx] << 32) | cpu->Gpr[Reg.Eax];
        bool equal = value == expected;
        ulong stored = equal ? ((ulong)cpu->Gpr[Reg.Ecx] << 32) | cpu->Gpr[Reg.Ebx] : value;
        if (direct)
        {
            W32.Store(low, (uint)stored);
            W32.Store(high, (uint)(stored >> 32));
        }
        else
        {
            BitConverter.TryWriteBytes(bytes, stored);
            if (!ColdAccess.WriteBytes(cpu, address, bytes))
            {
                return false;
            }
        }

        if (!equal)
        {
            cpu->Gpr[Reg.Eax] = (uint)value;
            cpu->Gpr[Reg.Edx] = (uint)(value >> 32);
        }

        LazyFlags.Merge(cpu, Eflags.Zero, equal ? Eflags.Zero : 0);
        return true;
    }
}

/// <summary>BSWAP. At 16 bits SDM leaves the result open; Intel's and AMD's CPUs give 0.</summary>
internal readonly unsafe struct Bswap<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.Load<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        value = TWidth.Bytes == 4 ? System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(value) : 0;
        return TPlace.Store<TWidth>(cpu, op, value);
    }
}
