using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Guests.Harness;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Switcher;
using Lguest.Jit.Switcher.Time;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Timing;

/// <summary>
/// A small lguest kernel that goes in circles for ever with its timer running. Its handler notes by how many nanoseconds it comes too
/// late, by the Guest's own clock, sets the timer again, and powers off after some times.
/// </summary>
internal sealed class TimerGuest
{
    private const uint Code = 0x100000;
    private const uint RamSize = 16 << 20;
    private const uint StackTop = 0xE00000;
    private const uint Data = 0xF10000;
    private const uint Due = 0xF20000;
    private const uint Count = 0xF20004;
    private const uint Log = 0xF30000;
    private const uint TimerVector = 32;

    /// <summary>The log's room.</summary>
    public const int MostTimes = 100_000;

    private readonly EndlessLoop _loop;
    private readonly int _times;
    private readonly uint _delta;

    /// <param name="loop">What it does.</param>
    /// <param name="times">Interrupts to wait for.</param>
    /// <param name="delta">Nanoseconds that the timer is set to each time.</param>
    public TimerGuest(EndlessLoop loop, int times, uint delta)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(times, MostTimes);
        _loop = loop;
        _times = times;
        _delta = delta;
    }

    /// <summary>Runs it to its end.</summary>
    /// <param name="engine">Makes the engine for the machine.</param>
    /// <param name="examine">Looks at the engine afterwards.</param>
    /// <returns>How it ended, and nanoseconds from due time to handler, one for each interrupt, in their order.</returns>
    public (GuestEnd End, uint[] Late) Run(Func<GuestMachine, IExecutionEngine> engine, Action<IExecutionEngine>? examine = null)
    {
        using var machine = new GuestMachine(RamSize, new HostClock());
        byte[] code = CodeBuilder.Assemble(Code, Emit);
        if (!machine.Ram.TryWrite(Code, code))
        {
            throw new InvalidOperationException("The Guest does not fit into its memory.");
        }

        using IExecutionEngine executes = engine(machine);
        using var guest = new LguestGuest(machine, executes, new HarnessPorts(), new GuestOptions());
        guest.Start(Code);
        GuestEnd end = guest.Run();
        examine?.Invoke(executes);
        _ = machine.Ram.TryRead32(Count, out uint count);
        var late = MemoryMarshal.Cast<byte, uint>(machine.Ram.Window(Log, 4 * Math.Min(count, MostTimes))).ToArray();
        return (end, BitConverter.IsLittleEndian ? late : [.. late.Select(BinaryPrimitives.ReverseEndianness)]);
    }

    private void Emit(CodeBuilder b)
    {
        Assembler c = b.Asm;
        CodeLabel handler = b.NewLabel();
        CodeLabel done = b.NewLabel();
        CodeLabel noirqIret = b.NewLabel();
        CodeLabel reason = b.NewLabel();
        c.mov(esp, StackTop);
        c.mov(__dword_ptr[Data + 0x560], b.AddressOf(noirqIret));
        c.mov(__dword_ptr[Data + 0x564], 0xC0000000);
        c.mov(__dword_ptr[Data + 0x568], 0x80);
        Hypercall(c, HypercallNumbers.LguestInit, Data);
        c.mov(ecx, b.AddressOf(handler));
        c.mov(edx, ecx);
        c.and(ecx, 0xFFFF);
        c.and(edx, 0xFFFF0000);
        c.or(edx, 0x8E00);
        Hypercall(c, HypercallNumbers.LoadIdtEntry, TimerVector);
        c.mov(__dword_ptr[Data], 0x200);
        SetTimer(c);
        c.xor(ecx, ecx);
        _loop.Emit(b);
        c.nop();

        b.Mark(handler);
        c.pushad();
        c.rdtsc();
        c.sub(eax, __dword_ptr[Due]);
        c.mov(ecx, __dword_ptr[Count]);
        c.mov(__dword_ptr[ecx * 4 + Log], eax);
        c.inc(ecx);
        c.mov(__dword_ptr[Count], ecx);
        c.cmp(ecx, _times);
        c.jae(done.Value);
        SetTimer(c);
        c.popad();
        c.mov(__dword_ptr[Data], 0x200);
        b.Mark(noirqIret);
        c.iretd();
        b.Mark(done);
        c.mov(ecx, HypercallNumbers.ShutdownPoweroff);
        c.mov(eax, HypercallNumbers.Shutdown);
        c.mov(ebx, b.AddressOf(reason));
        c.@int(Vectors.Hypercall);
        b.Mark(reason);
        b.Text("Power down".PadRight(128, '\0'));
    }

    private void SetTimer(Assembler c)
    {
        c.rdtsc();
        c.add(eax, _delta);
        c.mov(__dword_ptr[Due], eax);
        Hypercall(c, HypercallNumbers.SetClockevent, _delta);
    }

    private static void Hypercall(Assembler c, uint number, uint argument)
    {
        c.mov(eax, number);
        c.mov(ebx, argument);
        c.@int(Vectors.Hypercall);
    }
}
