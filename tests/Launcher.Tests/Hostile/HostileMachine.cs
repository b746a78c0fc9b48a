using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Pci;
using Lguest.Jit.Launcher.Virtio;
using Lguest.Jit.Switcher;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Launcher.Tests.Hostile;

/// <summary>What a hostile Guest starts from.</summary>
/// <param name="User">Ring 3, else ring 1.</param>
/// <param name="Paging">Through page tables, else linear.</param>
/// <param name="Initialise">LGUEST_INIT and SET_STACK come first.</param>
/// <param name="Gates">Every vector has a handler: most skip a byte and go on, so that a run has many faults in it.</param>
internal readonly record struct HostileStart(bool User, bool Paging, bool Initialise, bool Gates);

/// <summary>
/// A whole machine as the Launcher builds it (engine, Switcher, PCI and console) whose Guest is up to no good. It serves one
/// Guest after the other: each starts it anew, but what the engine has cached stays.
/// </summary>
internal sealed unsafe class HostileMachine : IDisposable
{
    private const ulong UserCode = 0x00CFFB00_0000FFFF;
    private const ulong UserData = 0x00CFF300_0000FFFF;

    private readonly IExecutionEngine _engine;
    private readonly MachineDevices _devices;
    private readonly ConsoleInputQueue _input = new();
    private readonly Sink _sink = new();
    private readonly byte[] _page = new byte[0x1000];

    /// <param name="engine">"interpreter", or "jit": everything is translated before it runs.</param>
    public HostileMachine(string engine)
        : this(engine == "jit" ? static machine => new TieredEngine(machine, threshold: 0) : static machine => new InterpreterEngine(machine))
    {
    }

    /// <param name="engine">What executes; the interpreter if none is given.</param>
    public HostileMachine(Func<GuestMachine, IExecutionEngine>? engine = null)
    {
        Machine = new GuestMachine(HostileLayout.RamSize, new CountingClock());
        _devices = new MachineDevices(Machine, _sink, _input, new DeviceLog(TextWriter.Null));
        _engine = engine?.Invoke(Machine) ?? new InterpreterEngine(Machine);
    }

    public GuestMachine Machine { get; }

    public GuestCpu* Cpu => Machine.Cpu;

    public IPortIo Ports => _devices.Ports;

    /// <summary>Bytes that Guests got their console to print.</summary>
    public long Printed => _sink.Bytes;

    /// <summary>The Switcher of the Guest that ran last.</summary>
    public SwitcherStatistics Statistics { get; private set; } = new();

    /// <summary>Something typed, for a console driver that asks for it.</summary>
    public void Type(ReadOnlySpan<byte> bytes)
    {
        if (_input.Count + bytes.Length < 4096)
        {
            _ = _input.Post(bytes);
        }
    }

    public uint this[uint physical]
    {
        get
        {
            Assert.True(Machine.Ram.TryRead32(physical, out uint value));
            return value;
        }

        set
        {
            // A store to a page of code has a price: pay it for changes only.
            if (this[physical] != value)
            {
                Assert.True(Machine.Ram.TryWrite32(physical, value));
            }
        }
    }

    /// <summary>Writes a page, or the part of it that differs.</summary>
    public void Write(uint physical, ReadOnlySpan<byte> bytes)
    {
        Span<byte> old = Machine.Ram.Window(physical, (uint)bytes.Length);
        if (!old.SequenceEqual(bytes))
        {
            Assert.True(Machine.Ram.TryWrite(physical, bytes));
        }
    }

    /// <summary>
    /// Lays out lguest_data, page tables (everything mapped, writable, the user's), entrance code and handlers, as an honest
    /// Guest would have them. What makes it hostile the caller puts on top.
    /// </summary>
    public void Prepare(HostileStart start)
    {
        PrepareData();
        Write(HostileLayout.Entrance, HostileEntrance.Code);
        if (start.Paging)
        {
            PrepareTables();
        }
    }

    /// <summary>Runs the Guest from its entrance, and holds the state it leaves against what must always be true.</summary>
    /// <param name="start">As given to <see cref="Prepare"/>.</param>
    /// <param name="eip">Virtual address of the code under test.</param>
    /// <param name="registers">The eight general registers; esp too.</param>
    /// <param name="limit">Instructions.</param>
    /// <param name="watchdog">Guards against those that sleep.</param>
    public GuestEnd Run(HostileStart start, uint eip, ReadOnlySpan<uint> registers, int limit, Watchdog watchdog)
    {
        using var guest = new LguestGuest(Machine, _engine, _devices.Ports, new GuestOptions { MaxInstructions = limit })
        {
            DeviceWork = _devices,
        };
        _devices.Connect(guest, guest.Knock);
        Statistics = guest.Statistics;
        PrepareImage(start, eip, registers);
        Cpu->PendingInterrupts = 0;
        guest.Start(HostileEntrance.Way(start));
        PrepareCpu(start);
        GuestEnd result = watchdog.Run(guest, Cpu);
        _devices.Connect(Deaf.Instance, static () => { });
        CheckState(result, limit);
        return result;
    }

