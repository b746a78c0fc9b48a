using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>
/// Memory through a segment with every check the mode asks for: what implicit operands (stack, strings, far pointers)
/// and rare instructions use. False results mean that a fault is recorded.
/// </summary>
internal static unsafe class Access
{
    /// <summary>Reads 1, 2 or 4 bytes at segment:offset.</summary>
    public static bool Read<TWidth>(GuestCpu* cpu, int segment, uint offset, out uint value)
        where TWidth : struct, IWidth
    {
        value = 0;
        if (!Linear(cpu, segment, offset, (uint)TWidth.Bytes, write: false, out uint address))
        {
            return false;
        }

        byte* p = Tlb.Read<TWidth>(cpu, address);
        if (p == null)
        {
            return ColdAccess.Read(cpu, address, TWidth.Bytes, out value);
        }

        value = TWidth.Load(p);
        return true;
    }

    /// <summary>Writes 1, 2 or 4 bytes at segment:offset.</summary>
    public static bool Write<TWidth>(GuestCpu* cpu, int segment, uint offset, uint value)
        where TWidth : struct, IWidth
    {
        if (!Linear(cpu, segment, offset, (uint)TWidth.Bytes, write: true, out uint address))
        {
            return false;
        }

        byte* p = Tlb.Write<TWidth>(cpu, address);
        if (p == null)
        {
            return ColdAccess.Write(cpu, address, TWidth.Bytes, value);
        }

        TWidth.Store(p, value);
        return true;
    }

    /// <summary>Would a write of these bytes succeed? (See <see cref="ColdAccess.ProbeWrite(GuestCpu*, uint, int)"/>.)</summary>
    public static bool ProbeWrite(GuestCpu* cpu, int segment, uint offset, int size) =>
        Linear(cpu, segment, offset, (uint)size, write: true, out uint address) && ColdAccess.ProbeWrite(cpu, address, size);

    /// <summary>Segment and alignment checks; the linear address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Linear(GuestCpu* cpu, int segment, uint offset, uint size, bool write, out uint linear)
    {
        if ((cpu->Mode & CpuMode.Checked) == 0 && segment < Seg.Fs && !(write && segment == Seg.Cs))
        {
            linear = offset;
            return true;
        }

        return Segments.Check(cpu, segment, offset, size, write, out linear);
    }

    /// <summary>The stack pointer as the stack segment's size has it.</summary>
    public static uint StackPointer(GuestCpu* cpu) =>
        (cpu->Mode & CpuMode.Stack16) != 0 ? cpu->Gpr[Reg.Esp] & 0xFFFF : cpu->Gpr[Reg.Esp];

    /// <summary>Changes ESP, or only SP on a 16-bit stack.</summary>
    public static void SetStackPointer(GuestCpu* cpu, uint value)
    {
        if ((cpu->Mode & CpuMode.Stack16) != 0)
        {
            value = (cpu->Gpr[Reg.Esp] & 0xFFFF0000) | (value & 0xFFFF);
        }

        cpu->Gpr[Reg.Esp] = value;
    }

    /// <summary>ESP − or + <paramref name="delta"/> with the wrap of a 16-bit stack.</summary>
    public static uint StackOffset(GuestCpu* cpu, uint delta)
    {
        uint offset = cpu->Gpr[Reg.Esp] + delta;
        return (cpu->Mode & CpuMode.Stack16) != 0 ? offset & 0xFFFF : offset;
    }

    /// <summary>Pushes a 2- or 4-byte value; ESP moves only if it succeeds.</summary>
    public static bool Push<TWidth>(GuestCpu* cpu, uint value)
        where TWidth : struct, IWidth
    {
        uint offset = StackOffset(cpu, (uint)-TWidth.Bytes);
        if (!Write<TWidth>(cpu, Seg.Ss, offset, value))
        {
            return false;
        }

        SetStackPointer(cpu, offset);
        return true;
    }

    /// <summary>Pops a 2- or 4-byte value; ESP moves only if it succeeds.</summary>
    public static bool Pop<TWidth>(GuestCpu* cpu, out uint value)
        where TWidth : struct, IWidth
    {
        if (!Read<TWidth>(cpu, Seg.Ss, StackPointer(cpu), out value))
        {
            return false;
        }

        SetStackPointer(cpu, StackOffset(cpu, (uint)TWidth.Bytes));
        return true;
    }
}
