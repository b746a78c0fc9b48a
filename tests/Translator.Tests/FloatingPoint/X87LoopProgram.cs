using Iced.Intel;
using Lguest.Jit.Core.State;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.FloatingPoint;

/// <summary>
/// Random loops as compilers write them: within each turn as much is pushed as is popped, so that a thunk can run all of it. What they meet is no kinder
/// than in <see cref="X87Program"/>: page ends, memory that is not there, code beside data, budgets that end anywhere, stacks that are not as they should be.
/// </summary>
internal sealed class X87LoopProgram
{
    private const int Depth = 3;

    private static readonly AssemblerRegister32[] s_pointers = [ebx, esi, edi, ebp, esp];
    private readonly Random _random;
    private readonly Assembler _c = new(32);
    private int _depth = Depth;

    private X87LoopProgram(int seed) => _random = new Random(seed);

    /// <summary>The code of a seed: at most <see cref="X87Program.BesideCode"/> bytes.</summary>
    public static byte[] Generate(int seed, uint origin)
    {
        var program = new X87LoopProgram(seed);
        program.Build();
        using var stream = new MemoryStream();
        program._c.Assemble(new StreamCodeWriter(stream), origin);
        return stream.ToArray();
    }

    /// <summary>As <see cref="X87Program.Seed"/>, but that the stack is mostly what the loop wants.</summary>
    public static unsafe void Seed(GuestCpu* cpu, Random random, uint origin)
    {
        X87Program.Seed(cpu, random, origin);
        cpu->Gpr[Reg.Ecx] = (uint)random.Next(1, 40);
        if (random.Next(8) != 0)
        {
            cpu->Fpu.ControlWord |= 0x3F;
            cpu->Fpu.Tags = 0;
            for (int i = 0; i < Depth; i++)
            {
                cpu->Fpu.Tags |= (byte)(1 << ((cpu->Fpu.Top + i) & 7));
            }
        }
    }

    private void Build()
    {
        Label outer = _c.CreateLabel();
        Label inner = _c.CreateLabel();
        Label past = _c.CreateLabel();
        _c.Label(ref outer);
        Piece();
        bool nested = _random.Next(2) == 0;
        if (nested)
        {
            _c.mov(edx, _random.Next(1, 5));
            _c.Label(ref inner);
            Piece();
            _c.dec(edx);
            _c.jne(inner);
            _c.nop();
        }

        if (_random.Next(2) == 0)
        {
            _c.fld(st1);
            _c.fcomip(st0, st1);
            _c.fxch(st0, st1);
            _c.fxch(st0, st1);
            Jump(past);
            Piece();
            _c.Label(ref past);
            Piece();
        }

        if (_random.Next(2) == 0)
        {
            _c.dec(ecx);
        }
        else
        {
            _c.sub(ecx, 1);
        }

        _c.jne(outer);
        _c.int3();
    }

    private void Jump(Label to)
    {
        switch (_random.Next(4))
        {
            case 0:
                _c.ja(to);
                break;
            case 1:
                _c.jp(to);
                break;
            case 2:
                _c.je(to);
                break;
            default:
                _c.jae(to);
                break;
        }
    }

    private void Piece()
    {
        for (int k = _random.Next(1, 10); k > 0; k--)
        {
            if (_random.Next(3) == 0)
            {
                Integer();
            }
            else
            {
                FloatingPoint();
            }
        }

        while (_depth > Depth)
        {
            _depth--;
            switch (_random.Next(3))
            {
                case 0:
                    _c.fstp(st0);
                    break;
                case 1:
                    _c.faddp(st1, st0);
                    break;
                default:
                    _c.fstp(Memory(__qword_ptr));
                    break;
            }
        }

        while (_depth < Depth)
        {
            _depth++;
            _c.fld(Memory(__qword_ptr));
        }
    }

