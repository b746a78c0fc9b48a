using Iced.Intel;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Tests.Rigs;
using Label = Iced.Intel.Label;

namespace Lguest.Jit.Translator.Tests.FloatingPoint;

/// <summary>
/// Random floating-point code as no compiler would write it: every x87 instruction, between integer instructions that change its
/// addresses, read its results and write its operands; operands across page ends, beyond the end of RAM and beside
/// the program's own code; registers that are empty or full when they should not be; control words of all kinds.
/// </summary>
internal sealed class X87Program
{
    /// <summary>The middle of it is a page boundary.</summary>
    public const uint Window = 0x20000;
    public const uint WindowLength = 0x2000;

    /// <summary>RAM ends behind this page.</summary>
    public const uint LastPage = Rig.RamSize - 0x1000;

    /// <summary>Data beside code: a page that has no write entry while translations of it live.</summary>
    public const int BesideCode = 0x700;

    private static readonly string[] s_conditions = ["b", "ae", "e", "ne", "be", "a", "p", "np", "s", "o"];
    private static readonly Register[] s_pointers = [Register.EBX, Register.ESI, Register.EDI, Register.EBP, Register.ESP];
    private static readonly Register[] s_numbers = [Register.EAX, Register.EDX];

    private static readonly ushort[] s_controlWords =
        [0x037F, 0x037F, 0x037F, 0x027F, 0x007F, 0x0F7F, 0x077F, 0x0B7F, 0x0A7F, 0x0C3F, 0x047F, 0x017F, 0x1F7F, 0x035F, 0x0340, 0x036F, 0x037E, 0x033F];

    private readonly Random _random;
    private readonly Assembler _asm = new(32);
    private readonly bool _tame;

    private X87Program(int seed)
    {
        _random = new Random(seed);
        _tame = _random.Next(2) == 0;
    }

    /// <summary>The code of a seed, for address <paramref name="origin"/>: at most <see cref="BesideCode"/> bytes. It need not end.</summary>
    public static byte[] Generate(int seed, uint origin) => new X87Program(seed).Build(origin);

    /// <summary>Registers and x87 unit to start from.</summary>
    public static unsafe void Seed(GuestCpu* cpu, Random random, uint origin)
    {
        for (int i = 0; i < 8; i++)
        {
            cpu->Gpr[i] = random.Next(3) == 0 ? (uint)random.NextInt64(1L << 32) : (uint)random.Next(9);
        }

        cpu->Gpr[Reg.Esp] = Rig.StackTop - (uint)random.Next(4) * 4;
        cpu->Gpr[Reg.Ebx] = Window + 0x200 + (uint)random.Next(64);
        cpu->Gpr[Reg.Esi] = Window + 0x1000 - (uint)random.Next(64);
        cpu->Gpr[Reg.Edi] = random.Next(3) == 0 ? Rig.RamSize - (uint)random.Next(1, 80) : LastPage + (uint)random.Next(0xF00);
        cpu->Gpr[Reg.Ebp] = random.Next(2) == 0 ? origin + BesideCode : Window + 0x1800;
        cpu->Ts = random.Next(40) == 0 ? 1u : 0;
        cpu->Fpu.Initialise();
        cpu->Fpu.ControlWord = s_controlWords[random.Next(s_controlWords.Length)];
        if (random.Next(2) == 0)
        {
            cpu->Fpu.ControlWord |= 0x3F;
        }

        cpu->Fpu.Top = random.Next(8);
        int used = random.Next(9);
        for (int i = 0; i < 8; i++)
        {
            X87.St(ref cpu->Fpu, i) = Number(random);
            cpu->Fpu.Tags |= (byte)(i < used ? 1 << ((cpu->Fpu.Top + i) & 7) : 0);
        }

        if (random.Next(6) == 0)
        {
            cpu->Fpu.Tags = (byte)random.Next(256);
        }

        // Flags that are there already; none of those that are let through, or there would be nothing but #MF.
        cpu->Fpu.StatusWord |= (ushort)(random.Next(0x80) & cpu->Fpu.ControlWord & 0x7F);
        cpu->Fpu.StatusWord |= (ushort)(random.Next(0x10000) & 0x4700);
    }