    public void Dispose()
    {
        _engine.Dispose();
        Machine.Dispose();
    }

    private void PrepareData()
    {
        Span<byte> page = _page;
        page.Clear();
        BitConverter.TryWriteBytes(page[(int)LguestData.IrqEnabled..], LguestData.InterruptFlag);
        page.Slice((int)LguestData.HcallStatus, AsyncRing.Size).Fill(AsyncRing.Done);
        BitConverter.TryWriteBytes(page[(int)LguestData.NoirqIret..], HostileEntrance.NoirqIret);
        BitConverter.TryWriteBytes(page[(int)LguestData.KernelAddress..], HostileLayout.KernelAddress);
        BitConverter.TryWriteBytes(page[(int)LguestData.SyscallVec..], (uint)Vectors.Syscall);
        Write(HostileLayout.Data, page);
    }

    private void PrepareTables()
    {
        Span<byte> page = _page;
        for (uint i = 0; i < 1024; i++)
        {
            BitConverter.TryWriteBytes(page[(int)(4 * i)..], i << 12 < HostileLayout.Device + 0x1000 ? (i << 12) | 0x67 : 0);
        }

        Write(HostileLayout.PageTable, page);
        Write(HostileLayout.KernelTable, page);
        page.Clear();
        BitConverter.TryWriteBytes(page, HostileLayout.PageTable | 0x67);
        BitConverter.TryWriteBytes(page[(int)(HostileLayout.KernelAddress >> 20)..], HostileLayout.KernelTable | 0x67);
        Write(HostileLayout.PageDirectory, page);
    }

    /// <summary>What the entrance pops: popad, then either a frame for iret, or eip; esp of ring 1 lies apart.</summary>
    private void PrepareImage(HostileStart start, uint eip, ReadOnlySpan<uint> registers)
    {
        uint at = HostileLayout.Image;
        for (int register = 7; register >= 0; register--, at += 4)
        {
            this[at] = registers[register];
        }

        if (start.User)
        {
            this[at] = eip;
            this[at + 4] = 0x73;
            this[at + 8] = Eflags.Fixed | Eflags.Interrupt;
            this[at + 12] = registers[Reg.Esp];
            this[at + 16] = 0x7B;
        }
        else
        {
            this[at] = registers[Reg.Esp];
            this[at + 4] = eip;
        }
    }

    /// <summary>Segments for user code, and if need be gates and page tables, without the hypercalls that a kernel would make.</summary>
    private void PrepareCpu(HostileStart start)
    {
        Cpu->Gdt[14] = UserCode;
        Cpu->Gdt[15] = UserData;
        if (start.Gates)
        {
            Cpu->Ss1 = 0x69;
            Cpu->Esp1 = HostileLayout.KernelStack;
            for (int vector = 0; vector < 256; vector++)
            {
                Cpu->Idt[vector] = HostileEntrance.Gate(vector, trap: !start.Initialise);
            }
        }

        if (start.Paging && !start.Initialise)
        {
            // Nobody makes hypercalls before INIT; the tables are in force all the same.
            Machine.Mmu.SetPageDirectory(Cpu, HostileLayout.PageDirectory, trusted: false);
        }
    }

    /// <summary>No Guest gets out of its rings, however it ended.</summary>
    private void CheckState(GuestEnd end, long limit)
    {
        uint cpl = Cpu->Cpl;
        Assert.InRange(cpl, 1u, 3u);
        Assert.Equal(cpl, GuestCpu.Segment(Cpu, Seg.Cs)->Selector & 3u);
        Assert.Equal(Eflags.Fixed | Eflags.Interrupt, Cpu->SystemFlags & (Eflags.Fixed | Eflags.Interrupt | Eflags.IoPrivilege | Eflags.Virtual8086));
        Assert.Equal(0u, Cpu->SystemFlags & Eflags.Arithmetic);
        CpuMode mode = Cpu->Mode;
        Segments.UpdateMode(Cpu);
        Assert.Equal(Cpu->Mode, mode);
        Assert.True(Cpu->Retired <= limit, $"{Cpu->Retired} instructions of {limit}");
        if (end.Kind == GuestEndKind.InstructionLimit)
        {
            Assert.Equal(limit, Cpu->Retired);
        }

        Assert.Equal(end.Kind == GuestEndKind.Killed, Machine.KillReason != null);
    }

    /// <summary>Guest time by instructions, so that a Guest that asks for it gets the same answer every time.</summary>
    private sealed class CountingClock : IGuestClock
    {
        public uint TscKhz => 1_000_000;

        public ulong ReadTsc(long retired) => (ulong)retired;

        public long WallClockNanoseconds(long retired) => 1_500_000_000_000_000_000 + retired;
    }

    private sealed class Sink : IConsoleSink
    {
        public long Bytes { get; private set; }

        public bool Write(ReadOnlySpan<byte> bytes)
        {
            Bytes += bytes.Length;
            return true;
        }
    }

    private sealed class Deaf : IInterruptSink
    {
        public static readonly Deaf Instance = new();

        public void SetInterrupt(int irq)
        {
        }
    }
}
