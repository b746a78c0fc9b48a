using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Flags;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>
/// An operand width as a type, so that RyuJIT makes one specialised handler per width from one C# method. Values
/// travel as uint, zero-extended.
/// </summary>
internal unsafe interface IWidth
{
    static abstract int Bytes { get; }

    static abstract int Bits { get; }

    static abstract uint Mask { get; }

    static abstract uint Load(byte* p);

    static abstract void Store(byte* p, uint value);

    static abstract uint SignExtend(uint value);

    /// <summary>Puts a vector of carries into <see cref="LazyFlags"/> form.</summary>
    static abstract uint NarrowAux(uint carries);
}

internal readonly unsafe struct W8 : IWidth
{
    public static int Bytes => 1;

    public static int Bits => 8;

    public static uint Mask => 0xFF;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Load(byte* p) => *p;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* p, uint value) => *p = (byte)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint SignExtend(uint value) => (uint)(sbyte)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint NarrowAux(uint carries) => LazyFlags.Narrow(carries, 8);
}

internal readonly unsafe struct W16 : IWidth
{
    public static int Bytes => 2;

    public static int Bits => 16;

    public static uint Mask => 0xFFFF;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Load(byte* p) => Unsafe.ReadUnaligned<ushort>(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* p, uint value) => Unsafe.WriteUnaligned(p, (ushort)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint SignExtend(uint value) => (uint)(short)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint NarrowAux(uint carries) => LazyFlags.Narrow(carries, 16);
}

internal readonly unsafe struct W32 : IWidth
{
    public static int Bytes => 4;

    public static int Bits => 32;

    public static uint Mask => uint.MaxValue;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Load(byte* p) => Unsafe.ReadUnaligned<uint>(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* p, uint value) => Unsafe.WriteUnaligned(p, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint SignExtend(uint value) => value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint NarrowAux(uint carries) => carries & ~(LazyFlags.SignFlip | LazyFlags.ParityFlip);
}
