using System.Runtime.CompilerServices;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>General registers by byte offset, as ops name them.</summary>
/// <remarks>Invariant: offsets come from <c>OpWriter</c> only and lie within GuestCpu.Gpr or ZeroRegister.</remarks>
internal static unsafe class Registers
{
    /// <summary>Offset of the register that always reads 0.</summary>
    public const byte None = 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* At(GuestCpu* cpu, byte offset) => (byte*)cpu + offset;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Get32(GuestCpu* cpu, byte offset) => *(uint*)((byte*)cpu + offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Set32(GuestCpu* cpu, byte offset, uint value) => *(uint*)((byte*)cpu + offset) = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Get<TWidth>(GuestCpu* cpu, byte offset)
        where TWidth : struct, IWidth => TWidth.Load((byte*)cpu + offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Set<TWidth>(GuestCpu* cpu, byte offset, uint value)
        where TWidth : struct, IWidth => TWidth.Store((byte*)cpu + offset, value);
}
