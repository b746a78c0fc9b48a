using Iced.Intel;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Tests.Rigs;
using Label = Iced.Intel.Label;

namespace Lguest.Jit.Translator.Tests.Differential;

/// <summary>
/// Random code over everything that has a template, and some that has none: all widths, parts of registers, memory that
/// crosses a page or ends, flags looked at behind every producer, branches, loops, calls. It need not end: the budget ends it.
/// </summary>
internal sealed class RandomProgram
{
    /// <summary>RAM ends behind this page: what reaches further faults.</summary>
    public const uint LastPage = Rig.RamSize - 0x1000;

    /// <summary>The middle of it is a page boundary.</summary>
    public const uint Window = 0x20000;
    public const uint WindowLength = 0x2000;

    private static readonly string[] s_conditions = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"];
    private static readonly string[] s_binary = ["Add", "Sub", "Cmp", "And", "Or", "Xor", "Adc", "Sbb", "Test", "Add", "Sub", "Cmp"];
    private static readonly string[] s_shifts = ["Shl", "Shr", "Sar", "Rol", "Ror", "Rcl", "Rcr"];
    private static readonly Register[] s_words = [Register.EAX, Register.ECX, Register.EDX, Register.EBP];
    private static readonly Register[] s_halves = [Register.AX, Register.CX, Register.DX, Register.BP];
    private static readonly Register[] s_bytes = [Register.AL, Register.AH, Register.CL, Register.CH, Register.DL, Register.DH];
    private static readonly Register[] s_sources = [Register.EAX, Register.ECX, Register.EDX, Register.EBP, Register.EBX, Register.ESI, Register.EDI, Register.ESP];

    private static readonly Code[] s_others =
    [
        Code.Cdq, Code.Cwde, Code.Cbw, Code.Cwd, Code.Lahf, Code.Sahf, Code.Clc, Code.Stc, Code.Cmc, Code.Pushfd, Code.Nopd, Code.Leaved, Code.Pushad,
    ];

    private readonly Random _random;
    private readonly Assembler _asm = new(32);

    private RandomProgram(int seed) => _random = new Random(seed);

    /// <summary>The code of a seed, for address <paramref name="origin"/>.</summary>
    public static byte[] Generate(int seed, uint origin) => new RandomProgram(seed).Build(origin);

    /// <summary>Registers to start from.</summary>
    public static unsafe void Seed(GuestCpu* cpu, Random random)
    {
        for (int i = 0; i < 8; i++)
        {
            cpu->Gpr[i] = random.Next(4) == 0 ? (uint)random.Next(-2, 3) : (uint)random.NextInt64(1L << 32);
        }

        cpu->Gpr[Reg.Esp] = Rig.StackTop;
        cpu->Gpr[Reg.Ebx] = Window + 0x200 + (uint)random.Next(64);
        cpu->Gpr[Reg.Esi] = Window + 0x1000 - (uint)random.Next(48);
        cpu->Gpr[Reg.Edi] = random.Next(3) == 0 ? Rig.RamSize - (uint)random.Next(1, 60) : LastPage + (uint)random.Next(0xF00);
    }

    private byte[] Build(uint origin)
    {
        int pieces = _random.Next(2, 7);
        Label[] labels = [.. Enumerable.Range(0, pieces + 1).Select(_ => _asm.CreateLabel())];
        Label[] functions = [_asm.CreateLabel(), _asm.CreateLabel()];
        for (int i = 0; i < pieces; i++)
        {
            _asm.Label(ref labels[i]);
            Straight(_random.Next(1, 7));
            Branch(labels, functions);
        }

        _asm.Label(ref labels[pieces]);
        _asm.int3();
        for (int i = 0; i < functions.Length; i++)
        {
            _asm.Label(ref functions[i]);
            Straight(_random.Next(1, 4));
            if (_random.Next(4) == 0)
            {
                _asm.ret((short)_random.Next(0, 3));
            }
            else
            {
                _asm.ret();
            }
        }

        using var stream = new MemoryStream();
        _asm.Assemble(new StreamCodeWriter(stream), origin);
        return stream.ToArray();
    }

