using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Switcher.Tests.Rigs;

namespace Lguest.Jit.Switcher.Tests;

public sealed unsafe class LguestGuestTests
{
    [Fact]
    public void Starts_with_all_registers_zero_flat_kernel_segments_and_the_entry_point()
    {
        using var machine = new GuestMachine(Rig.RamSize, new FixedClock());
        for (int i = 0; i < 8; i++)
        {
            machine.Cpu->Gpr[i] = 0x55;
        }

        using var guest = new LguestGuest(machine, new ScriptedEngine(), new RecordingPorts(), new GuestOptions());
        guest.Start(0x01000000);
        GuestCpu* cpu = machine.Cpu;
        Assert.Equal(0x01000000u, cpu->Eip);
        for (int i = 0; i < 8; i++)
        {
            Assert.Equal(0u, cpu->Gpr[i]);
        }

        Assert.Equal(0x61, GuestCpu.Segment(cpu, Seg.Cs)->Selector);
        Assert.All([Seg.Ds, Seg.Es, Seg.Ss], number => Assert.Equal(0x69, GuestCpu.Segment(cpu, number)->Selector));
        Assert.All([Seg.Fs, Seg.Gs], number => Assert.Equal(0, GuestCpu.Segment(cpu, number)->Selector));
        Assert.Equal(0x202u, Core.Flags.LazyFlags.Read(cpu));
        Assert.Equal(1u, cpu->Cpl);
    }

    [Fact]
    public void Does_not_run_before_it_was_started()
    {
        using var machine = new GuestMachine(Rig.RamSize, new FixedClock());
        using var guest = new LguestGuest(machine, new ScriptedEngine(), new RecordingPorts(), new GuestOptions());
        Assert.Throws<InvalidOperationException>(guest.Run);
    }

    [Fact]
    public void A_dead_guest_stays_dead_and_says_the_same_thing_again()
    {
        using var machine = new GuestMachine(Rig.RamSize, new FixedClock());
        using var engine = new ScriptedEngine();
        engine.Add(Rig.Fault(6));
        using var guest = new LguestGuest(machine, engine, new RecordingPorts(), new GuestOptions());
        guest.Start(Rig.Code);
        GuestEnd end = guest.Run();
        Assert.Equal(GuestEndKind.Killed, end.Kind);
        Assert.Equal(end, guest.Run());
        Assert.Single(engine.Budgets);
    }

    [Fact]
    public void Its_own_end_comes_before_a_stop()
    {
        using var machine = new GuestMachine(Rig.RamSize, new FixedClock());
        using var engine = new ScriptedEngine();
        using var guest = new LguestGuest(machine, engine, new RecordingPorts(), new GuestOptions());
        engine.Add(cpu =>
        {
            guest.RequestStop("too late");
            machine.Kill("first");
            return ExitReason.Kill;
        });
        guest.Start(Rig.Code);
        Assert.Equal(new GuestEnd(GuestEndKind.Killed, "first"), guest.Run());
    }

    [Fact]
    public void Devices_may_outlive_it()
    {
        var machine = new GuestMachine(Rig.RamSize, new FixedClock());
        var guest = new LguestGuest(machine, new ScriptedEngine(), new RecordingPorts(), new GuestOptions());
        guest.Dispose();
        machine.Dispose();
        guest.SetInterrupt(1);
        guest.RequestStop("nobody home");
    }
}
