using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Interpreter.Simd;

/// <summary>The second operand as a type: a register in <see cref="Op.Source"/>, or memory.</summary>
internal unsafe interface ISimdSource
{
    static abstract bool Ready(GuestCpu* cpu);

    /// <summary>Reads it, zeros above. False: a fault is recorded.</summary>
    static abstract bool Load(GuestCpu* cpu, Op* op, out Vector value);

    static abstract void Touched(GuestCpu* cpu);
}

internal readonly unsafe struct RegisterSource<TFile> : ISimdSource
    where TFile : struct, ISimdFile
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Ready(GuestCpu* cpu) => TFile.Ready(cpu);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Load(GuestCpu* cpu, Op* op, out Vector value)
    {
        value = TFile.Read(cpu, op->Source);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Touched(GuestCpu* cpu) => TFile.Touched(cpu);
}

internal readonly unsafe struct MemorySource<TSize> : ISimdSource
    where TSize : struct, ISimdSize
{
    public static bool Ready(GuestCpu* cpu) => true;

    public static bool Load(GuestCpu* cpu, Op* op, out Vector value)
    {
        if (SimdMemory.Locate<TSize>(cpu, op, write: false, out uint linear))
        {
            return SimdMemory.Read<TSize>(cpu, linear, out value);
        }

        value = default;
        return false;
    }

    public static void Touched(GuestCpu* cpu)
    {
    }
}

/// <summary>Width of a memory operand.</summary>
internal interface ISimdSize
{
    static abstract int Bytes { get; }

    /// <summary>#GP(0) unless on a multiple of its size.</summary>
    static abstract bool Aligned { get; }
}

internal readonly struct Size2 : ISimdSize
{
    public static int Bytes => 2;

    public static bool Aligned => false;
}

internal readonly struct Size4 : ISimdSize
{
    public static int Bytes => 4;

    public static bool Aligned => false;
}

internal readonly struct Size8 : ISimdSize
{
    public static int Bytes => 8;

    public static bool Aligned => false;
}

internal readonly struct Size16 : ISimdSize
{
    public static int Bytes => 16;

    public static bool Aligned => false;
}

internal readonly struct Aligned16 : ISimdSize
{
    public static int Bytes => 16;

    public static bool Aligned => true;
}

/// <summary>Memory operands of 2 to 16 bytes.</summary>
internal static unsafe class SimdMemory
{
    /// <summary>Segment and alignment; the linear address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Locate<TSize>(GuestCpu* cpu, Op* op, bool write, out uint linear)
        where TSize : struct, ISimdSize =>
        Access.Linear(cpu, op->Segment, AddressGeneral.Offset(cpu, op), (uint)TSize.Bytes, write, out linear)
        && (!TSize.Aligned || (linear & 15) == 0 || Fault.GeneralProtection(cpu));

    /// <summary>Reads at a linear address, zeros above.</summary>
    public static bool Read<TSize>(GuestCpu* cpu, uint linear, out Vector value)
        where TSize : struct, ISimdSize
    {
        ulong entry = cpu->ReadTable[linear >> 12];
        if (entry != 0 && (linear & 0xFFF) + (uint)TSize.Bytes <= 0x1000)
        {
            value = Load<TSize>((byte*)(entry + linear));
            return true;
        }

        byte* buffer = stackalloc byte[16];
        bool done = ColdAccess.ReadBytes(cpu, linear, new Span<byte>(buffer, TSize.Bytes));
        value = Load<TSize>(buffer);
        return done;
    }

    /// <summary>Writes the low part at a linear address; all or nothing.</summary>
    public static bool Write<TSize>(GuestCpu* cpu, uint linear, Vector value)
        where TSize : struct, ISimdSize
    {
        ulong entry = cpu->WriteTable[linear >> 12];
        if (entry != 0 && (linear & 0xFFF) + (uint)TSize.Bytes <= 0x1000)
        {
            Store<TSize>((byte*)(entry + linear), value);
            return true;
        }

        byte* buffer = stackalloc byte[16];
        value.Store(buffer);
        return ColdAccess.WriteBytes(cpu, linear, new ReadOnlySpan<byte>(buffer, TSize.Bytes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector Load<TSize>(byte* p)
        where TSize : struct, ISimdSize => TSize.Bytes switch
        {
            2 => Vector128.CreateScalar((uint)*(ushort*)p).AsByte(),
            4 => Vector128.CreateScalar(*(uint*)p).AsByte(),
            8 => Vector128.CreateScalar(*(ulong*)p).AsByte(),
            _ => Vector128.Load(p),
        };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TSize>(byte* p, Vector value)
        where TSize : struct, ISimdSize
    {
        switch (TSize.Bytes)
        {
            case 4:
                *(uint*)p = value.AsUInt32().ToScalar();
                break;
            case 8:
                *(ulong*)p = value.AsUInt64().ToScalar();
                break;
            default:
                value.Store(p);
                break;
        }
    }
}
