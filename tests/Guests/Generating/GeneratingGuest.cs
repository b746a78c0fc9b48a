using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Generating;

/// <summary>
/// A Guest that is a compiler itself: it writes blocks of code, a thousand at a time, each at an address where there was none
/// before, and runs them some times. A bare machine without a Switcher.
/// </summary>
internal sealed unsafe class GeneratingGuest : IDisposable
{
    /// <summary>Blocks written before they are run.</summary>
    public const int Chunk = 1000;

    private const uint Code = 0x10000;
    private const uint StackTop = 0x9000;
    private const uint Area = 0x100000;

    /// <summary>Bytes that a block and the gap behind it take.</summary>
    private const uint Spacing = 16;

    private readonly GuestMachine _machine;
    private readonly IExecutionEngine _engine;
    private readonly int _chunks;
    private readonly int _runs;

    /// <param name="blocks">How many; rounded up to whole chunks.</param>
    /// <param name="runs">How often each runs.</param>
    /// <param name="ramSize">Bytes of RAM; each block takes 16 of them.</param>
    /// <param name="engine">Makes the engine for the machine.</param>
    public GeneratingGuest(int blocks, int runs, uint ramSize, Func<GuestMachine, IExecutionEngine> engine)
    {
        _chunks = (blocks + Chunk - 1) / Chunk;
        _runs = runs;
        _machine = new GuestMachine(ramSize, new NoClock());
        if (!_machine.Ram.TryWrite(Code, CodeBuilder.Assemble(Code, Emit)) || Area + (ulong)_chunks * (Chunk + 1) * Spacing > ramSize)
        {
            throw new InvalidOperationException("The Guest does not fit into its memory.");
        }

        _engine = engine(_machine);
        _machine.Cpu->Gpr[Reg.Esp] = StackTop;
        _machine.Cpu->Eip = Code;
        _machine.Mmu.Activate(_machine.Cpu);
    }

    public IExecutionEngine Engine => _engine;

    /// <summary>What EAX must come to: each block adds its own address.</summary>
    public uint Expected
    {
        get
        {
            uint sum = 0;
            uint at = Area;
            for (int chunk = 0; chunk < _chunks; chunk++)
            {
                for (int i = 0; i < Chunk; i++, at += Spacing)
                {
                    sum += at * (uint)_runs;
                }

                at += Spacing;
            }

            return sum;
        }
    }

    /// <summary>Runs it to its end; EAX.</summary>
    /// <exception cref="InvalidOperationException">The Guest came out for a reason it had not.</exception>
    public uint Run()
    {
        ExitReason reason = _engine.Run(_machine.Cpu, long.MaxValue / 2);
        return reason == ExitReason.SoftwareInterrupt
            ? _machine.Cpu->Gpr[Reg.Eax]
            : throw new InvalidOperationException($"The Guest that generates code ended by {reason} at {_machine.Cpu->Eip:x}.");
    }

    public void Dispose()
    {
        _engine.Dispose();
        _machine.Dispose();
    }

    private void Emit(CodeBuilder b)
    {
        const int AddEaxImmediate = 0x05;
        const int JumpRelative = 0xE9;
        const int Return = 0xC3;
        Assembler c = b.Asm;
        c.mov(edi, Area);
        c.mov(ebx, _chunks);
        CodeLabel chunk = b.Here();
        c.mov(esi, edi);
        c.mov(ecx, Chunk);
        CodeLabel block = b.Here();
        c.mov(__byte_ptr[edi], AddEaxImmediate);
        c.mov(__dword_ptr[edi + 1], edi);
        c.mov(__byte_ptr[edi + 5], JumpRelative);
        c.mov(__dword_ptr[edi + 6], (int)Spacing - 10);
        c.add(edi, (int)Spacing);
        c.dec(ecx);
        c.jnz(block.Value);
        c.mov(__byte_ptr[edi], Return);
        c.add(edi, (int)Spacing);
        c.mov(edx, _runs);
        CodeLabel run = b.Here();
        c.call(esi);
        c.dec(edx);
        c.jnz(run.Value);
        c.dec(ebx);
        c.jnz(chunk.Value);
        c.int3();
    }

    /// <summary>Nobody looks at the time here.</summary>
    private sealed class NoClock : IGuestClock
    {
        public uint TscKhz => 1_000_000;

        public ulong ReadTsc(long retired) => 0;

        public long WallClockNanoseconds(long retired) => 0;
    }
}