    private void FloatingPoint()
    {
        AssemblerRegisterST other = At(_random.Next(_depth));
        int kind = _random.Next(16);
        if (kind < 4 && _depth < 7)
        {
            Push(other);
            return;
        }

        if (kind is >= 4 and < 7 && _depth > 2)
        {
            Pop();
            return;
        }

        switch (kind)
        {
            case 7:
                _c.fadd(Memory(__qword_ptr));
                break;
            case 8:
                _c.fmul(st0, other);
                break;
            case 9:
                _c.fsub(other, st0);
                break;
            case 10:
                _c.fxch(st0, other);
                break;
            case 11:
                _c.fdivr(Memory(__dword_ptr));
                break;
            case 12:
                _c.fst(Memory(__qword_ptr));
                break;
            case 13:
                _c.fist(Memory(__dword_ptr));
                break;
            case 14:
                _c.fcomi(st0, other);
                break;
            default:
                switch (_random.Next(4))
                {
                    case 0:
                        _c.fchs();
                        break;
                    case 1:
                        _c.fsqrt();
                        break;
                    case 2:
                        _c.frndint();
                        break;
                    default:
                        _c.fiadd(Memory(__word_ptr));
                        break;
                }

                break;
        }
    }

    private void Push(AssemblerRegisterST other)
    {
        _depth++;
        switch (_random.Next(7))
        {
            case 0:
                _c.fld(Memory(__dword_ptr));
                break;
            case 1:
                _c.fld(Memory(__qword_ptr));
                break;
            case 2:
                _c.fld(Memory(__tbyte_ptr));
                break;
            case 3:
                _c.fild(Memory(__dword_ptr));
                break;
            case 4:
                _c.fldpi();
                break;
            default:
                _c.fld(other);
                break;
        }
    }

    private void Pop()
    {
        _depth--;
        switch (_random.Next(7))
        {
            case 0:
                _c.fstp(Memory(__dword_ptr));
                break;
            case 1:
                _c.fstp(Memory(__tbyte_ptr));
                break;
            case 2:
                _c.fistp(Memory(__qword_ptr));
                break;
            case 3:
                _c.fstp(At(_random.Next(1, _depth)));
                break;
            case 4:
                _c.fmulp(At(_random.Next(1, _depth)), st0);
                break;
            case 5:
                _c.fdivrp(st1, st0);
                break;
            default:
                _c.fucomip(st0, st1);
                break;
        }
    }

    private void Integer()
    {
        switch (_random.Next(13))
        {
            case 0:
                _c.add(Pick(s_pointers[..3]), Pick([4, 8, -8, 16]));
                break;
            case 1:
                _c.lea(eax, Memory(__dword_ptr));
                break;
            case 2:
                _c.mov(eax, Memory(__dword_ptr));
                break;
            case 3:
                _c.mov(Memory(__dword_ptr), eax);
                break;
            case 4:
                _c.add(eax, Memory(__dword_ptr));
                break;
            case 5:
                _c.cmp(Memory(__dword_ptr), eax);
                break;
            case 6:
                _c.inc(Memory(__dword_ptr));
                break;
            case 7:
                _c.imul(eax, eax, 7);
                _c.test(eax, eax);
                break;
            case 8:
                _c.adc(eax, 3);
                break;
            case 9:
                _c.shl(eax, 2);
                _c.cmp(eax, ecx);
                break;
            case 10:
                _c.movzx(eax, Memory(__byte_ptr));
                break;
            case 11:
                _c.sbb(eax, eax);
                break;
            default:
                _c.and(eax, 0xC);
                break;
        }
    }

    private AssemblerMemoryOperand Memory(AssemblerMemoryOperandFactory width)
    {
        AssemblerRegister32 register = Pick(s_pointers);
        int displacement = _random.Next(3) == 0 ? 8 * _random.Next(8) : _random.Next(-40, 64);
        return _random.Next(12) switch
        {
            0 => width[X87Program.Window + 0xFF0 + _random.Next(32)],
            1 => width[ebx + ecx * 8 + displacement],
            2 => width[ecx * 4 + (int)X87Program.Window],
            _ => width[register + displacement],
        };
    }

    private static AssemblerRegisterST At(int index) => index switch { 0 => st0, 1 => st1, 2 => st2, 3 => st3, 4 => st4, 5 => st5, 6 => st6, _ => st7 };

    private T Pick<T>(T[] from) => from[_random.Next(from.Length)];
}