    /// <summary>Memory full of numbers, in all formats, as they come.</summary>
    public static byte[] Numbers(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        for (int at = 0; at + 16 <= length; at += 8)
        {
            switch (random.Next(4))
            {
                case 0:
                    BitConverter.TryWriteBytes(bytes.AsSpan(at), Double(random));
                    break;
                case 1:
                    BitConverter.TryWriteBytes(bytes.AsSpan(at), (float)Double(random));
                    BitConverter.TryWriteBytes(bytes.AsSpan(at + 4), random.Next(-1000, 1000));
                    break;
                case 2:
                    BitConverter.TryWriteBytes(bytes.AsSpan(at), Number(random).Significand);
                    break;
            }
        }

        return bytes;
    }

    private static double Double(Random random) => random.Next(16) switch
    {
        0 => 0,
        1 => -0.0,
        2 => double.PositiveInfinity,
        3 => BitConverter.UInt64BitsToDouble(0x7FF0_0000_0000_0001 + ((ulong)random.Next(2) << 51)),
        4 => BitConverter.UInt64BitsToDouble((ulong)random.NextInt64(1L << 51)),
        5 => random.Next(-5, 5),
        6 => double.MaxValue,
        _ => (random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-70, 70)),
    };

    private static F80 Number(Random random) => random.Next(12) switch
    {
        0 => F80.Zero(random.Next(2) == 0),
        1 => F80.Infinity(random.Next(2) == 0),
        2 => new F80((ulong)random.NextInt64() << 1, (ushort)random.Next(0x10000)),
        3 => new F80((ulong)random.NextInt64(), 0),
        4 => F80.DefaultNaN,
        5 => new F80(F80.IntegerBit | (ulong)random.NextInt64(), (ushort)(random.Next(2) == 0 ? 0x7FFE : 1)),
        6 => new F80(false, F80.Bias + random.Next(64), F80.IntegerBit),
        _ => new F80(F80.IntegerBit | ((ulong)random.NextInt64() << random.Next(40)), (ushort)((random.Next(2) << 15) + F80.Bias + random.Next(-60, 60))),
    };

    private byte[] Build(uint origin)
    {
        int pieces = _random.Next(1, 5);
        Label[] labels = [.. Enumerable.Range(0, pieces + 1).Select(_ => _asm.CreateLabel())];
        for (int i = 0; i < pieces; i++)
        {
            _asm.Label(ref labels[i]);
            int count = _random.Next(1, 24);
            for (int k = 0; k < count; k++)
            {
                _asm.AddInstruction(_random.Next(10) < 7 ? FloatingPoint() : Integer());
            }

            string name = s_conditions[_random.Next(s_conditions.Length)];
            _asm.AddInstruction(Instruction.CreateBranch(Named($"J{name}_rel32_32"), labels[_random.Next(labels.Length)].Id));
        }

        _asm.Label(ref labels[pieces]);
        _asm.int3();
        using var stream = new MemoryStream();
        _asm.Assemble(new StreamCodeWriter(stream), origin);
        return stream.ToArray();
    }

    private Instruction FloatingPoint()
    {
        int kind = _random.Next(_tame ? 20 : 24);
        return kind switch
        {
            < 4 => Instruction.Create(Pick([Code.Fld_m64fp, Code.Fld_m32fp, Code.Fld_m80fp, Code.Fild_m16int, Code.Fild_m32int, Code.Fild_m64int]), Address()),
            4 or 5 => Instruction.Create(Pick([Code.Fstp_m64fp, Code.Fstp_m32fp, Code.Fstp_m80fp, Code.Fistp_m16int, Code.Fistp_m32int, Code.Fistp_m64int]), Address()),
            6 => Instruction.Create(Pick([Code.Fst_m64fp, Code.Fst_m32fp, Code.Fist_m16int, Code.Fist_m32int, Code.Fisttp_m16int, Code.Fisttp_m32int, Code.Fisttp_m64int]), Address()),
            < 10 => Instruction.Create(Named($"F{Arithmetic()}_{Pick(["m32fp", "m64fp"])}"), Address()),
            10 => Instruction.Create(Named($"Fi{Arithmetic()}_{Pick(["m16int", "m32int"])}"), Address()),
            < 13 => Register2($"F{Arithmetic()}_st0_sti", toRegister: false),
            13 => Register2($"F{Arithmetic()}_sti_st0", toRegister: true),
            14 => Register2($"F{Arithmetic()}p_sti_st0", toRegister: true),
            15 => Register2("Fxch_st0_sti", toRegister: false),
            16 => _random.Next(3) switch
            {
                0 => Instruction.Create(Code.Fld_sti, St()),
                1 => Instruction.Create(Code.Fst_sti, St()),
                _ => Instruction.Create(Code.Fstp_sti, St()),
            },
            17 => Instruction.Create(Pick([Code.Fchs, Code.Fabs, Code.Fsqrt, Code.Frndint, Code.Fld1, Code.Fldz, Code.Fldpi, Code.Fldl2e, Code.Fldlg2])),
            18 => Compare(),
            19 => _random.Next(4) == 0
                ? Instruction.Create(Code.Fnstsw_AX, Register.AX)
                : Instruction.Create(Pick([Code.Sahf, Code.Wait, Code.Ftst, Code.Fxam, Code.Fcompp, Code.Fucompp])),
            20 => Instruction.Create(Pick([Code.Fnclex, Code.Fincstp, Code.Fdecstp, Code.Fnop, Code.Fprem, Code.Fscale, Code.Fxtract, Code.Fninit, Code.Fsin])),
            21 => Instruction.Create(Code.Ffree_sti, St()),
            22 => Instruction.Create(Pick([Code.Fldcw_m2byte, Code.Fnstcw_m2byte, Code.Fnstcw_m2byte, Code.Fnstsw_m2byte, Code.Fnstenv_m28byte]), Address()),
            _ => Register2(Pick(["Fcmovb_st0_sti", "Fcmovne_st0_sti", "Fcmovu_st0_sti"]), toRegister: false),
        };
    }

    private Instruction Compare() => _random.Next(4) switch
    {
        0 => Instruction.Create(Pick([Code.Fcom_m32fp, Code.Fcomp_m64fp, Code.Fcomp_m32fp, Code.Ficom_m16int, Code.Ficomp_m32int]), Address()),
        1 => Register2(Pick(["Fcom_st0_sti", "Fcomp_st0_sti", "Fucom_st0_sti", "Fucomp_st0_sti"]), toRegister: false),
        _ => Register2(Pick(["Fcomi_st0_sti", "Fcomip_st0_sti", "Fucomi_st0_sti", "Fucomip_st0_sti"]), toRegister: false),
    };

    private Instruction Register2(string name, bool toRegister) => toRegister
        ? Instruction.Create(Named(name), St(), Register.ST0)
        : Instruction.Create(Named(name), Register.ST0, St());

    private Instruction Integer() => _random.Next(14) switch
    {
        0 => Instruction.Create(Code.Add_rm32_imm8, Pick(s_pointers[..3]), Pick([4, 8, -8, 16])),
        1 => Instruction.Create(Code.Lea_r32_m, Pick(s_numbers), Address()),
        2 or 3 => Instruction.Create(Code.Mov_r32_rm32, Pick(s_numbers), Address()),
        4 or 5 => Instruction.Create(Code.Mov_rm32_r32, Address(), Pick(s_numbers)),
        6 => Instruction.Create(Code.Add_r32_rm32, Pick(s_numbers), Address()),
        7 => Instruction.Create(Code.Cmp_rm32_r32, Address(), Pick(s_numbers)),
        8 => Instruction.Create(Code.Dec_r32, Register.ECX),
        9 => Instruction.Create(Named($"Set{Pick(s_conditions)}_rm8"), Pick([Register.AL, Register.DL, Register.AH])),
        10 => Instruction.Create(Code.Shl_rm32_imm8, Pick(s_numbers), 3),
        11 => Instruction.Create(Code.Test_rm8_imm8, Register.AH, Pick([0x45, 0x40, 0x01])),
        12 => Instruction.Create(Code.Push_r32, Pick(s_numbers)),
        _ => Instruction.Create(Code.And_rm32_imm8, Pick(s_numbers), 0xC),
    };

    private MemoryOperand Address()
    {
        Register register = Pick(s_pointers);
        int displacement = _random.Next(3) == 0 ? 8 * _random.Next(8) : _random.Next(-40, 64);
        return _random.Next(12) switch
        {
            0 => new MemoryOperand(Register.None, Window + 0xFF0 + _random.Next(32), 4),
            1 => new MemoryOperand(register, Register.EAX, 1, displacement, 4),
            2 => new MemoryOperand(Register.EBX, Register.ECX, 8, displacement, 4),
            _ => new MemoryOperand(register, displacement, 4),
        };
    }

    private string Arithmetic() => Pick(["add", "mul", "sub", "subr", "div", "divr"]);

    private Register St() => Register.ST0 + (_random.Next(2) == 0 ? _random.Next(3) : _random.Next(8));

    private T Pick<T>(T[] from) => from[_random.Next(from.Length)];

    private static Code Named(string name) => Enum.Parse<Code>(name);
}
