using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;
using Lguest.Jit.Switcher.Time;

namespace Lguest.Jit.Switcher.Tests.Rigs;

/// <summary>
/// A 4 MiB machine and all parts of the Switcher, wired as <see cref="LguestGuest"/> wires them but with every part within
/// reach. Linear mode unless <see cref="TurnPagingOn"/>.
/// </summary>
internal sealed unsafe class Rig : IDisposable
{
    public const uint RamSize = 4 << 20;

    /// <summary>Where the test's <c>struct lguest_data</c> is. Not page-aligned, as in a kernel's .data.</summary>
    public const uint DataAt = 0x2340;
    public const uint KernelAddress = 0xC0000000;
    public const uint KernelStack = 0x8000;
    public const uint UserStack = 0xA000;
    public const uint NoirqIretAt = 0x00101234;
    public const uint Code = 0x00100000;
    public const uint PageDirectory = 0x00300000;
    public const uint PageTable = 0x00301000;

    private const ulong UserCode = 0x00CFFB00_0000FFFF;
    private const ulong UserData = 0x00CFF300_0000FFFF;

    private readonly RunLoop _loop;

    public Rig(GuestOptions? options = null, DueTimer? timer = null)
    {
        Machine = new GuestMachine(RamSize, Clock);
        Context = new GuestContext(Machine, options ?? new GuestOptions());
        Interrupts = new InterruptsAndTraps(Context, timer);
        Hypercalls = new Hypercalls(Context, Interrupts);
        Emulator = new InstructionEmulator(Context, Ports);
        _loop = new RunLoop(Context, Engine, Interrupts, Hypercalls, Emulator);
        Cpu->Eip = Code;
        Cpu->Gpr[Reg.Esp] = KernelStack;
    }

    public FixedClock Clock { get; } = new();

    public RecordingPorts Ports { get; } = new();

    public ScriptedEngine Engine { get; } = new();

    public GuestMachine Machine { get; }

    public GuestContext Context { get; }

    public InterruptsAndTraps Interrupts { get; }

    public Hypercalls Hypercalls { get; }

    public InstructionEmulator Emulator { get; }

    public IGuestThreadWork? DeviceWork
    {
        get => _loop.DeviceWork;
        set => _loop.DeviceWork = value;
    }

    public SwitcherStatistics Statistics => Context.Statistics;

    public GuestCpu* Cpu => Machine.Cpu;

    public uint Eflags => LazyFlags.Read(Cpu);

    public uint Esp => Cpu->Gpr[Reg.Esp];

    public uint Cs => GuestCpu.Segment(Cpu, Seg.Cs)->Selector;

    public uint Ss => GuestCpu.Segment(Cpu, Seg.Ss)->Selector;

    /// <summary>Four bytes of Guest-physical memory.</summary>
    public uint this[uint physical]
    {
        get
        {
            Assert.True(Machine.Ram.TryRead32(physical, out uint value));
            return value;
        }
        set => Assert.True(Machine.Ram.TryWrite32(physical, value));
    }

    public uint IrqEnabled
    {
        get => this[DataAt + LguestData.IrqEnabled];
        set => this[DataAt + LguestData.IrqEnabled] = value;
    }

    public uint Blocked
    {
        get => this[DataAt + LguestData.BlockedInterrupts];
        set => this[DataAt + LguestData.BlockedInterrupts] = value;
    }

    public uint IrqPending
    {
        get => this[DataAt + LguestData.IrqPending];
        set => this[DataAt + LguestData.IrqPending] = value;
    }

    /// <summary>The words on the stack from esp up.</summary>
    public uint[] Stack(int words)
    {
        uint[] stack = new uint[words];
        for (int i = 0; i < words; i++)
        {
            stack[i] = this[Esp + (uint)(4 * i)];
        }

        return stack;
    }

    /// <summary>Prepares lguest_data as a kernel has it, without telling the Host.</summary>
    public Rig WithData(uint at = DataAt)
    {
        for (uint slot = 0; slot < AsyncRing.Size; slot += 4)
        {
            this[at + LguestData.HcallStatus + slot] = 0xFFFFFFFF;
        }

        this[at + LguestData.NoirqIret] = NoirqIretAt;
        this[at + LguestData.KernelAddress] = KernelAddress;
        this[at + LguestData.SyscallVec] = Vectors.Syscall;
        return this;
    }

    /// <summary>lguest_data, and LGUEST_INIT.</summary>
    public Rig Initialised()
    {
        WithData();
        Call(HypercallNumbers.LguestInit, DataAt);
        Assert.Null(Machine.KillReason);
        return this;
    }

    /// <summary>A hypercall, as the run loop makes it: registers set, ring first.</summary>
    public void Call(uint number, uint ebx = 0xBAD0B, uint ecx = 0xBAD0C, uint edx = 0xBAD0D, uint esi = 0xBAD05)
    {
        SetCall(number, ebx, ecx, edx, esi);
        Hypercalls.DoHypercalls();
    }

