using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Semantics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.Bits;

/// <summary>A shift or rotate as a type: value and count to result, flags written.</summary>
internal unsafe interface IShift
{
    static abstract uint Apply<TWidth>(GuestCpu* cpu, uint value, uint count)
        where TWidth : struct, IWidth;
}

internal readonly unsafe struct Shl : IShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Apply<TWidth>(GuestCpu* cpu, uint value, uint count)
        where TWidth : struct, IWidth => Shift.Shl<TWidth>(cpu, value, count);
}

internal readonly unsafe struct Shr : IShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Apply<TWidth>(GuestCpu* cpu, uint value, uint count)
        where TWidth : struct, IWidth => Shift.Shr<TWidth>(cpu, value, count);
}

internal readonly unsafe struct Sar : IShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Apply<TWidth>(GuestCpu* cpu, uint value, uint count)
        where TWidth : struct, IWidth => Shift.Sar<TWidth>(cpu, value, count);
}

internal readonly unsafe struct Rol : IShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Apply<TWidth>(GuestCpu* cpu, uint value, uint count)
        where TWidth : struct, IWidth => Rotate.Rol<TWidth>(cpu, value, count);
}

internal readonly unsafe struct Ror : IShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Apply<TWidth>(GuestCpu* cpu, uint value, uint count)
        where TWidth : struct, IWidth => Rotate.Ror<TWidth>(cpu, value, count);
}

internal readonly unsafe struct Rcl : IShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Apply<TWidth>(GuestCpu* cpu, uint value, uint count)
        where TWidth : struct, IWidth => Rotate.Rcl<TWidth>(cpu, value, count);
}

internal readonly unsafe struct Rcr : IShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Apply<TWidth>(GuestCpu* cpu, uint value, uint count)
        where TWidth : struct, IWidth => Rotate.Rcr<TWidth>(cpu, value, count);
}

/// <summary>A shift by a constant.</summary>
internal readonly unsafe struct ShiftByImmediate<TShift, TWidth, TPlace> : IInstruction
    where TShift : struct, IShift
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.LoadForUpdate<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        return TPlace.Store<TWidth>(cpu, op, TShift.Apply<TWidth>(cpu, value, op->Immediate));
    }
}

/// <summary>A shift by CL. A count of 0 still writes memory, and faults like it.</summary>
internal readonly unsafe struct ShiftByCl<TShift, TWidth, TPlace> : IInstruction
    where TShift : struct, IShift
    where TWidth : struct, IWidth
    where TPlace : struct, IPlace
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TPlace.LoadForUpdate<TWidth>(cpu, op, out uint value))
        {
            return false;
        }

        return TPlace.Store<TWidth>(cpu, op, TShift.Apply<TWidth>(cpu, value, cpu->Gpr[Reg.Ecx] & 0xFF));
    }
}
