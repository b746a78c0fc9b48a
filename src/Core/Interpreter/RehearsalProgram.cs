using System.Buffers.Binary;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>
/// Machine code that has, once, every form of instruction that a kernel's code consists of, as far as they have handlers of their own: operation, width, kind of operand, and
/// whether anybody sees the flags. What to put in was found by a look at what Linux 4.9 and 4.13 bind on their way to <c>/init</c>.
/// </summary>
/// <remarks>
/// EBX, EBP, ESI and EDI are where the data is and ECX is an index of 1, all the time; EAX and EDX are anybody's. Encodings are those of the SDM, vol. 2.
/// </remarks>
internal sealed class RehearsalProgram
{
    /// <summary>Linear (and physical) address of the first instruction.</summary>
    public const uint Start = 0x1000;

    private const uint Data = 0x80000;
    private const uint Stack = 0x90000;
    private const uint PageSize = 0x1000;

    /// <summary>Displacement of the operand in memory.</summary>
    private const byte At = 0x10;

    private const byte Imm = 5;

    // Opcodes: add r/m, r is 00 + 8 × operation; the number of the operation is also what goes into a modrm for those with an immediate.
    private const int Adc = 2;
    private const int Sbb = 3;
    private const int Cmp = 7;

    /// <summary>EAX and EDX as the operands of a modrm, and the other way round.</summary>
    private const byte AxDx = 0xD0;
    private const byte DxAx = 0xC2;

    private static readonly byte[] s_operandSize = [0x66];

    private readonly List<byte> _code = [];

    private RehearsalProgram()
    {
    }

