using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Machine;

/// <summary>What a Guest <i>is</i>: RAM, MMU, the CPU, and the outside world that its instructions can touch.</summary>
internal sealed unsafe class GuestMachine : IDisposable
{
    private GCHandle _handle;

    /// <param name="ramSize">Bytes of RAM, see <see cref="GuestRam"/>.</param>
    /// <param name="clock">What <c>rdtsc</c> reads.</param>
    public GuestMachine(uint ramSize, IGuestClock clock)
    {
        Ram = new GuestRam(ramSize);
        Cpu = (GuestCpu*)NativeMemory.AlignedAlloc((nuint)sizeof(GuestCpu), 64);
        NativeMemory.Clear(Cpu, (nuint)sizeof(GuestCpu));
        Mmu = new SoftMmu(Ram, Cpu) { DeviceLimit = ramSize };
        Clock = clock;
        _handle = GCHandle.Alloc(this);
        Cpu->MachineHandle = GCHandle.ToIntPtr(_handle);
        Reset();
    }

    public GuestRam Ram { get; }

    public SoftMmu Mmu { get; }

    public GuestCpu* Cpu { get; }

    public IGuestClock Clock { get; }

    /// <summary>Device registers above RAM; none until the Launcher plugs them in (then set <c>Mmu.DeviceLimit</c> too).</summary>
    public IDeviceMemory? Devices { get; set; }

    /// <summary>Makes hypercalls that need no exit; must be there once <see cref="DirectTrapState.QuickHypercalls"/> is not 0.</summary>
    public IQuickHypercalls? QuickHypercalls { get; set; }

    /// <summary>Has the CPU SYSENTER (CPUID leaf 1, SEP)? Takes effect at <see cref="Reset"/>.</summary>
    public bool SysenterEnabled { get; set; }

    /// <summary>Why the Guest was killed; null while it lives.</summary>
    public string? KillReason { get; private set; }

    /// <summary>kill_guest: only the first reason is kept; the Guest never runs again.</summary>
    public void Kill(string reason) => KillReason ??= reason;

    /// <summary>Back to life, or to an earlier death: the machine was taken back to a snapshot.</summary>
    public void Revive(string? reason) => KillReason = reason;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GuestMachine Of(GuestCpu* cpu) =>
        Unsafe.As<GuestMachine>(GCHandle.FromIntPtr(cpu->MachineHandle).Target!);

    /// <summary>Instructions completed so far, exact at any exit of an engine.</summary>
    public long Retired => Cpu->Retired;

    /// <summary>
    /// As after power-on: lguest_arch_setup_regs and setup_guest_gdt (ABI sheet §1.2, §2.6), with eip 0; linear mode; alive. RAM
    /// keeps what it holds, and raised interrupts stay raised: they come from devices, on threads of their own.
    /// </summary>
    public void Reset()
    {
        KillReason = null;
        Mmu.Reset();
        for (int i = 0; i < 8; i++)
        {
            Cpu->Gpr[i] = 0;
        }

        Cpu->Eip = 0;
        Cpu->SystemFlags = Eflags.Fixed | Eflags.Interrupt;
        Flags.LazyFlags.Set(Cpu, 0);
        Cpu->Retired = 0;
        Cpu->StackShadowAt = -1;
        Cpu->ResumeFlagAt = -1;
        Cpu->NoirqIret = uint.MaxValue;
        Cpu->LguestData = 0;
        Cpu->Ss1 = 0;
        Cpu->Esp1 = 0;
        Cpu->Ts = 0;
        Cpu->Halted = 0;
        Cpu->Cpl = 1;
        for (int i = 0; i < GuestCpu.GdtEntries; i++)
        {
            Cpu->Gdt[i] = 0;
        }

        for (int i = 0; i < 256; i++)
        {
            Cpu->Idt[i] = 0;
        }

        Cpu->Direct = default;
        Cpu->FastCall = new FastSystemCallState { Enabled = SysenterEnabled ? 1 : 0 };
        Cpu->Gdt[12] = 0x00CFBB00_0000FFFF;
        Cpu->Gdt[13] = 0x00CFB300_0000FFFF;
        Segments.LoadFlatKernel(Cpu);
        Cpu->Fpu.Initialise();
        Mmu.Activate(Cpu);
    }

    public void Dispose()
    {
        Mmu.Dispose();
        Ram.Dispose();
        NativeMemory.AlignedFree(Cpu);
        _handle.Free();
    }
}
