using Iced.Intel;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>
/// Collects the ops of one block while its instructions are lowered. Lowering methods bind a handler and call
/// <see cref="Emit"/>, which fills in what every op needs; they then set what is particular.
/// </summary>
internal sealed unsafe class OpWriter
{
    /// <summary>Instructions in one block at most.</summary>
    public const int MaximumInstructions = 128;

    /// <summary>No op: not even the one before the first.</summary>
    private const int NoFusible = -2;

    private readonly Op[] _ops = new Op[MaximumInstructions * 4 + 8];
    private Instruction _instruction;
    private ControlFlow.FusibleOp? _fusible;
    private int _fusibleAt = NoFusible;

    /// <summary>Ops and link slots written so far.</summary>
    public int Length { get; private set; }

    /// <summary>Instructions begun so far.</summary>
    public int Count { get; private set; }

    public CpuMode Mode { get; private set; }

    /// <summary>Set by the lowering of an instruction that ends the block.</summary>
    public bool Ended { get; set; }

    /// <summary>False: the flags that this instruction writes are overwritten before anything can see them.</summary>
    public bool FlagsLive { get; set; }

    public ReadOnlySpan<Op> Ops => _ops.AsSpan(0, Length);

    public bool Checked => (Mode & CpuMode.Checked) != 0;

    public bool Stack16 => (Mode & CpuMode.Stack16) != 0;

    public void Begin(CpuMode mode)
    {
        Mode = mode;
        Length = 0;
        Count = 0;
        Ended = false;
        FlagsLive = true;
        _fusibleAt = NoFusible;
    }

    public void BeginInstruction(in Instruction instruction)
    {
        _instruction = instruction;
        Count++;
    }

    /// <summary>
    /// Adds an op for the current instruction, its memory operand (if it has one) and traits filled in.
    /// </summary>
    public ref Op Emit(delegate*<GuestCpu*, Op*, Op*> handler)
    {
        ref Op op = ref _ops[Length++];
        op = default;
        op.Handler = handler;
        op.Eip = _instruction.IP32;
        op.Length = (byte)_instruction.Length;
        // Turned into "instructions remaining" when the block is complete.
        op.Remaining = (ushort)(Count - 1);
        op.Base = Registers.None;
        op.Index = Registers.None;
        op.Traits = Traits();
        if (HasMemory())
        {
            FillMemory(ref op);
        }

        return ref op;
    }

    /// <summary>The op just emitted, if a conditional branch behind it may be joined with it.</summary>
    public ControlFlow.FusibleOp? Last => _fusibleAt == Length - 1 ? _fusible : null;

    /// <summary>Offers the op just emitted for joining.</summary>
    public void OfferFusion(ControlFlow.FusibleOp op)
    {
        _fusible = op;
        _fusibleAt = Length - 1;
    }

    /// <summary>Gives the op just emitted another handler.</summary>
    public void ReplaceLast(delegate*<GuestCpu*, Op*, Op*> handler) => _ops[Length - 1].Handler = handler;

    /// <summary>Adds a link slot behind a terminator.</summary>
    public void EmitLink(uint eip)
    {
        ref Op slot = ref _ops[Length++];
        slot = default;
        fixed (Op* p = &slot)
        {
            ((BlockLink*)p)->Eip = eip;
        }
    }

    /// <summary>Writes back the "remaining" counts once the number of instructions is known.</summary>
    /// <remarks>Link slots are touched as well: a <see cref="BlockLink"/> has nothing there.</remarks>
    public void Finish()
    {
        for (int i = 0; i < Length; i++)
        {
            _ops[i].Remaining = (ushort)(Count - _ops[i].Remaining);
        }
    }

