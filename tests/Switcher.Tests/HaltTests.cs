using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Switcher.Tests.Rigs;

namespace Lguest.Jit.Switcher.Tests;

[Collection(QuietTests.Name)]
public sealed unsafe class HaltTests
{
    private const uint Handler = 0x00105678;

    [Fact]
    public void A_halt_with_an_interrupt_pending_ends_at_once()
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(32 + 4, Handler);
        rig.Run(cpu =>
        {
            rig.Interrupts.SetInterrupt(4);
            return rig.HypercallStep(HypercallNumbers.Halt)(cpu);
        });
        Assert.Equal(Handler, rig.Cpu->Eip);
        Assert.Equal([Rig.Code + 2, 0x61, 0x202], rig.Stack(3));
        Assert.Equal(0, rig.Statistics.Halts);
    }

    [Fact]
    public void A_masked_interrupt_does_not_wake_and_an_unmasked_one_does()
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(32 + 4, Handler);
        rig.LoadGate(32 + 5, Handler + 0x100);
        rig.Blocked = 1 << 4;
        var device = new Thread(() =>
        {
            _ = Patience.Until(() => rig.Statistics.Halts >= 1);
            rig.Interrupts.SetInterrupt(4);
            _ = Patience.Until(() => rig.Statistics.Halts >= 2);
            rig.Interrupts.SetInterrupt(5);
        });
        device.Start();
        rig.Run(rig.HypercallStep(HypercallNumbers.Halt));
        device.Join();
        Assert.Equal(Handler + 0x100, rig.Cpu->Eip);
        Assert.Equal(1u << 4, rig.Cpu->PendingInterrupts);
        Assert.Equal(2, rig.Statistics.Halts);
    }

    [Fact]
    public void A_halt_right_before_noirq_iret_wakes_and_the_interrupt_follows_the_iret()
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(32, Handler);
        rig.Cpu->Eip = Rig.NoirqIretAt - 2;
        rig.Run(
            cpu =>
            {
                rig.Interrupts.SetInterrupt(0);
                return rig.HypercallStep(HypercallNumbers.Halt)(cpu);
            },
            cpu =>
            {
                Assert.Equal(Rig.NoirqIretAt, cpu->Eip);
                cpu->Eip = 0x00123456;
                return ExitReason.NoirqIret;
            });
        Assert.Equal(Handler, rig.Cpu->Eip);
        Assert.Equal(0x00123456u, rig.Stack(1)[0]);
    }

    [Fact]
    public void No_wake_up_is_lost_between_looking_and_sleeping()
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(32 + 4, Handler);
        const int Rounds = 3000;
        int halts = 0;
        Step halt = rig.HypercallStep(HypercallNumbers.Halt);
        using var next = new SemaphoreSlim(0);
        var device = new Thread(() =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                next.Wait();
                Thread.SpinWait(i % 200);
                rig.Interrupts.SetInterrupt(4);
            }
        });
        device.Start();
        rig.Engine.Forever = cpu =>
        {
            cpu->Gpr[Reg.Esp] = Rig.KernelStack;
            rig.IrqEnabled = 0;
            if (++halts > Rounds)
            {
                rig.Context.Kill("done");
                return ExitReason.Kill;
            }

            _ = next.Release();
            return halt(cpu);
        };
        GuestEnd end = rig.Run();
        device.Join();
        Assert.Equal("done", end.Message);
        Assert.Equal(Rounds, rig.Statistics.InterruptsByIrq[4]);
    }

    [Fact]
    public void An_idle_guest_uses_no_cpu()
    {
        using var guest = new Idle();
        CpuMeter.AssertIdle();
        Assert.True(guest.Run.IsRunning);
    }

    [Fact]
    public void A_stop_wakes_a_halted_guest()
    {
        using var guest = new Idle();
        guest.Guest.RequestStop("enough");
        guest.Guest.RequestStop("too late");
        Assert.Equal(new GuestEnd(GuestEndKind.Stopped, "enough"), guest.Run.WaitForEnd());
    }

    [Fact]
    public void A_stop_reaches_a_guest_that_runs()
    {
        using var machine = new GuestMachine(Rig.RamSize, new FixedClock());
        using var engine = new ScriptedEngine();
        using var running = new ManualResetEventSlim();
        engine.Forever = cpu =>
        {
            running.Set();
            while (Volatile.Read(ref cpu->Attention) == 0)
            {
                Thread.Yield();
            }

            return ExitReason.Attention;
        };
        using var guest = new LguestGuest(machine, engine, new RecordingPorts(), new GuestOptions());
        guest.Start(Rig.Code);
        var run = new BackgroundRun(guest);
        Assert.True(running.Wait(Patience.Limit));
        guest.RequestStop("time is up");
        Assert.Equal(new GuestEnd(GuestEndKind.Stopped, "time is up"), run.WaitForEnd());
    }

    [Fact]
    public void A_stop_before_the_start_keeps_the_guest_from_running()
    {
        using var machine = new GuestMachine(Rig.RamSize, new FixedClock());
        using var engine = new ScriptedEngine();
        using var guest = new LguestGuest(machine, engine, new RecordingPorts(), new GuestOptions());
        guest.Start(Rig.Code);
        guest.RequestStop("never mind");
        Assert.Equal(GuestEndKind.Stopped, guest.Run().Kind);
        Assert.Empty(engine.Budgets);
    }

    /// <summary>A Guest that halts for ever, on a thread of its own, asleep by the time the constructor returns.</summary>
    private sealed class Idle : IDisposable
    {
        private readonly GuestMachine _machine = new(Rig.RamSize, new FixedClock());
        private readonly ScriptedEngine _engine = new();

        public Idle()
        {
            Guest = new LguestGuest(_machine, _engine, new RecordingPorts(), new GuestOptions());
            using var data = new Rig();
            byte[] bytes = new byte[LguestData.Size];
            Assert.True(data.WithData().Machine.Ram.TryRead(Rig.DataAt, bytes));
            Assert.True(_machine.Ram.TryWrite(Rig.DataAt, bytes));
            Guest.Start(Rig.Code);
            _engine.Add(
                cpu => Hypercall(cpu, HypercallNumbers.LguestInit, Rig.DataAt),
                cpu => Hypercall(cpu, HypercallNumbers.Halt, 0));
            Run = new BackgroundRun(Guest);
            Assert.True(Patience.Until(() => Guest.Statistics.Halts > 0));
        }

        public LguestGuest Guest { get; }

        public BackgroundRun Run { get; }

        public void Dispose()
        {
            Guest.RequestStop("disposed");
            _ = Run.WaitForEnd();
            Guest.Dispose();
            _engine.Dispose();
            _machine.Dispose();
        }

        private static ExitReason Hypercall(GuestCpu* cpu, uint number, uint argument)
        {
            cpu->Gpr[Reg.Eax] = number;
            cpu->Gpr[Reg.Ebx] = argument;
            return Rig.Int(Vectors.Hypercall)(cpu);
        }
    }
}
