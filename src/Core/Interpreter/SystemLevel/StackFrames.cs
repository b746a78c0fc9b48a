using Iced.Intel;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.SystemLevel;

/// <summary>ENTER, LEAVE, PUSHA, POPA: all or nothing.</summary>
internal static unsafe class StackFrames
{
    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Pusha] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(PushAll<W16>)));
        table[(int)Mnemonic.Pushad] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(PushAll<W32>)));
        table[(int)Mnemonic.Popa] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(PopAll<W16>)));
        table[(int)Mnemonic.Popad] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(PopAll<W32>)));
        table[(int)Mnemonic.Leave] = static (OpWriter w, in Instruction i) =>
            w.Emit(HandlerBinder.Plain(i.Code == Code.Leavew ? typeof(LeaveFrame<W16>) : typeof(LeaveFrame<W32>)));
        table[(int)Mnemonic.Enter] = static (OpWriter w, in Instruction i) =>
        {
            Type type = i.Code == Code.Enterw_imm16_imm8 ? typeof(EnterFrame<W16>) : typeof(EnterFrame<W32>);
            ref Op op = ref w.Emit(HandlerBinder.Plain(type));
            op.Immediate = i.Immediate16;
            op.Info = i.Immediate8_2nd;
        };
    }
}

/// <summary>PUSHA, PUSHAD.</summary>
internal readonly unsafe struct PushAll<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!StackSlots.Probe<TWidth>(cpu, 8))
        {
            return false;
        }

        uint stackPointer = cpu->Gpr[Reg.Esp];
        for (int register = Reg.Eax; register <= Reg.Edi; register++)
        {
            uint value = register == Reg.Esp ? stackPointer : cpu->Gpr[register];
            if (!Access.Push<TWidth>(cpu, value & TWidth.Mask))
            {
                cpu->Gpr[Reg.Esp] = stackPointer;
                return false;
            }
        }

        return true;
    }
}

/// <summary>POPA, POPAD: the slot of ESP is skipped.</summary>
internal readonly unsafe struct PopAll<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint* values = stackalloc uint[8];
        for (int i = 0; i < 8; i++)
        {
            if (!StackSlots.Read<TWidth>(cpu, i, 0, out values[Reg.Edi - i]))
            {
                return false;
            }
        }

        for (int register = Reg.Eax; register <= Reg.Edi; register++)
        {
            if (register != Reg.Esp)
            {
                Registers.Set<TWidth>(cpu, (byte)(4 * register), values[register]);
            }
        }

        Access.SetStackPointer(cpu, Access.StackOffset(cpu, 8 * (uint)TWidth.Bytes));
        return true;
    }
}

/// <summary>LEAVE.</summary>
internal readonly unsafe struct LeaveFrame<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint frame = cpu->Gpr[Reg.Ebp];
        if ((cpu->Mode & CpuMode.Stack16) != 0)
        {
            frame &= 0xFFFF;
        }

        if (!Access.Read<TWidth>(cpu, Seg.Ss, frame, out uint value))
        {
            return false;
        }

        Access.SetStackPointer(cpu, frame + (uint)TWidth.Bytes);
        Registers.Set<TWidth>(cpu, 4 * Reg.Ebp, value);
        return true;
    }
}

/// <summary>ENTER, nesting levels 0..31 (SDM vol. 2). Every slot is probed first, as is the final stack pointer.</summary>
internal readonly unsafe struct EnterFrame<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        int level = op->Info & 31;
        uint bytes = (uint)TWidth.Bytes;
        uint old = cpu->Gpr[Reg.Esp];
        if (!StackSlots.Probe<TWidth>(cpu, level + 1))
        {
            return false;
        }

        for (int i = 1; i < level; i++)
        {
            if (!Access.Read<TWidth>(cpu, Seg.Ss, Outer(cpu, i), out _))
            {
                return false;
            }
        }

        uint pushed = (uint)(level + 1) * bytes;
        if (!StackSlots.ProbeAt<TWidth>(cpu, Access.StackOffset(cpu, 0u - pushed - op->Immediate)))
        {
            return false;
        }

        bool done = Access.Push<TWidth>(cpu, cpu->Gpr[Reg.Ebp] & TWidth.Mask);
        uint frame = cpu->Gpr[Reg.Esp];
        for (int i = 1; i < level && done; i++)
        {
            done = Access.Read<TWidth>(cpu, Seg.Ss, Outer(cpu, i), out uint link) && Access.Push<TWidth>(cpu, link);
        }

        if (level > 0 && done)
        {
            done = Access.Push<TWidth>(cpu, frame & TWidth.Mask);
        }

        if (!done)
        {
            // Only a device that changes its mind between probe and access gets us here.
            cpu->Gpr[Reg.Esp] = old;
            return false;
        }

        Registers.Set<TWidth>(cpu, 4 * Reg.Ebp, frame & TWidth.Mask);
        Access.SetStackPointer(cpu, Access.StackOffset(cpu, 0u - op->Immediate));
        return true;
    }

    /// <summary>Where the frame pointer of the <paramref name="i"/>th enclosing level lies.</summary>
    private static uint Outer(GuestCpu* cpu, int i)
    {
        uint offset = cpu->Gpr[Reg.Ebp] - (uint)(i * TWidth.Bytes);
        return (cpu->Mode & CpuMode.Stack16) != 0 ? offset & 0xFFFF : offset;
    }
}
