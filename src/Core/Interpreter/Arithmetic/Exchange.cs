using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter.Alu;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Arithmetic;

/// <summary>XCHG r/m, r. With one CPU the implied LOCK has nothing to do.</summary>
internal readonly unsafe struct Exchange<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint mine = Registers.Get<TWidth>(cpu, op->Source);
        if (!TPlace.LoadForUpdate<TWidth>(cpu, op, out uint theirs) || !TPlace.Store<TWidth>(cpu, op, mine))
        {
            return false;
        }

        Registers.Set<TWidth>(cpu, op->Source, theirs);
        return true;
    }
}

/// <summary>XADD r/m, r. The register is written first: XADD of a register with itself leaves the sum.</summary>
internal readonly unsafe struct ExchangeAdd<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint mine = Registers.Get<TWidth>(cpu, op->Source);
        if (!TPlace.LoadForUpdate<TWidth>(cpu, op, out uint theirs))
        {
            return false;
        }

        uint sum = Add.Compute<TWidth, FlagsLive>(cpu, theirs, mine);
        Registers.Set<TWidth>(cpu, op->Source, theirs);
        return TPlace.Store<TWidth>(cpu, op, sum & TWidth.Mask);
    }
}

/// <summary>CMPXCHG r/m, r. Memory is written in either case (SDM vol. 2), so it must be writable in either case.</summary>
internal readonly unsafe struct CompareExchange<TWidth, TPlace> : IInstruction
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.LoadForUpdate<TWidth>(cpu, op, out uint theirs))
        {
            return false;
        }

        uint accumulator = cpu->Gpr[Reg.Eax] & TWidth.Mask;
        Cmp.Compute<TWidth, FlagsLive>(cpu, accumulator, theirs);
        if (accumulator == theirs)
        {
            return TPlace.Store<TWidth>(cpu, op, Registers.Get<TWidth>(cpu, op->Source));
        }

        Registers.Set<TWidth>(cpu, Reg.Eax * 4, theirs);
        return true;
    }
}

/// <summary>CMPXCHG8B m64.</summary>
internal readonly unsafe struct CompareExchange8<TAddress> : IInstruction
    where TAddress : struct, IAddress
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint address = TAddress.Linear(cpu, op);
        Span<byte> bytes = stackalloc byte[8];
        if (!ColdAccess.ProbeWrite(cpu, address, 8) || !ColdAccess.ReadBytes(cpu, address, bytes))
        {
            return false;
        }

        ulong theirs = System.Runtime.InteropServices.MemoryMarshal.Read<ulong>(bytes);
        ulong expected = Accumulator.GetDouble<W32>(cpu);
        bool equal = theirs == expected;
        if (equal)
        {
            ulong wanted = cpu->Gpr[Reg.Ebx] | ((ulong)cpu->Gpr[Reg.Ecx] << 32);
            System.Runtime.InteropServices.MemoryMarshal.Write(bytes, wanted);
            if (!ColdAccess.WriteBytes(cpu, address, bytes))
            {
                return false;
            }
        }
        else
        {
            Accumulator.SetDouble<W32>(cpu, theirs);
        }

        LazyFlags.Merge(cpu, Eflags.Zero, equal ? Eflags.Zero : 0);
        return true;
    }
}

/// <summary>XLAT: AL = [EBX + AL], with BX under the address-size prefix.</summary>
internal readonly unsafe struct Translate : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint offset = cpu->Gpr[Reg.Ebx] + (cpu->Gpr[Reg.Eax] & 0xFF);
        if ((op->Traits & OpTraits.Address16) != 0)
        {
            offset &= 0xFFFF;
        }

        if (!Access.Read<W8>(cpu, op->Segment, offset, out uint value))
        {
            return false;
        }

        Registers.Set<W8>(cpu, Reg.Eax * 4, value);
        return true;
    }
}

/// <summary>BOUND r, m: #BR unless lower ≤ r ≤ upper, signed.</summary>
internal readonly unsafe struct Bound<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint offset = AddressGeneral.Offset(cpu, op);
        if (!Access.Read<TWidth>(cpu, op->Segment, offset, out uint lower)
            || !Access.Read<TWidth>(cpu, op->Segment, offset + (uint)TWidth.Bytes, out uint upper))
        {
            return false;
        }

        int index = (int)TWidth.SignExtend(Registers.Get<TWidth>(cpu, op->Destination));
        return (index >= (int)TWidth.SignExtend(lower) && index <= (int)TWidth.SignExtend(upper)) || Fault.Raise(cpu, Vectors.BoundRange);
    }
}

/// <summary>XCHG XADD CMPXCHG CMPXCHG8B XLAT BOUND.</summary>
internal static unsafe class ExchangeInstructions
{
    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Xchg] = static (OpWriter w, in Instruction i) => w.EmitOnPlace(typeof(Exchange<,>), write: true);
        table[(int)Mnemonic.Xadd] = static (OpWriter w, in Instruction i) => w.EmitOnPlace(typeof(ExchangeAdd<,>), write: true);
        table[(int)Mnemonic.Cmpxchg] = static (OpWriter w, in Instruction i) => w.EmitOnPlace(typeof(CompareExchange<,>), write: true);
        table[(int)Mnemonic.Cmpxchg8b] = static (OpWriter w, in Instruction i) =>
            w.Emit(HandlerBinder.Plain(typeof(CompareExchange8<>).MakeGenericType(w.Address(8, write: true))));
        table[(int)Mnemonic.Xlatb] = static (OpWriter w, in Instruction i) => w.Emit(HandlerBinder.Plain(typeof(Translate)));
        table[(int)Mnemonic.Bound] = static (OpWriter w, in Instruction i) =>
            w.Emit(HandlerBinder.Plain(typeof(Bound<>).MakeGenericType(OpWriter.Width(w.OperandSize(0))))).Destination = w.OperandOffset(0);
    }
}
