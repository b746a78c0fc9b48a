namespace Lguest.Jit.Core.Tests.Silicon.Recording;

/// <summary>
/// Writes one encoding of a form. By hand and not with Iced: what decodes the bytes in the Guest must not have made
/// them, and a good half of the encodings here are ones that no assembler would choose.
/// </summary>
internal sealed class SiliconEncoder
{
    private const int EspNumber = 4;

    private readonly SiliconForm _form;
    private readonly int _variant;
    private readonly uint _address;
    private readonly List<byte> _code = [];
    private readonly SiliconRandom _random;
    private int _used;
    private int _reserved;
    private int _forbidden;
    private int _reg = -1;
    private int _rm = -1;
    private uint _immediate;
    private int _stackOffset = -1;
    private MemoryOperand? _memory;
    private bool _narrow;

    public SiliconEncoder(SiliconForm form, int variant, uint address)
    {
        _form = form;
        _variant = variant;
        _address = address;
        _random = new SiliconRandom(form.Seed ^ ((ulong)(variant + 1) << 48));
    }

    public SiliconRandom Random => _random;

    /// <summary>Virtual address of the window, for operands with no register in their address.</summary>
    public uint Window => _form.Layout.Window;

    public int Variant => _variant;

    public int Size => _form.Size;

    /// <summary>Raw bytes: prefixes, opcodes.</summary>
    public SiliconEncoder Op(params ReadOnlySpan<byte> bytes)
    {
        _code.AddRange(bytes);
        return this;
    }

    /// <summary>An opcode of the old kind, even for bytes, odd for words, with its operand-size prefix.</summary>
    public SiliconEncoder Sized(int opcode)
    {
        Prefix16();
        return Op((byte)(Size == 1 ? opcode : opcode | 1));
    }

    /// <summary>The operand-size prefix, if the form needs one.</summary>
    public SiliconEncoder Prefix16() => Size == 2 ? Op(0x66) : this;

    /// <summary>The address-size prefix; the memory operand will be a 16-bit one. The form must live in low memory.</summary>
    public SiliconEncoder Address16()
    {
        _narrow = true;
        return Op(0x67);
    }

    /// <summary>Keeps pointers (mostly) off registers that the instruction uses without saying so.</summary>
    public SiliconEncoder Uses(params ReadOnlySpan<int> registers)
    {
        foreach (int register in registers)
        {
            _used |= 1 << register;
        }

        return this;
    }

    /// <summary>Keeps pointers off registers whose drawn values must reach the instruction.</summary>
    public SiliconEncoder Reserves(params ReadOnlySpan<int> registers)
    {
        foreach (int register in registers)
        {
            _reserved |= 1 << register;
        }

        return this;
    }

    /// <summary>Registers that <see cref="Any"/> shall not give out, because what follows depends on them.</summary>
    public SiliconEncoder Spares(params ReadOnlySpan<int> registers)
    {
        foreach (int register in registers)
        {
            _forbidden |= 1 << register;
        }

        return Reserves(registers);
    }

    /// <summary>The stack pointer shall point into the window.</summary>
    public SiliconEncoder Stack(int low = 0x60, int high = 0xA0)
    {
        _stackOffset = _random.Between(low, high);
        if (!_random.OneIn(4))
        {
            _stackOffset &= ~3;
        }

        return Uses(EspNumber);
    }

    /// <summary>A register number at random, from now on in use.</summary>
    public int Any()
    {
        int number;
        int register;
        do
        {
            number = _random.Below(8);
            register = Size == 1 ? number & 3 : number;
        }
        while ((_forbidden & (1 << register)) != 0);
        Uses(register);
        return number;
    }

    /// <summary>ModRM with two registers, or an opcode extension and a register.</summary>
    public SiliconEncoder Registers(int reg, int rm)
    {
        _reg = reg;
        _rm = rm;
        return Op((byte)(0xC0 | (reg << 3) | rm));
    }

    /// <summary>ModRM with register or memory as r/m.</summary>
    public SiliconEncoder Place(bool memory, int reg) => memory ? Memory(reg) : Registers(reg, Any());

    /// <summary>
    /// ModRM (and SIB) with a memory operand at a random offset of the window. The addressing forms come in turn, so that
    /// eight encodings of a form show all eight.
    /// </summary>
    /// <param name="reg">Register operand or opcode extension.</param>
    /// <param name="low">First offset in the window it may have.</param>
    /// <param name="high">Last offset it may have.</param>
    public SiliconEncoder Memory(int reg, int low = 0x10, int high = 0xE0)
    {
        _reg = reg;
        uint target = _form.Layout.Window + (uint)_random.Between(low, high);
        int turn = (_variant + (int)(_form.Seed & 7)) & 7;
        if (_narrow)
        {
            Memory16(reg, target, turn);
        }
        else
        {
            Memory32(reg, target, turn);
        }

        return this;
    }

    /// <summary>The address of a random memory operand with no ModRM: moffs.</summary>
    public SiliconEncoder Offset()
    {
        uint target = _form.Layout.Window + (uint)_random.Between(0x10, 0xE0);
        _memory = new MemoryOperand { Displacement = target, Target = target };
        return Bytes(_narrow ? 2 : 4, target);
    }

    /// <summary>An immediate of <paramref name="size"/> bytes at random.</summary>
    public SiliconEncoder Immediate(int size) => Immediate(size, _random.Operand(size));

    public SiliconEncoder Immediate(int size, uint value)
    {
        _immediate = value;
        return Bytes(size, value);
    }

    /// <summary>A displacement of <paramref name="size"/> bytes that leads to <paramref name="slotOffset"/> in this slot.</summary>
    public SiliconEncoder Relative(int size, int slotOffset) =>
        Bytes(size, (uint)(slotOffset - (SiliconLayout.EntryOffset + _code.Count + size)));