    public ReadOnlySpan<byte> Code => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_code);

    /// <summary>Address of the last instruction, which goes nowhere.</summary>
    public uint End { get; private set; }

    private uint Here => Start + (uint)_code.Count;

    public static RehearsalProgram Create()
    {
        var program = new RehearsalProgram();

        // In about the order in which they are needed: what unpacks the kernel first.
        program.Prologue();
        program.Strings();
        program.Calls();
        program.Moves();
        program.Registers();
        program.Shifts();
        program.Unary();
        program.Branches();
        program.Stores();
        program.Arithmetic();
        program.Conditions();
        program.Products();
        program.Bits();
        program.Segments();
        program.FarBranches();
        program.Rarities();
        program.End = program.Here;
        program.Put(0xEB, 0xFE);
        return program;
    }

    private void Prologue()
    {
        Put(0xBC).Put32(Stack);
        Put(0xBB).Put32(Data);
        Put(0xBD).Put32(Data);
        Pointers();
    }

    /// <summary>ESI, EDI and ECX as they are to be.</summary>
    private void Pointers()
    {
        Put(0xBE).Put32(Data + 0x100);
        Put(0xBF).Put32(Data + 0x200);
        Put(0xB9).Put32(1);
    }

    private void Moves()
    {
        Put(0x88, AxDx).Put(0x8A, 0xC2).Put(0x89, AxDx).Put(0x66, 0x89, AxDx).Put(0xB0, Imm).Ends();
        foreach (byte[] prefix in (byte[][])[[], s_operandSize])
        {
            foreach (byte opcode in (byte[])[0x8B, 0x89, 0x8A, 0x88])
            {
                Memory(prefix, opcode, 0).Indexed(prefix, opcode, 0);
            }
        }

        // movzx and movsx, of bytes and words.
        foreach (byte opcode in (byte[])[0xB6, 0xB7, 0xBE, 0xBF])
        {
            Put(0x0F, opcode, DxAx).Memory([0x0F], opcode, 0).Indexed([0x0F], opcode, 0);
        }

        Put(0x66, 0x98, 0x98, 0x99).Put(0x8D, 0x43, At).Put(0x8D, 0x44, 0x8B, At).Ends();
    }

    /// <summary>Constants into memory, and the stack.</summary>
    private void Stores()
    {
        Memory([], 0xC6, 0).Put(Imm).Indexed([], 0xC6, 0).Put(Imm);
        Memory([], 0xC7, 0).Put32(Imm).Indexed([], 0xC7, 0).Put32(Imm);
        Memory(s_operandSize, 0xC7, 0).Put(Imm, 0).Indexed(s_operandSize, 0xC7, 0).Put(Imm, 0).Ends();
        Put(0x50, 0x58).Put(0x6A, Imm, 0x58).Memory([], 0xFF, 6).Put(0x58).Indexed([], 0xFF, 6).Put(0x58);
        Put(0x55, 0x89, 0xE5, 0xC9).Ends();
    }

    /// <summary>ADD, OR, ADC, SBB, AND, SUB, XOR and CMP of registers and constants.</summary>
    private void Registers()
    {
        for (int operation = 0; operation <= Cmp; operation++)
        {
            Flags([(byte)(operation * 8 + 1), AxDx], operation != Cmp).Flags([0x83, Register(operation), Imm], operation != Cmp);
        }
    }

    /// <summary>The same with memory, and of bytes and words; and TEST.</summary>
    private void Arithmetic()
    {
        for (int operation = 0; operation <= Cmp; operation++)
        {
            int first = operation * 8;
            bool carries = operation is Adc or Sbb;
            bool writes = operation != Cmp;
            Memory([], first + 3, 0).Memory([], first + 1, 0).Memory([], 0x83, operation).Put(Imm).Ends();
            if (!carries)
            {
                Indexed([], first + 3, 0).Indexed([], first + 1, 0).Indexed([], 0x83, operation).Put(Imm);
                Flags([(byte)first, AxDx], writes).Flags([0x80, Register(operation), Imm], writes);
                Memory([], first + 2, 0).Memory([], first, 0).Memory([], 0x80, operation).Put(Imm).Ends();
            }
        }

        Put(0x66, 0x83, 0xF8, Imm).Ends();
        Memory(s_operandSize, 0x3B, 0).Memory(s_operandSize, 0x39, 0).Memory(s_operandSize, 0x83, Cmp).Put(Imm).Indexed(s_operandSize, 0x83, Cmp).Put(Imm).Ends();
        Memory([], 0x85, 0).Memory([], 0xF6, 0).Put(Imm).Indexed([], 0xF6, 0).Put(Imm).Memory([], 0xF7, 0).Put32(Imm).Ends();
        Put(0x85, AxDx).Ends();
        Put(0x84, AxDx).Ends();
        Put(0x66, 0x85, AxDx).Ends();
        Put(0xA9).Put32(Imm).Ends();
        Put(0xA8, Imm).Ends();
    }

    /// <summary>INC, DEC, NEG, NOT.</summary>
    private void Unary()
    {
        Flags([0x40]).Flags([0x48]).Flags([0xFE, Register(0)]).Flags([0xFE, Register(1)]);
        Flags([0xF7, Register(3)]).Flags([0xF7, Register(2)]);
        Memory([], 0xFF, 0).Memory([], 0xFF, 1).Indexed([], 0xFF, 0).Indexed([], 0xFF, 1).Memory([], 0xFE, 0).Memory(s_operandSize, 0xFF, 0).Ends();
    }

    /// <summary>What is joined with the conditional branch behind it, and branches by themselves.</summary>
    private void Branches()
    {
        // Numbers of conditions: 2 below, 3 above or equal, 4 equal, 5 not, 6 below or equal, 7 above, 8 sign, 9 not, C less, D greater or equal, E less or equal, F greater.
        Joined([0x39, AxDx], 4, 5, 2, 3, 7, 8, 9, 0xC, 0xD, 0xE, 0xF);
        Joined([0x83, 0xF8, Imm], 4, 5, 2, 3, 6, 7, 0xD, 0xE, 0xF);
        Joined([0x85, AxDx], 4, 5, 8, 9, 0xE, 0xF);
        Joined([0x84, AxDx], 4, 5, 8, 9);
        Joined([0xA8, Imm], 4, 5);
        Joined([0x3C, Imm], 4, 5, 6, 7, 0xE, 0xF);
        Joined([0x38, AxDx], 4, 5, 2);
        Joined([0x48], 4, 5, 8, 9);
        Joined([0x40], 4, 5);
        Joined([0x29, AxDx], 4, 5, 2, 8, 9);
        Joined([0x83, 0xE8, Imm], 4, 5, 2, 3, 8, 9);
        Joined([0x83, 0xC0, Imm], 4, 5, 2);
        Joined([0x01, AxDx], 4, 5, 2, 3);
        Joined([0x83, 0xE0, Imm], 4, 5);
        Joined([0x24, Imm], 4, 5);
        Joined([0x21, AxDx], 4);
        Joined([0x20, AxDx], 4, 5);
        Joined([0x09, AxDx], 4, 5);
        Joined([0x19, AxDx], 2, 3, 0xC, 0xD);
        Joined([0xA9, Imm, 0, 0, 0], 4, 5);
        Joined([0x66, 0x83, 0xF8, Imm], 4, 5, 6, 7);
        Joined([0x66, 0x85, AxDx], 4, 5);
        Joined([0xFE, Register(1)], 4, 5);
        foreach (int condition in (int[])[4, 5, 2, 3, 6, 7, 8, 9, 0xC, 0xD, 0xE, 0xF])
        {
            Memory([], 0x39, 0).Put((byte)(0x70 + condition), 0);
        }

        Put(0xE9).Put32(0);
        Put(0xE3, 0);
    }

    private void Strings()
    {
        // CLD; then, with REP and without, the bytes and doublewords of MOVS, STOS, CMPS, SCAS, LODS.
        Put(0xFC);
        foreach (byte[] instruction in (byte[][])[[0xF3, 0xA5], [0xF3, 0xA4], [0xF3, 0xAB], [0xF3, 0xAA], [0xF3, 0xA6], [0xF2, 0xAE], [0xA4], [0x66, 0xA5], [0xAA], [0xAC], [0xAE]])
        {
            Pointers();
            Put(0xB9).Put32(4).Put(instruction);
        }

        Put(0xFD, 0xFC);
        Pointers();
    }

    private void Calls()
    {
        // Each to a RET behind a jump over it.
        Put(0xE8).Put32(2).Put(0xEB, 1, 0xC3);
        Put(0xB8).Put32(Here + 8).Put(0xFF, 0xD0, 0xEB, 1, 0xC3);
        Memory([], 0xC7, 0).Put32(Here + 9).Memory([], 0xFF, 2).Put(0xEB, 1, 0xC3);
        Indexed([], 0xC7, 0).Put32(Here + 10).Indexed([], 0xFF, 2).Put(0xEB, 1, 0xC3);
        Put(0xB8).Put32(Here + 6).Put(0xFF, 0xE0);
        Memory([], 0xC7, 0).Put32(Here + 7).Memory([], 0xFF, 4);
        Indexed([], 0xC7, 0).Put32(Here + 8).Indexed([], 0xFF, 4);
    }

    private void Shifts()
    {
        // By CL, by a constant: ROL 0, ROR 1, SHL 4, SHR 5, SAR 7.
        foreach (int operation in (int[])[4, 5, 7, 0])
        {
            Put(0xC1, Register(operation), Imm).Put(0xD3, Register(operation));
        }

        Put(0xC1, Register(1), Imm).Put(0xC0, Register(4), Imm).Put(0xC0, Register(5), Imm).Memory([], 0xC1, 5).Put(Imm).Memory([], 0xD3, 5);
        Put(0x0F, 0xA4, AxDx, Imm).Put(0x0F, 0xA5, AxDx).Put(0x0F, 0xAC, AxDx, Imm).Put(0x0F, 0xAD, AxDx).Ends();
    }

    /// <summary>SETcc and CMOVcc.</summary>
    private void Conditions()
    {
        foreach (int condition in (int[])[4, 5, 2, 3, 6, 7, 0xE, 0xF])
        {
            Put(0x0F, (byte)(0x90 + condition), Register(0)).Put(0x0F, (byte)(0x40 + condition), DxAx);
        }

        foreach (int condition in (int[])[8, 9, 0xC, 0xD])
        {
            Put(0x0F, (byte)(0x40 + condition), DxAx);
        }

        foreach (int condition in (int[])[4, 5, 2, 7])
        {
            Memory([0x0F], 0x90 + condition, 0).Memory([0x0F], 0x40 + condition, 0);
        }

        Ends();
    }

    private void Products()
    {
        Put(0x0F, 0xAF, DxAx).Memory([0x0F], 0xAF, 0).Indexed([0x0F], 0xAF, 0).Put(0x6B, DxAx, Imm).Memory([], 0x6B, 0).Put(Imm);
        Put(0xF7, 0xE1).Memory([], 0xF7, 4).Put(0xF7, 0xE9).Memory([], 0xF7, 5);

        // Divisors: ECX, and the same in memory.
        foreach (int operation in (int[])[6, 7])
        {
            Memory([], 0x89, 1).Put(0xB8).Put32(Imm).Put(0x31, 0xD2).Put(0xF7, (byte)(0xC1 + operation * 8)).Put(0x31, 0xD2).Memory([], 0xF7, operation);
        }

        Ends();
    }

    private void Bits()
    {
        Put(0xB8).Put32(Imm);
        Memory([0x0F], 0xBA, 5).Put(Imm).Memory([0x0F], 0xBA, 6).Put(Imm).Memory([0x0F], 0xBA, 4).Put(Imm).Put(0x0F, 0xBA, 0xE0, Imm);
        Memory([0x0F], 0xAB, 0).Memory([0x0F], 0xB3, 0).Memory([0x0F], 0xA3, 0).Put(0x0F, 0xA3, AxDx);
        Put(0x0F, 0xBC, DxAx).Put(0x0F, 0xBD, DxAx).Memory([0x0F], 0xBD, 0).Put(0x0F, 0xC8).Put(0x87, AxDx);
        Memory([], 0x87, 0).Memory([0x0F], 0xB1, 2).Memory([0x0F], 0xC1, 0).Memory([0x0F], 0xC7, 1).Ends();
    }

    /// <summary>Linux has what belongs to a processor behind FS, or GS.</summary>
    private void Segments()
    {
        Put(0x8C, 0xD8, 0x8E, 0xE0).Put(0x1E, 0x1F);
        foreach (byte opcode in (byte[])[0x8B, 0x89, 0x8A, 0x88, 0x03, 0x2B, 0x33])
        {
            Behind(opcode, 0);
        }

        Behind(0xC7, 0).Put32(Imm).Behind(0xC6, 0).Put(Imm).Behind(0x80, Cmp).Put(Imm).Behind(0xFF, 6).Put(0x58).Ends();
    }

    /// <summary>Branches out of their page: each is the last instruction of one, and leads to the next.</summary>
    private void FarBranches()
    {
        foreach (int condition in (int[])[4, 5, 2, 3, 6, 7, 8, 9, 0xC, 0xD, 0xE, 0xF])
        {
            AtEndOfPage(6).Put(0x0F, (byte)(0x80 + condition)).Put32(0);
        }

        // One that just goes on there, and an instruction that lies in both.
        AtEndOfPage(1).Put(0x90);
        AtEndOfPage(2).Put(0xB8).Put32(Imm).Ends();
    }

    private void Rarities()
    {
        Put(0x9C, 0x9D, 0x0F, 0x31, 0x53, 0x51, 0x0F, 0xA2, 0x59, 0x5B);
        Put(0x0F, 0x1F, 0x00, 0xDB, 0xE3, 0x9B).Memory([], 0xDD, 7).Put(0x0F, 0xAE, 0x03).Put(0x0F, 0xAE, 0x0B).Ends();
    }

    private RehearsalProgram Put(params ReadOnlySpan<byte> bytes)
    {
        _code.AddRange(bytes);
        return this;
    }

    private RehearsalProgram Put32(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return Put(bytes);
    }

    /// <summary>A modrm that says EAX, with this in its other field.</summary>
    private static byte Register(int field) => (byte)(0xC0 + field * 8);

    /// <summary>The instruction with [EBX + 16].</summary>
    private RehearsalProgram Memory(byte[] prefix, int opcode, int field) => Put(prefix).Put((byte)opcode, (byte)(0x43 + field * 8), At);

    /// <summary>The instruction with [EBX + 4 × ECX + 16].</summary>
    private RehearsalProgram Indexed(byte[] prefix, int opcode, int field) => Put(prefix).Put((byte)opcode, (byte)(0x44 + field * 8), 0x8B, At);

    /// <summary>The instruction with FS:[data].</summary>
    private RehearsalProgram Behind(int opcode, int field) => Put(0x64, (byte)opcode, (byte)(0x05 + field * 8)).Put32(Data);

    /// <summary>The block ends, so flags could be seen.</summary>
    private RehearsalProgram Ends() => Put(0xEB, 0);

    /// <summary>The instruction twice: its flags are seen, and they are overwritten at once.</summary>
    private RehearsalProgram Flags(byte[] instruction, bool both = true)
    {
        if (both)
        {
            Put(instruction).Put(0x85, AxDx);
        }

        return Put(instruction).Ends();
    }

    private void Joined(byte[] instruction, params ReadOnlySpan<byte> conditions)
    {
        foreach (byte condition in conditions)
        {
            Put(instruction).Put((byte)(0x70 + condition), 0);
        }
    }

    /// <summary>Jumps to this far before the end of the page, or of the next one.</summary>
    private RehearsalProgram AtEndOfPage(uint bytes)
    {
        const uint Jump = 5;
        uint target = ((Here + Jump + bytes + PageSize - 1) & ~(PageSize - 1)) - bytes;
        uint distance = target - (Here + Jump);
        Put(0xE9).Put32(distance);
        for (uint i = 0; i < distance; i++)
        {
            Put(0x90);
        }

        return this;
    }
}
