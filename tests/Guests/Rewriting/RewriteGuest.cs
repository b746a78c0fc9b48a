using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Rewriting;

/// <summary>
/// A Guest that rewrites an instruction of its own, runs it, and rewrites it again: a bare machine without a Switcher, which only
/// the engine can slow down. The result is known beforehand, so an engine that ever runs what was there before is found out.
/// </summary>
internal sealed unsafe class RewriteGuest : IDisposable
{
    private const uint RamSize = 4u << 20;
    private const uint Code = 0x10000;
    private const uint Alias = 0x400000;
    private const uint StackTop = 0x9000;
    private const uint Directory = 0x80000;
    private const uint IdentityTable = 0x82000;
    private const uint AliasTable = 0x83000;
    private const uint Flags = 0x67;
    private const uint First = 0x12345678;
    private const uint Step = 3;

    private readonly GuestMachine _machine;
    private readonly IExecutionEngine _engine;
    private readonly int _rewrites;
    private readonly int _between;

    /// <param name="kind">What to rewrite.</param>
    /// <param name="rewrites">How often.</param>
    /// <param name="between">Times that the instruction runs after each rewrite; 1 with <see cref="RewriteKind.SameBlock"/> whatever this says.</param>
    /// <param name="engine">Makes the engine for the machine.</param>
    public RewriteGuest(RewriteKind kind, int rewrites, int between, Func<GuestMachine, IExecutionEngine> engine)
    {
        _rewrites = rewrites;
        _between = kind == RewriteKind.SameBlock ? 1 : between;
        _machine = new GuestMachine(RamSize, new NoClock());
        uint patched = 0;
        byte[] code = CodeBuilder.Assemble(Code, b => patched = Emit(b, kind));
        Write(Code, code);
        if (kind == RewriteKind.Device)
        {
            _machine.Devices = new Writer(_machine, patched);
            _machine.Mmu.DeviceLimit = RamSize + 0x1000;
        }

        _engine = engine(_machine);
        GuestCpu* cpu = _machine.Cpu;
        cpu->Gpr[Reg.Esp] = StackTop;
        cpu->Eip = Code;
        if (kind == RewriteKind.OtherAlias)
        {
            TurnPagingOn();
        }

        _machine.Mmu.Activate(cpu);
    }

    public IExecutionEngine Engine => _engine;

    /// <summary>What EAX must come to.</summary>
    public uint Expected
    {
        get
        {
            uint sum = 0;
            uint value = First;
            for (int i = 0; i < _rewrites; i++)
            {
                value += Step;
                sum += value * (uint)_between;
            }

            return sum;
        }
    }

    /// <summary>Runs it to its end.</summary>
    /// <returns>EAX, the state that two engines have to agree on as text, and seconds of Host time.</returns>
    /// <exception cref="InvalidOperationException">The Guest came out for a reason it had not.</exception>
    public (uint Sum, string State, double Seconds) Run()
    {
        GuestCpu* cpu = _machine.Cpu;
        long start = Stopwatch.GetTimestamp();
        ExitReason reason;
        do
        {
            reason = _engine.Run(cpu, long.MaxValue / 2);
        }
        while (reason == ExitReason.DeviceAccess);

        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (reason != ExitReason.SoftwareInterrupt)
        {
            throw new InvalidOperationException($"The Guest that rewrites itself ended by {reason} at {cpu->Eip:x}.");
        }

        string state = string.Join(' ', Enumerable.Range(0, 8).Select(i => cpu->Gpr[i].ToString("x8", CultureInfo.InvariantCulture)));
        return (cpu->Gpr[Reg.Eax], $"{state} {LazyFlags.Read(cpu):x} {cpu->Eip:x} {_machine.Retired}", seconds);
    }

    public void Dispose()
    {
        _engine.Dispose();
        _machine.Dispose();
    }

    /// <summary>Emits the Guest; the address of the immediate operand that it rewrites.</summary>
    private uint Emit(CodeBuilder b, RewriteKind kind)
    {
        Assembler c = b.Asm;
        CodeLabel patched = b.NewLabel();
        uint target = b.AddressOf(patched) + 1;
        c.mov(ecx, _rewrites);
        CodeLabel top = b.Here();
        switch (kind)
        {
            case RewriteKind.OtherAlias:
                c.add(__dword_ptr[target - Code + Alias], (int)Step);
                break;
            case RewriteKind.Device:
                c.mov(__dword_ptr[RamSize], ecx);
                break;
            default:
                c.add(__dword_ptr[target], (int)Step);
                break;
        }

        if (kind != RewriteKind.SameBlock)
        {
            // The code that runs is a block of its own, so that the store's need not be decoded anew.
            CodeLabel again = kind == RewriteKind.OtherPage ? b.NewLabel() : patched;
            c.mov(esi, _between);
            c.jmp(again.Value);
            c.nop();
            b.Mark(again);
            if (kind == RewriteKind.OtherPage)
            {
                c.call(patched.Value);
            }
            else
            {
                c.add(eax, (int)First);
            }

            c.dec(esi);
            c.jnz(again.Value);
        }
        else
        {
            b.Mark(patched);
            c.add(eax, (int)First);
        }

        c.dec(ecx);
        c.jnz(top.Value);
        c.int3();
        if (kind == RewriteKind.OtherPage)
        {
            for (int i = 0; i < 0x1000; i++)
            {
                c.db(0xCC);
            }

            b.Mark(patched);
            c.add(eax, (int)First);
            c.ret();
        }

        return target;
    }

    private void TurnPagingOn()
    {
        for (uint page = 0; page < 1024; page++)
        {
            Write32(IdentityTable + 4 * page, (page << 12) | Flags);
        }

        Write32(AliasTable, Code | Flags);
        Write32(Directory, IdentityTable | Flags);
        Write32(Directory + 4, AliasTable | Flags);
        _machine.Mmu.SetPageDirectory(_machine.Cpu, Directory, trusted: true);
    }

    private void Write32(uint physical, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        Write(physical, bytes);
    }

    private void Write(uint physical, ReadOnlySpan<byte> bytes)
    {
        if (!_machine.Ram.TryWrite(physical, bytes))
        {
            throw new InvalidOperationException("The Guest does not fit into its memory.");
        }
    }

    /// <summary>Nobody looks at the time here.</summary>
    private sealed class NoClock : IGuestClock
    {
        public uint TscKhz => 1_000_000;

        public ulong ReadTsc(long retired) => 0;

        public long WallClockNanoseconds(long retired) => 0;
    }

    /// <summary>A device with one register: whatever is written to it, it adds its step to a word of RAM, as a transfer would.</summary>
    private sealed class Writer(GuestMachine machine, uint target) : IDeviceMemory
    {
        public bool Owns(uint physical) => physical >> 12 == RamSize >> 12;

        public uint Read(uint physical, int size) => 0;

        public void Write(uint physical, int size, uint value)
        {
            _ = machine.Ram.TryRead32(target, out uint old);
            _ = machine.Ram.TryWrite32(target, old + Step);
        }
    }
}