    /// <summary>
    /// The address form of the current instruction's memory operand, for binding. Emits the segment check that has to go
    /// before where the segment is not known to be flat.
    /// </summary>
    /// <param name="size">Bytes accessed.</param>
    /// <param name="write">Stored to (also when read first).</param>
    public Type Address(int size, bool write)
    {
        int segment = SegmentNumber(_instruction.MemorySegment);
        bool flat = !Checked && segment is not (Seg.Fs or Seg.Gs) && !(segment == Seg.Cs && write);
        if (!flat)
        {
            ref Op check = ref Emit(HandlerBinder.Bind(typeof(SegmentCheck), nameof(SegmentCheck.Handler)));
            check.Info = (ushort)(size | (write ? SegmentCheck.WriteBit : 0));
        }

        if (!flat || IsAddress16())
        {
            return typeof(AddressGeneral);
        }

        return _instruction.MemoryIndex == Register.None ? typeof(AddressBase) : typeof(AddressIndexed);
    }

    /// <summary>The place type of an r/m operand: <see cref="RegisterPlace"/> (and Destination must then be set) or a <see cref="MemoryPlace{T}"/>.</summary>
    public Type Place(int operand, int size, bool write) =>
        _instruction.GetOpKind(operand) == OpKind.Memory
            ? typeof(MemoryPlace<>).MakeGenericType(Address(size, write))
            : typeof(RegisterPlace);

    /// <summary>AL..EDI: a general register of 8, 16 or 32 bits.</summary>
    public static bool IsGeneral(Register register) => register is >= Register.AL and <= Register.EDI;

    /// <summary>Byte offset of a general register in <see cref="GuestCpu"/>.</summary>
    public static byte Offset(Register register)
    {
        if (register is >= Register.AH and <= Register.BH)
        {
            return (byte)((register - Register.AH) * 4 + 1);
        }

        return (byte)((register.GetFullRegister32() - Register.EAX) * 4);
    }

    /// <summary>Byte offset of register operand <paramref name="operand"/> of the current instruction.</summary>
    public byte OperandOffset(int operand) => Offset(_instruction.GetOpRegister(operand));

    /// <summary>Width type of an operand of 1, 2 or 4 bytes.</summary>
    public static Type Width(int bytes) => bytes switch
    {
        1 => typeof(W8),
        2 => typeof(W16),
        _ => typeof(W32),
    };

    /// <summary>Bytes of operand <paramref name="operand"/> (register or memory) of the current instruction.</summary>
    public int OperandSize(int operand) =>
        _instruction.GetOpKind(operand) == OpKind.Register ? _instruction.GetOpRegister(operand).GetSize() : _instruction.MemorySize.GetSize();

    public static int SegmentNumber(Register register) => register switch
    {
        Register.ES => Seg.Es,
        Register.CS => Seg.Cs,
        Register.SS => Seg.Ss,
        Register.FS => Seg.Fs,
        Register.GS => Seg.Gs,
        _ => Seg.Ds,
    };

    private bool HasMemory()
    {
        for (int i = 0; i < _instruction.OpCount; i++)
        {
            if (_instruction.GetOpKind(i) is OpKind.Memory)
            {
                return true;
            }
        }

        return false;
    }

    private bool IsAddress16() =>
        _instruction.MemoryBase.GetSize() == 2 || _instruction.MemoryIndex.GetSize() == 2
        || (_instruction.MemoryBase == Register.None && _instruction.MemoryIndex == Register.None && _instruction.MemoryDisplSize == 2);

    private void FillMemory(ref Op op)
    {
        op.Displacement = _instruction.MemoryDisplacement32;
        op.Segment = (byte)SegmentNumber(_instruction.MemorySegment);
        if (_instruction.MemoryBase != Register.None)
        {
            op.Base = Offset(_instruction.MemoryBase);
        }

        if (_instruction.MemoryIndex != Register.None)
        {
            op.Index = Offset(_instruction.MemoryIndex);
            op.Scale = (byte)System.Numerics.BitOperations.Log2((uint)_instruction.MemoryIndexScale);
        }

        if (IsAddress16())
        {
            op.Traits |= OpTraits.Address16;
        }
    }

    private OpTraits Traits()
    {
        OpTraits traits = OpTraits.None;
        if (Checked)
        {
            traits |= OpTraits.Checked;
        }

        if (Stack16)
        {
            traits |= OpTraits.Stack16;
        }

        if (_instruction.HasRepPrefix)
        {
            traits |= OpTraits.Rep;
        }

        if (_instruction.HasRepnePrefix)
        {
            traits |= OpTraits.Repne;
        }

        return traits;
    }
}
