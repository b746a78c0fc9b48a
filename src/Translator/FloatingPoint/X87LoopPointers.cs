using Iced.Intel;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Translator.Emit;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>
/// FIP, FDP and FOP in a loop's thunk: nobody can see them in the middle of a block, so they are written where it is left, and at its end, from the last x87
/// instruction that was executed.
/// </summary>
/// <remarks>A value: an exit keeps that of its place, and is written when all else has been.</remarks>
internal struct X87LoopPointers
{
    private X87Operation? _last;
    private Instruction _instruction;
    private Instruction? _data;

    /// <summary>The last x87 instruction of the block, so far.</summary>
    public readonly X87Operation? Last => _last;

    /// <summary>An x87 instruction has been executed.</summary>
    public void Behind(in X87Operation op, in Instruction i)
    {
        (_last, _instruction) = (op, i);
        if (op.Width != 0)
        {
            _data = i;
        }
    }

    /// <summary>An integer instruction comes: if it overwrites what FDP is made of, FDP is written now.</summary>
    public void Before(Assembler c, in Instruction i)
    {
        if (_data is { } data && Overwrites(i, data))
        {
            WriteData(c, data);
            _data = null;
        }
    }

    /// <summary>Writes what there is to be written. The general registers are the Guest's, r10 is scratch, the flags stay as they are.</summary>
    public readonly void Write(Assembler c)
    {
        if (_last is not { } last)
        {
            return;
        }

        c.mov(__dword_ptr[r8 + X87Offsets.LoopRan], 1);
        c.mov(__word_ptr[r8 + X87Offsets.LastOpcode], last.Opcode);
        c.mov(__dword_ptr[r8 + X87Offsets.InstructionOffset], _instruction.IP32);
        if (_data is { } data)
        {
            WriteData(c, data);
        }
    }

    /// <summary>FDP and FDS: the registers are still what they were.</summary>
    private static void WriteData(Assembler c, in Instruction data)
    {
        X87LoopRegisters.LoadAddress(c, r10d, AddressForm.Of(data));
        c.mov(__dword_ptr[r8 + X87Offsets.DataOffset], r10d);
        c.movzx(r10d, __word_ptr[r8 + MethodNames.Selector(data.MemorySegment)]);
        c.mov(__word_ptr[r8 + X87Offsets.DataSelector], r10w);
    }

    private static bool Overwrites(in Instruction i, in Instruction data)
    {
        if (i.OpCount == 0 || i.GetOpKind(0) != OpKind.Register)
        {
            return false;
        }

        Register register = i.GetOpRegister(0).GetFullRegister32();
        return register == data.MemoryBase || register == data.MemoryIndex;
    }
}