    public void SetCall(uint number, uint ebx = 0xBAD0B, uint ecx = 0xBAD0C, uint edx = 0xBAD0D, uint esi = 0xBAD05)
    {
        Cpu->Gpr[Reg.Eax] = number;
        Cpu->Gpr[Reg.Ebx] = ebx;
        Cpu->Gpr[Reg.Ecx] = ecx;
        Cpu->Gpr[Reg.Edx] = edx;
        Cpu->Gpr[Reg.Esi] = esi;
    }

    /// <summary>Puts a call into a slot of the ring, as async_hcall does.</summary>
    public void Queue(int slot, uint number, uint ebx = 0, uint ecx = 0, uint edx = 0, uint esi = 0)
    {
        uint at = DataAt + LguestData.Hcalls + (uint)(slot * HcallArgs.Size);
        this[at] = number;
        this[at + 4] = ebx;
        this[at + 8] = ecx;
        this[at + 12] = edx;
        this[at + 16] = esi;
        Assert.True(Machine.Ram.TryWrite(DataAt + LguestData.HcallStatus + (uint)slot, [0]));
    }

    public byte RingStatus(int slot)
    {
        Span<byte> status = stackalloc byte[1];
        Assert.True(Machine.Ram.TryRead(DataAt + LguestData.HcallStatus + (uint)slot, status));
        return status[0];
    }

    public void LoadGate(uint vector, uint handler, uint type = 0xE, uint dpl = 0) =>
        Interrupts.LoadGuestIdtEntry(vector, handler & 0xFFFF, (handler & 0xFFFF0000) | 0x8000 | (dpl << 13) | (type << 8));

    public Rig WithKernelStack()
    {
        Interrupts.GuestSetStack(0x69, KernelStack, 1);
        return this;
    }

    /// <summary>As after an iret to ring 3: flat user segments, a user stack.</summary>
    public Rig InUserMode(uint eip = 0x00123456)
    {
        Cpu->Gdt[14] = UserCode;
        Cpu->Gdt[15] = UserData;
        Segments.SetHidden(Cpu, Seg.Cs, 0x73, UserCode);
        Segments.SetHidden(Cpu, Seg.Ss, 0x7B, UserData);
        Cpu->Cpl = 3;
        Cpu->Eip = eip;
        Cpu->Gpr[Reg.Esp] = UserStack;
        Segments.UpdateMode(Cpu);
        Machine.Mmu.Activate(Cpu);
        return this;
    }

    /// <summary>
    /// One page table for the whole of RAM, seen at 0 and again at <see cref="KernelAddress"/>; all of it writable, and none
    /// of it the user's.
    /// </summary>
    public Rig TurnPagingOn()
    {
        for (uint page = 0; page < 1024; page++)
        {
            this[PageTable + 4 * page] = (page << 12) | 0x003;
        }

        this[PageDirectory] = PageTable | 0x067;
        this[PageDirectory + 4 * (KernelAddress >> 22)] = PageTable | 0x067;
        Call(HypercallNumbers.NewPgtable, PageDirectory);
        return this;
    }

    /// <summary>Changes one entry of the page table, as the Guest does it.</summary>
    public void Map(uint virtualAddress, uint entry)
    {
        this[PageTable + 4 * ((virtualAddress >> 12) & 0x3FF)] = entry;
        Call(HypercallNumbers.SetPte, PageDirectory, virtualAddress, entry);
    }

    /// <summary>Runs the loop through these steps, and once more into the Guest.</summary>
    public GuestEnd Run(params ReadOnlySpan<Step> script)
    {
        Engine.Add(script);
        return _loop.RunGuest(() => Engine.IsOver ? new GuestEnd(GuestEndKind.Stopped, "script over") : null);
    }

    public static Step Fault(int vector, uint errorCode = 0, uint address = 0) => cpu =>
    {
        cpu->FaultVector = vector;
        cpu->FaultErrorCode = errorCode;
        cpu->FaultAddress = address;
        return ExitReason.Fault;
    };

    public static Step Int(int vector, uint length = 2) => cpu =>
    {
        cpu->FaultVector = vector;
        cpu->TrapLength = length;
        return ExitReason.SoftwareInterrupt;
    };

    public Step HypercallStep(uint number, uint ebx = 0, uint ecx = 0, uint edx = 0, uint esi = 0) => cpu =>
    {
        SetCall(number, ebx, ecx, edx, esi);
        return Int(Vectors.Hypercall)(cpu);
    };

    public static Step Leave(ExitReason reason) => _ => reason;

    public void Dispose()
    {
        Interrupts.Dispose();
        Engine.Dispose();
        Machine.Dispose();
    }
}