    /// <summary>An offset in the slot where only stoppers stand, before or behind the instruction.</summary>
    public static int RandomTarget(SiliconRandom random) =>
        random.OneIn(2) ? random.Between(0, SiliconLayout.EntryOffset - 1) : random.Between(SiliconLayout.EntryOffset + 16, SiliconLayout.SlotSize - 1);

    public SiliconEncoding Finish()
    {
        if (_code.Count > SiliconLayout.SlotSize - SiliconLayout.EntryOffset - 1)
        {
            throw new InvalidOperationException($"An encoding of '{_form.Name}' overflows its slot.");
        }

        byte[] slot = new byte[SiliconLayout.SlotSize];
        slot.AsSpan().Fill(SiliconLayout.Stopper);
        _code.CopyTo(slot, SiliconLayout.EntryOffset);
        return new SiliconEncoding
        {
            Size = _form.Size,
            Variant = _variant,
            Slot = slot,
            Length = _code.Count,
            Address = _address,
            Window = _form.Layout.Window,
            Reg = _reg,
            Rm = _rm,
            Memory = _memory,
            Immediate = _immediate,
            StackOffset = _stackOffset,
        };
    }

    private SiliconEncoder Bytes(int size, uint value)
    {
        for (int i = 0; i < size; i++)
        {
            _code.Add((byte)(value >> (8 * i)));
        }

        return this;
    }

    /// <summary>A register to point with; mostly not one with another job, as such a job is hard to do well with a pointer in hand.</summary>
    private int Pointer(int except)
    {
        int allowed = 0xFF & ~except & ~_reserved & ~(_stackOffset >= 0 ? 1 << EspNumber : 0);
        int free = allowed & ~_used;
        if (free != 0 && !_random.OneIn(10))
        {
            allowed = free;
        }

        int number;
        do
        {
            number = _random.Below(8);
        }
        while ((allowed & (1 << number)) == 0);
        return number;
    }

    private void Memory32(int reg, uint target, int turn)
    {
        int displacementSize = turn switch { 0 or 3 => 0, 1 or 4 => 1, _ => 4 };
        uint displacement = displacementSize switch
        {
            0 => 0,
            1 => (uint)(sbyte)_random.Next(),
            _ => _random.OneIn(2) ? _random.Next() : (uint)_random.Between(-1000, 1000),
        };
        bool fromStack = _stackOffset >= 0 && turn is 1 or 2 && _random.OneIn(2);
        switch (turn)
        {
            case 0 or 1 or 2:
                int single = fromStack ? EspNumber : Pointer(0);
                if (fromStack)
                {
                    displacementSize = 4;
                    displacement = target - _form.Layout.Window - (uint)_stackOffset;
                }

                _memory = new MemoryOperand { Base = single, Displacement = displacement, Target = target, Fixed = fromStack };
                EmitBased(reg, single, single == EspNumber ? 0x24 : -1, displacementSize, displacement);
                break;
            case 3 or 4 or 5:
                int index = Pointer(1 << EspNumber);
                int based = Pointer(1 << index);
                int shift = _random.Below(4);
                _memory = new MemoryOperand { Base = based, Index = index, Shift = shift, Displacement = displacement, Target = target };
                EmitBased(reg, based, (shift << 6) | (index << 3) | based, displacementSize, displacement);
                break;
            case 6:
                int lone = Pointer(1 << EspNumber);
                int scale = _random.Below(4);
                uint value = _random.Next();
                displacement = target - (value << scale);
                _memory = new MemoryOperand { Index = lone, Shift = scale, IndexValue = value, Displacement = displacement, Target = target };
                Op((byte)((reg << 3) | 4), (byte)((scale << 6) | (lone << 3) | 5));
                Bytes(4, displacement);
                break;
            default:
                _memory = new MemoryOperand { Displacement = target, Target = target };
                if (_random.OneIn(2))
                {
                    Op((byte)((reg << 3) | 5));
                }
                else
                {
                    // The same with a SIB byte that names neither base nor index, and a scale that scales nothing.
                    Op((byte)((reg << 3) | 4), (byte)((_random.Below(4) << 6) | 0x25));
                }

                Bytes(4, target);
                break;
        }
    }

    private void EmitBased(int reg, int based, int sib, int displacementSize, uint displacement)
    {
        // ebp as a base cannot go without a displacement.
        if (displacementSize == 0 && based == 5)
        {
            displacementSize = 1;
        }

        int mod = displacementSize switch { 0 => 0, 1 => 0x40, _ => 0x80 };
        Op((byte)(mod | (reg << 3) | (sib >= 0 ? 4 : based)));
        if (sib >= 0)
        {
            Op((byte)sib);
        }

        Bytes(displacementSize, displacement);
    }

    private void Memory16(int reg, uint target, int rm)
    {
        int based = rm switch { 0 or 1 or 7 => 3, 2 or 3 or 6 => 5, 4 => 6, _ => 7 };
        int index = rm switch { 0 or 2 => 6, 1 or 3 => 7, _ => -1 };
        int size = _random.Below(3);
        uint displacement = size switch { 0 => 0, 1 => (uint)(sbyte)_random.Next(), _ => _random.Next() & 0xFFFF };
        if (rm == 6 && size == 0)
        {
            // No base at all: the displacement is the address.
            _memory = new MemoryOperand { Displacement = target, Target = target, Narrow = true };
            Op((byte)((reg << 3) | 6));
            Bytes(2, target);
            return;
        }

        _memory = new MemoryOperand { Base = based, Index = index, Displacement = displacement, Target = target, Narrow = true };
        Op((byte)((size << 6) | (reg << 3) | rm));
        Bytes(size, displacement);
    }
}
