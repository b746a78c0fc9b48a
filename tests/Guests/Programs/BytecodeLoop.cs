using System.Buffers.Binary;
using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs;

/// <summary>An interpreter of a small stack machine: each handler jumps to the next through a table.</summary>
internal sealed class BytecodeLoop : GuestProgram
{
    private const uint Locals = ProgramLayout.Data;
    private const uint Stack = ProgramLayout.Data + 0x1000;
    private const int Rounds = 1000;

    /// <summary>The stack machine's instructions; operands follow in the code.</summary>
    private enum Op : byte
    {
        Push32,
        Load,
        Store,
        Add,
        Subtract,
        Multiply,
        And,
        Xor,
        ShiftLeft,
        ShiftRight,
        Less,
        JumpIfZero,
        JumpIfNotZero,
        Jump,
        Duplicate,
        Return,
    }

    public override string Name => "bytecode";

    public override long InstructionsPerIteration => 1_105_000;

    public override uint Checksum(int iterations)
    {
        // What the bytecode says, said in C#.
        uint x = 2463534242;
        uint sum = 0;
        for (int iteration = 0; iteration < iterations; iteration++)
        {
            for (uint i = Rounds; i != 0; i--)
            {
                x ^= x << 13;
                x ^= x >> 17;
                x ^= x << 5;
                sum = (x & 7) < 3 ? sum + x : sum * 5 + i;
                for (uint j = x & 15; j != 0; j--)
                {
                    sum ^= j * j + (sum >> 3);
                }
            }
        }

        return sum;
    }

    protected override void Emit(ProgramBuilder b, int iterations)
    {
        Assembler c = b.Asm;
        uint code = b.Bytes(Bytecode());
        CodeLabel[] handlers = [.. Enum.GetValues<Op>().Select(_ => b.NewLabel())];
        uint table = b.Words([.. handlers.Select(b.AddressOf)]);

        c.push(iterations);
        c.mov(__dword_ptr[Locals], 2463534242u);
        c.mov(__dword_ptr[Locals + 4], 0);
        CodeLabel again = b.Here();
        CodeLabel run = b.NewLabel();
        c.mov(__dword_ptr[Locals + 8], Rounds);
        c.call(run);
        c.dec(__dword_ptr[esp]);
        c.jne(again);
        c.pop(ecx);
        c.ret();

        b.Mark(run);
        c.mov(esi, code);
        c.mov(edi, Stack);
        c.mov(ebp, Locals);
        Dispatch();

        void Dispatch()
        {
            c.movzx(eax, __byte_ptr[esi]);
            c.inc(esi);
            c.jmp(__dword_ptr[eax * 4 + table]);
        }

        void Handler(Op op, Action body)
        {
            b.Mark(handlers[(int)op]);
            body();
            if (op != Op.Return)
            {
                Dispatch();
            }
        }

        void Binary(Op op, Action body) => Handler(op, () =>
        {
            c.mov(eax, __dword_ptr[edi]);
            c.sub(edi, 4);
            body();
        });

        void Branch(Op op, Action<CodeLabel> skip)
        {
            CodeLabel notTaken = b.NewLabel();
            Handler(op, () =>
            {
                c.mov(edx, __dword_ptr[edi]);
                c.sub(edi, 4);
                c.movsx(eax, __word_ptr[esi]);
                c.add(esi, 2);
                c.test(edx, edx);
                skip(notTaken);
                c.add(esi, eax);
                b.Mark(notTaken);
            });
        }

        Handler(Op.Push32, () =>
        {
            c.mov(eax, __dword_ptr[esi]);
            c.add(esi, 4);
            c.add(edi, 4);
            c.mov(__dword_ptr[edi], eax);
        });
        Handler(Op.Load, () =>
        {
            c.movzx(eax, __byte_ptr[esi]);
            c.inc(esi);
            c.mov(eax, __dword_ptr[ebp + eax * 4]);
            c.add(edi, 4);
            c.mov(__dword_ptr[edi], eax);
        });
        Handler(Op.Store, () =>
        {
            c.movzx(eax, __byte_ptr[esi]);
            c.mov(edx, __dword_ptr[edi]);
            c.inc(esi);
            c.sub(edi, 4);
            c.mov(__dword_ptr[ebp + eax * 4], edx);
        });
        Binary(Op.Add, () => c.add(__dword_ptr[edi], eax));
        Binary(Op.Subtract, () => c.sub(__dword_ptr[edi], eax));
        Binary(Op.Multiply, () =>
        {
            c.imul(eax, __dword_ptr[edi]);
            c.mov(__dword_ptr[edi], eax);
        });
        Binary(Op.And, () => c.and(__dword_ptr[edi], eax));
        Binary(Op.Xor, () => c.xor(__dword_ptr[edi], eax));
        Handler(Op.ShiftLeft, () =>
        {
            c.mov(cl, __byte_ptr[esi]);
            c.inc(esi);
            c.shl(__dword_ptr[edi], cl);
        });
        Handler(Op.ShiftRight, () =>
        {
            c.mov(cl, __byte_ptr[esi]);
            c.inc(esi);
            c.shr(__dword_ptr[edi], cl);
        });
        Binary(Op.Less, () =>
        {
            c.xor(edx, edx);
            c.cmp(__dword_ptr[edi], eax);
            c.setb(dl);
            c.mov(__dword_ptr[edi], edx);
        });
        Branch(Op.JumpIfZero, target => c.jne(target));
        Branch(Op.JumpIfNotZero, target => c.je(target));
        Handler(Op.Jump, () =>
        {
            c.movsx(eax, __word_ptr[esi]);
            c.lea(esi, __[esi + eax + 2]);
        });
        Handler(Op.Duplicate, () =>
        {
            c.mov(eax, __dword_ptr[edi]);
            c.add(edi, 4);
            c.mov(__dword_ptr[edi], eax);
        });
        Handler(Op.Return, () =>
        {
            c.mov(eax, __dword_ptr[edi]);
            c.ret();
        });
    }