    private void Branch(Label[] labels, Label[] functions)
    {
        ulong target = labels[_random.Next(labels.Length)].Id;
        switch (_random.Next(10))
        {
            case 0:
                _asm.AddInstruction(Instruction.CreateBranch(Code.Jmp_rel32_32, target));
                break;
            case 1:
                _asm.AddInstruction(Instruction.CreateBranch(Code.Loop_rel8_32_ECX, target));
                break;
            case 2:
                _asm.AddInstruction(Instruction.CreateBranch(Code.Jecxz_rel8_32, target));
                break;
            case 3:
                _asm.AddInstruction(Instruction.CreateBranch(Code.Loopne_rel8_32_ECX, target));
                break;
            case 4 or 5:
                _asm.AddInstruction(Instruction.CreateBranch(Code.Call_rel32_32, functions[_random.Next(functions.Length)].Id));
                break;
            default:
                string name = s_conditions[_random.Next(16)];
                _asm.AddInstruction(Instruction.CreateBranch(Named($"J{name}_rel32_32"), target));
                break;
        }
    }

    private void Straight(int count)
    {
        for (int i = 0; i < count; i++)
        {
            _asm.AddInstruction(Next());
        }
    }

    private Instruction Next() => _random.Next(26) switch
    {
        < 8 => Binary(),
        8 or 9 => Unary(_random.Next(2) == 0 ? "Inc" : "Dec"),
        10 => Unary(_random.Next(2) == 0 ? "Neg" : "Not"),
        11 or 12 => Shift(),
        13 or 14 => Mode(Named($"Set{s_conditions[_random.Next(16)]}_rm8"), 1),
        15 => Read(Named($"Cmov{s_conditions[_random.Next(16)]}_r{(_random.Next(4) == 0 ? 16 : 32)}_rm{0}"), 0),
        16 or 17 => Move(),
        18 => Extend(),
        19 => Instruction.Create(_random.Next(4) == 0 ? Code.Lea_r16_m : Code.Lea_r32_m, Pick(s_words), Address()),
        20 => Push(),
        21 => Instruction.Create(Code.Pop_r32, Pick(s_words)),
        22 => Exchange(),
        23 => Multiply(),
        24 => Strange(),
        _ => Instruction.Create(s_others[_random.Next(s_others.Length)]),
    };

    private Instruction Binary()
    {
        string name = Pick(s_binary);
        int size = Size();
        switch (_random.Next(4))
        {
            case 0:
                return Mode(Named($"{name}_rm{size * 8}_imm{size * 8}"), size, Immediate(size));
            case 1 when name != "Test":
                return Instruction.Create(Named($"{name}_r{size * 8}_rm{size * 8}"), Part(size), Address());
            case 2:
                return Instruction.Create(Named($"{name}_rm{size * 8}_r{size * 8}"), Address(), Source(size));
            default:
                return Instruction.Create(Named($"{name}_rm{size * 8}_r{size * 8}"), Part(size), Source(size));
        }
    }

    private Instruction Unary(string name)
    {
        int size = Size();
        return Mode(Named($"{name}_rm{size * 8}"), size);
    }

    private Instruction Shift()
    {
        string name = Pick(s_shifts);
        int size = Size();
        switch (_random.Next(3))
        {
            case 0:
                return _random.Next(4) == 0
                    ? Instruction.Create(Named($"{name}_rm{size * 8}_CL"), Address(), Register.CL)
                    : Instruction.Create(Named($"{name}_rm{size * 8}_CL"), Part(size), Register.CL);
            default:
                return Mode(Named($"{name}_rm{size * 8}_imm8"), size, _random.Next(0, 40));
        }
    }

    private Instruction Move()
    {
        int size = Size();
        return _random.Next(4) switch
        {
            0 => Instruction.Create(Named($"Mov_r{size * 8}_rm{size * 8}"), Part(size), Address()),
            1 => Instruction.Create(Named($"Mov_rm{size * 8}_r{size * 8}"), Address(), Source(size)),
            2 => Mode(Named($"Mov_rm{size * 8}_imm{size * 8}"), size, Immediate(size)),
            _ => Instruction.Create(Named($"Mov_rm{size * 8}_r{size * 8}"), Part(size), Source(size)),
        };
    }

    private Instruction Extend()
    {
        Code code = Named($"Mov{(_random.Next(2) == 0 ? "zx" : "sx")}_{Pick(["r32_rm8", "r32_rm16", "r16_rm8"])}");
        bool wide = code is Code.Movzx_r32_rm16 or Code.Movsx_r32_rm16;
        Register to = code is Code.Movzx_r16_rm8 or Code.Movsx_r16_rm8 ? Part(2) : Part(4);
        return _random.Next(2) == 0 ? Instruction.Create(code, to, Address()) : Instruction.Create(code, to, Part(wide ? 2 : 1));
    }

