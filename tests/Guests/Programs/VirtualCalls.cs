using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Programs;

/// <summary>Objects of three classes in random order, called through their method tables; the methods call small helpers.</summary>
internal sealed class VirtualCalls : GuestProgram
{
    private const int Count = 1024;
    private const uint Objects = ProgramLayout.Data;
    private const uint Seed = 271828;

    private abstract class Shape(uint state)
    {
        protected uint State { get; set; } = state;

        public abstract void Update(uint input);

        public abstract uint Value();

        protected static uint Mix(uint a, uint b) => ((a << 7) | (a >> 25)) ^ (b + 0x9E3779B9);
    }

    private sealed class Counter(uint state) : Shape(state)
    {
        public override void Update(uint input) => State += (input & 0xFF) + 1;

        public override uint Value() => State;
    }

    private sealed class Mixer(uint state) : Shape(state)
    {
        public override void Update(uint input) => State = Mix(State, input);

        public override uint Value() => Mix(State, 1);
    }

    private sealed class Chooser(uint state) : Shape(state)
    {
        public override void Update(uint input) => State = (int)input < 0 ? State ^ input : Mix(input, State);

        public override uint Value() => State >> 3;
    }

    public override string Name => "calls";

    public override long InstructionsPerIteration => 31_100;

    public override uint Checksum(int iterations)
    {
        uint random = Seed;
        Shape[] shapes = new Shape[Count];
        for (int i = 0; i < Count; i++)
        {
            random = NextRandom(random);
            shapes[i] = (uint)(((ulong)random * 3) >> 32) switch
            {
                0 => new Counter(random),
                1 => new Mixer(random),
                _ => new Chooser(random),
            };
        }

        uint sum = 0;
        for (int iteration = 0; iteration < iterations; iteration++)
        {
            foreach (Shape shape in shapes)
            {
                shape.Update(sum);
                sum = sum * 5 + shape.Value();
            }
        }

        return sum;
    }

    protected override void Emit(ProgramBuilder b, int iterations)
    {
        Assembler c = b.Asm;
        CodeLabel[] methods = [.. Enumerable.Range(0, 6).Select(_ => b.NewLabel())];
        CodeLabel mix = b.NewLabel();
        uint tables = b.Words([.. methods.Select(b.AddressOf)]);

        c.mov(esi, Seed);
        c.mov(edi, Objects);
        CodeLabel create = b.Here();
        c.imul(esi, esi, 1664525);
        c.add(esi, 1013904223);
        c.mov(eax, esi);
        c.mov(ecx, 3);
        c.mul(ecx);
        c.lea(edx, __[edx * 8 + tables]);
        c.mov(__dword_ptr[edi], edx);
        c.mov(__dword_ptr[edi + 4], esi);
        c.add(edi, 8);
        c.cmp(edi, Objects + 8 * Count);
        c.jne(create);

        c.mov(ebp, iterations);
        c.xor(ebx, ebx);
        CodeLabel again = b.Here();
        c.mov(esi, Objects);
        CodeLabel next = b.Here();
        c.mov(eax, __dword_ptr[esi]);
        c.push(ebx);
        c.push(esi);
        c.call(__dword_ptr[eax]);
        c.mov(eax, __dword_ptr[esi]);
        c.mov(__dword_ptr[esp], esi);
        c.call(__dword_ptr[eax + 4]);
        c.add(esp, 8);
        c.lea(ebx, __[ebx + ebx * 4]);
        c.add(ebx, eax);
        c.add(esi, 8);
        c.cmp(esi, Objects + 8 * Count);
        c.jne(next);
        c.dec(ebp);
        c.jne(again);
        c.mov(eax, ebx);
        c.ret();

        // uint mix(uint a, uint b)
        b.Mark(mix);
        c.mov(eax, __dword_ptr[esp + 4]);
        c.mov(edx, __dword_ptr[esp + 8]);
        c.rol(eax, 7);
        c.add(edx, 0x9E3779B9);
        c.xor(eax, edx);
        c.ret();

        b.Mark(methods[0]);
        c.mov(edx, __dword_ptr[esp + 4]);
        c.movzx(eax, __byte_ptr[esp + 8]);
        c.inc(eax);
        c.add(__dword_ptr[edx + 4], eax);
        c.ret();

        b.Mark(methods[1]);
        c.mov(eax, __dword_ptr[esp + 4]);
        c.mov(eax, __dword_ptr[eax + 4]);
        c.ret();

        b.Mark(methods[2]);
        c.push(ebx);
        c.mov(ebx, __dword_ptr[esp + 8]);
        c.push(__dword_ptr[esp + 12]);
        c.push(__dword_ptr[ebx + 4]);
        c.call(mix);
        c.add(esp, 8);
        c.mov(__dword_ptr[ebx + 4], eax);
        c.pop(ebx);
        c.ret();

        b.Mark(methods[3]);
        c.mov(eax, __dword_ptr[esp + 4]);
        c.push(1);
        c.push(__dword_ptr[eax + 4]);
        c.call(mix);
        c.add(esp, 8);
        c.ret();

        CodeLabel negative = b.NewLabel();
        b.Mark(methods[4]);
        c.push(ebx);
        c.mov(ebx, __dword_ptr[esp + 8]);
        c.mov(eax, __dword_ptr[esp + 12]);
        c.test(eax, eax);
        c.js(negative);
        c.push(__dword_ptr[ebx + 4]);
        c.push(eax);
        c.call(mix);
        c.add(esp, 8);
        c.mov(__dword_ptr[ebx + 4], eax);
        c.pop(ebx);
        c.ret();
        b.Mark(negative);
        c.xor(__dword_ptr[ebx + 4], eax);
        c.pop(ebx);
        c.ret();

        b.Mark(methods[5]);
        c.mov(eax, __dword_ptr[esp + 4]);
        c.mov(eax, __dword_ptr[eax + 4]);
        c.shr(eax, 3);
        c.ret();
    }
}