    /// <summary>The loop of <see cref="Checksum"/>; locals are 0: x, 1: sum, 2: i, 3: j.</summary>
    private static byte[] Bytecode()
    {
        List<byte> code = [];
        List<(int At, string Target)> jumps = [];
        Dictionary<string, int> targets = [];

        void Put(Op op) => code.Add((byte)op);
        void PutByte(Op op, int operand) => code.AddRange([(byte)op, (byte)operand]);
        void Constant(uint value)
        {
            Put(Op.Push32);
            code.AddRange(BitConverter.GetBytes(value));
        }

        void Jump(Op op, string target)
        {
            Put(op);
            jumps.Add((code.Count, target));
            code.AddRange([0, 0]);
        }

        void XorShift(Op shift, int count)
        {
            PutByte(Op.Load, 0);
            Put(Op.Duplicate);
            PutByte(shift, count);
            Put(Op.Xor);
            PutByte(Op.Store, 0);
        }

        targets["outer"] = code.Count;
        XorShift(Op.ShiftLeft, 13);
        XorShift(Op.ShiftRight, 17);
        XorShift(Op.ShiftLeft, 5);
        PutByte(Op.Load, 0);
        Constant(7);
        Put(Op.And);
        Constant(3);
        Put(Op.Less);
        Jump(Op.JumpIfZero, "else");
        PutByte(Op.Load, 1);
        PutByte(Op.Load, 0);
        Put(Op.Add);
        PutByte(Op.Store, 1);
        Jump(Op.Jump, "joined");
        targets["else"] = code.Count;
        PutByte(Op.Load, 1);
        Constant(5);
        Put(Op.Multiply);
        PutByte(Op.Load, 2);
        Put(Op.Add);
        PutByte(Op.Store, 1);
        targets["joined"] = code.Count;
        PutByte(Op.Load, 0);
        Constant(15);
        Put(Op.And);
        PutByte(Op.Store, 3);
        Jump(Op.Jump, "inner test");
        targets["inner"] = code.Count;
        PutByte(Op.Load, 1);
        PutByte(Op.Load, 3);
        Put(Op.Duplicate);
        Put(Op.Multiply);
        PutByte(Op.Load, 1);
        PutByte(Op.ShiftRight, 3);
        Put(Op.Add);
        Put(Op.Xor);
        PutByte(Op.Store, 1);
        PutByte(Op.Load, 3);
        Constant(1);
        Put(Op.Subtract);
        PutByte(Op.Store, 3);
        targets["inner test"] = code.Count;
        PutByte(Op.Load, 3);
        Jump(Op.JumpIfNotZero, "inner");
        PutByte(Op.Load, 2);
        Constant(1);
        Put(Op.Subtract);
        Put(Op.Duplicate);
        PutByte(Op.Store, 2);
        Jump(Op.JumpIfNotZero, "outer");
        PutByte(Op.Load, 1);
        Put(Op.Return);

        byte[] bytes = [.. code];
        foreach ((int at, string target) in jumps)
        {
            BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(at), (short)(targets[target] - at - 2));
        }

        return bytes;
    }
}