    private Instruction Push() => _random.Next(3) switch
    {
        0 => Instruction.Create(Code.Push_rm32, Address()),
        1 => Instruction.Create(Code.Pushd_imm32, Immediate(4)),
        _ => Instruction.Create(Code.Push_r32, Pick(s_sources)),
    };

    private Instruction Exchange()
    {
        int size = Size();
        Code code = Named($"Xchg_rm{size * 8}_r{size * 8}");
        return _random.Next(3) == 0 ? Instruction.Create(code, Address(), Part(size)) : Instruction.Create(code, Part(size), Part(size));
    }

    private Instruction Multiply() => _random.Next(4) switch
    {
        0 => Instruction.Create(Code.Imul_r32_rm32, Part(4), Source(4)),
        1 => Instruction.Create(Code.Imul_r32_rm32, Part(4), Address()),
        2 => Instruction.Create(Code.Imul_r32_rm32_imm32, Part(4), Address(), Immediate(4)),
        _ => Instruction.Create(Code.Mul_rm32, Part(4)),
    };

    private Instruction Strange() => _random.Next(8) switch
    {
        0 => Instruction.Create(Code.Bswap_r32, Part(4)),
        1 => Instruction.Create(Code.Bt_rm32_r32, Part(4), Source(4)),
        2 => Instruction.Create(Code.Shld_rm32_r32_imm8, Part(4), Source(4), _random.Next(40)),
        3 => Instruction.Create(Code.Xadd_rm32_r32, Address(), Part(4)),
        4 => Instruction.Create(Code.Cmpxchg_rm32_r32, Address(), Part(4)),
        5 => Instruction.Create(Code.Div_rm32, Source(4)),
        6 => Instruction.Create(Code.Bsf_r32_rm32, Part(4), Source(4)),
        _ => Instruction.Create(Code.Imul_r16_rm16, Part(2), Source(2)),
    };

    /// <summary>rm in a register or in memory, with an immediate or without.</summary>
    private Instruction Mode(Code code, int size, int? immediate = null)
    {
        if (_random.Next(3) == 0)
        {
            return immediate is { } m ? Instruction.Create(code, Address(), m) : Instruction.Create(code, Address());
        }

        return immediate is { } r ? Instruction.Create(code, Part(size), r) : Instruction.Create(code, Part(size));
    }

    private Instruction Read(Code code, int _) =>
        code.ToString().Contains("_r16_", StringComparison.Ordinal)
            ? Instruction.Create(code, Part(2), Part(2))
            : _random.Next(3) == 0 ? Instruction.Create(code, Part(4), Address()) : Instruction.Create(code, Part(4), Source(4));

    private MemoryOperand Address()
    {
        Register pointer = Pick<Register>([Register.EBX, Register.ESI, Register.ESI, Register.EDI, Register.EBX, Register.ESP]);
        int offset = _random.Next(-8, 72);
        return _random.Next(24) == 0
            ? new MemoryOperand(pointer, Register.ECX, 1 << _random.Next(4), offset, 4)
            : new MemoryOperand(pointer, offset, 4);
    }

    private int Size() => _random.Next(5) switch { 0 => 1, 1 => 2, _ => 4 };

    private int Immediate(int size)
    {
        int value = _random.Next(3) == 0 ? _random.Next(-2, 3) : _random.Next(int.MinValue, int.MaxValue);
        return size switch { 1 => (sbyte)value, 2 => (short)value, _ => value };
    }

    /// <summary>A register that may be written to: pointers seldom are.</summary>
    private Register Part(int size) => size switch
    {
        1 => Pick(s_bytes),
        2 => Pick(s_halves),
        _ => _random.Next(40) == 0 ? Pick<Register>([Register.EBX, Register.ESI, Register.EDI]) : Pick(s_words),
    };

    private Register Source(int size) => size == 4 ? Pick(s_sources) : Part(size);

    private T Pick<T>(T[] from) => from[_random.Next(from.Length)];

    /// <summary>Iced's code for a name; "rm0" stands for the width of the register before it.</summary>
    private static Code Named(string name)
    {
        string fixedName = name.EndsWith("_rm0", StringComparison.Ordinal)
            ? name.Replace("_rm0", name.Contains("_r16", StringComparison.Ordinal) ? "_rm16" : "_rm32", StringComparison.Ordinal)
            : name;
        return Enum.Parse<Code>(fixedName);
    }
}
