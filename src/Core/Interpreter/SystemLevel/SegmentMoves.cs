using Iced.Intel;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.SystemLevel;

/// <summary>
/// MOV, PUSH, POP and LxS of segment registers. A load that changes the mode leaves its block. <see cref="Op.Destination"/>
/// holds the number of the segment register.
/// </summary>
internal static unsafe class SegmentMoves
{
    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Les] = FarPointer;
        table[(int)Mnemonic.Lds] = FarPointer;
        table[(int)Mnemonic.Lss] = FarPointer;
        table[(int)Mnemonic.Lfs] = FarPointer;
        table[(int)Mnemonic.Lgs] = FarPointer;
    }

    /// <summary>MOV with a segment, control, debug or test register.</summary>
    public static void Move(OpWriter w, in Instruction instruction)
    {
        if (instruction.Op0Kind == OpKind.Register && instruction.Op0Register.IsSegmentRegister())
        {
            LoadMove(w, in instruction);
        }
        else if (instruction.Op1Kind == OpKind.Register && instruction.Op1Register.IsSegmentRegister())
        {
            StoreMove(w, in instruction);
        }
        else
        {
            Control(w, in instruction);
        }
    }

    private static void LoadMove(OpWriter w, in Instruction instruction)
    {
        if (instruction.Op0Register == Iced.Intel.Register.CS)
        {
            FaultLowering.InvalidOpcode(w, in instruction);
            return;
        }

        ref Op op = ref w.Emit(HandlerBinder.ModeSensitive(typeof(MoveToSegment)));
        op.Destination = (byte)OpWriter.SegmentNumber(instruction.Op0Register);
        RareOperand.Describe(w, in instruction, 1, ref op);
    }

    private static void StoreMove(OpWriter w, in Instruction instruction)
    {
        ref Op op = ref w.Emit(HandlerBinder.Plain(typeof(MoveFromSegment)));
        op.Destination = (byte)OpWriter.SegmentNumber(instruction.Op1Register);
        RareOperand.Describe(w, in instruction, 0, ref op);
        if (w.OperandSize(0) == 2)
        {
            op.Traits |= OpTraits.Operand16;
        }
    }

    private static void Control(OpWriter w, in Instruction instruction)
    {
        Register register = instruction.Op0Register.IsGPR32() ? instruction.Op1Register : instruction.Op0Register;
        bool exists = register is Iced.Intel.Register.CR0 or Iced.Intel.Register.CR2 or Iced.Intel.Register.CR3 or Iced.Intel.Register.CR4
            || register.IsDR();
        if (exists)
        {
            FaultLowering.GeneralProtection(w, in instruction);
        }
        else
        {
            FaultLowering.InvalidOpcode(w, in instruction);
        }
    }

    public static void Push(OpWriter w, in Instruction instruction)
    {
        bool narrow = instruction.StackPointerIncrement == -2;
        Type type = typeof(PushSegment<>).MakeGenericType(narrow ? typeof(W16) : typeof(W32));
        w.Emit(HandlerBinder.Plain(type)).Destination = (byte)OpWriter.SegmentNumber(instruction.Op0Register);
    }

    public static void Pop(OpWriter w, in Instruction instruction)
    {
        bool narrow = instruction.StackPointerIncrement == 2;
        Type type = typeof(PopSegment<>).MakeGenericType(narrow ? typeof(W16) : typeof(W32));
        w.Emit(HandlerBinder.ModeSensitive(type)).Destination = (byte)OpWriter.SegmentNumber(instruction.Op0Register);
    }

    private static void FarPointer(OpWriter w, in Instruction instruction)
    {
        if (instruction.Op1Kind != OpKind.Memory)
        {
            FaultLowering.InvalidOpcode(w, in instruction);
            return;
        }

        int segment = instruction.Mnemonic switch
        {
            Mnemonic.Les => Seg.Es,
            Mnemonic.Lds => Seg.Ds,
            Mnemonic.Lss => Seg.Ss,
            Mnemonic.Lfs => Seg.Fs,
            _ => Seg.Gs,
        };
        Type type = typeof(LoadFarPointer<>).MakeGenericType(OpWriter.Width(w.OperandSize(0)));
        ref Op op = ref w.Emit(HandlerBinder.ModeSensitive(type));
        op.Destination = (byte)segment;
        op.Source = w.OperandOffset(0);
    }
}

/// <summary>MOV sreg, r/m16.</summary>
internal readonly unsafe struct MoveToSegment : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!RareOperand.Read<W16>(cpu, op, out uint selector) || !Segments.Load(cpu, op->Destination, selector))
        {
            return false;
        }

        StackShadow.NoteLoad(cpu, op);
        return true;
    }
}

/// <summary>MOV r/m16 or r32, sreg.</summary>
internal readonly unsafe struct MoveFromSegment : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op) =>
        RareOperand.Write16(cpu, op, GuestCpu.Segment(cpu, op->Destination)->Selector);
}

/// <summary>PUSH sreg; the upper half of a doubleword is written as zero.</summary>
internal readonly unsafe struct PushSegment<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op) => Access.Push<TWidth>(cpu, GuestCpu.Segment(cpu, op->Destination)->Selector);
}

/// <summary>POP sreg. The stack pointer moves by the old stack segment's rules, and only if the load succeeds.</summary>
internal readonly unsafe struct PopSegment<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint old = cpu->Gpr[Reg.Esp];
        if (!Access.Pop<TWidth>(cpu, out uint selector))
        {
            return false;
        }

        if (!Segments.Load(cpu, op->Destination, selector))
        {
            cpu->Gpr[Reg.Esp] = old;
            return false;
        }

        StackShadow.NoteLoad(cpu, op);
        return true;
    }
}

/// <summary>
/// MOV and POP to SS hold interrupts and single steps off until the next instruction has completed, so that nobody pushes a frame onto the new
/// SS with the old ESP (SDM vol. 3, §6.8.3). Of several in a row only the first does. LSS has no need of it.
/// </summary>
internal static unsafe class StackShadow
{
    /// <summary>A segment register has been loaded by the instruction at <paramref name="op"/>.</summary>
    public static void NoteLoad(GuestCpu* cpu, Op* op)
    {
        if (op->Destination == Seg.Ss)
        {
            long before = Flow.RetiredBefore(cpu, op);
            if (cpu->StackShadowAt != before)
            {
                cpu->StackShadowAt = before + 1;
            }
        }
    }
}

/// <summary>LDS, LES, LSS, LFS, LGS: both parts are read before either is loaded.</summary>
internal readonly unsafe struct LoadFarPointer<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint offset = AddressGeneral.Offset(cpu, op);
        if (!Access.Read<TWidth>(cpu, op->Segment, offset, out uint value)
            || !Access.Read<W16>(cpu, op->Segment, offset + (uint)TWidth.Bytes, out uint selector)
            || !Segments.Load(cpu, op->Destination, selector))
        {
            return false;
        }

        Registers.Set<TWidth>(cpu, op->Source, value);
        return true;
    }
}
