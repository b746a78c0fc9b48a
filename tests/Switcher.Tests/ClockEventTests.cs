using System.Diagnostics;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Switcher.Tests.Rigs;
using Lguest.Jit.Switcher.Time;

namespace Lguest.Jit.Switcher.Tests;

[Collection(QuietTests.Name)]
public sealed unsafe class ClockEventTests
{
    private const uint Handler = 0x00105678;
    private const uint Millisecond = 1_000_000;

    [Fact]
    public void Guest_set_clockevent_raises_irq_0_after_the_delta()
    {
        using Rig rig = new Rig().Initialised();
        long start = MonotonicTime.Now;
        rig.Call(HypercallNumbers.SetClockevent, 5 * Millisecond);
        Assert.True(WaitForTimer(rig));
        Assert.True(MonotonicTime.Now - start >= 5 * Millisecond);

        // First it is raised, then the Guest is told.
        Assert.True(Patience.Until(() => Volatile.Read(ref rig.Cpu->Attention) == 1));
    }

    [Fact]
    public void Guest_set_clockevent_of_0_stops_the_timer()
    {
        using Rig rig = Before(200 * Millisecond, static rig =>
        {
            rig.Call(HypercallNumbers.SetClockevent, 200 * Millisecond);
            rig.Call(HypercallNumbers.SetClockevent, 0);
        });
        Thread.Sleep(300);
        Assert.Equal(0u, rig.Cpu->PendingInterrupts);
    }

    [Fact]
    public void Guest_set_clockevent_of_0_leaves_an_interrupt_that_is_pending()
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.SetClockevent, 1);
        Assert.True(WaitForTimer(rig));
        rig.Call(HypercallNumbers.SetClockevent, 0);
        Assert.Equal(1u, rig.Cpu->PendingInterrupts);
    }

    [Fact]
    public void Guest_set_clockevent_again_replaces_the_first()
    {
        long start = 0;
        using Rig rig = Before(200 * Millisecond, rig =>
        {
            start = MonotonicTime.Now;
            rig.Call(HypercallNumbers.SetClockevent, 200 * Millisecond);
            rig.Call(HypercallNumbers.SetClockevent, 300 * Millisecond);
        });
        Assert.True(WaitForTimer(rig));
        Assert.True(MonotonicTime.Now - start >= 300 * Millisecond);
    }

    [Fact]
    public void Guest_set_clockevent_takes_the_far_future_for_what_it_is()
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.SetClockevent, uint.MaxValue);
        Thread.Sleep(50);
        Assert.Equal(0u, rig.Cpu->PendingInterrupts);
    }

    [Theory]
    [InlineData(1u, 20_000)]
    [InlineData(100u, 20_000)]
    [InlineData(20_000u, 20_000)]
    [InlineData(20_001u, 20_001)]
    [InlineData(uint.MaxValue, uint.MaxValue)]
    public void Guest_set_clockevent_has_a_floor_so_that_nobody_is_stormed(uint asked, long given) =>
        Assert.Equal(given, InterruptsAndTraps.DeltaNanoseconds(asked));

    [Fact]
    public void Clockdev_fn_is_one_shot()
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.SetClockevent, Millisecond);
        Assert.True(WaitForTimer(rig));
        rig.Cpu->PendingInterrupts = 0;
        Thread.Sleep(20);
        Assert.Equal(0u, rig.Cpu->PendingInterrupts);
    }

    [Fact]
    public void Init_clockdev_leaves_the_clock_off()
    {
        using Rig rig = new Rig().Initialised();
        Thread.Sleep(20);
        Assert.Equal(0u, rig.Cpu->PendingInterrupts);
    }

    [Fact]
    public void The_poll_stops_when_nothing_waits_any_more()
    {
        using Rig rig = new Rig().Initialised();
        rig.Interrupts.SetInterrupt(3);
        rig.Interrupts.PollWhilePending();
        rig.Cpu->PendingInterrupts = 0;
        Thread.Sleep(20);
        Assert.True(IsLeftAlone(rig));
    }

    [Fact]
    public void A_masked_interrupt_is_polled_for_while_the_guest_runs_but_not_while_it_sleeps()
    {
        using Rig rig = new Rig().Initialised();
        rig.Blocked = 1 << 3;
        rig.Interrupts.SetInterrupt(3);
        rig.Interrupts.PollWhilePending();
        Volatile.Write(ref rig.Cpu->Attention, 0);
        Assert.True(Patience.Until(() => Volatile.Read(ref rig.Cpu->Attention) != 0));
        Volatile.Write(ref rig.Cpu->Halted, 1);
        Thread.Sleep(20);
        Assert.True(IsLeftAlone(rig));

        // Awake again, and polled again.
        Volatile.Write(ref rig.Cpu->Halted, 0);
        rig.Interrupts.PollWhilePending();
        Assert.True(Patience.Until(() => Volatile.Read(ref rig.Cpu->Attention) != 0));
    }

    private static bool WaitForTimer(Rig rig) => Patience.Until(() => Volatile.Read(ref rig.Cpu->PendingInterrupts) == 1);

    /// <summary>
    /// Nobody asks for attention any more. A last poll may have been under way for longer than we slept; one that comes every millisecond is
    /// there each time.
    /// </summary>
    private static bool IsLeftAlone(Rig rig) => Patience.OneOf(10, () =>
    {
        Volatile.Write(ref rig.Cpu->Attention, 0);
        Thread.Sleep(20);
        return Volatile.Read(ref rig.Cpu->Attention) == 0;
    });

    /// <summary>Two calls in a row, the second before the first one's moment: a Host that stalls in between gets another try.</summary>
    private static Rig Before(long moment, Action<Rig> calls)
    {
        while (true)
        {
            Rig rig = new Rig().Initialised();
            long start = MonotonicTime.Now;
            calls(rig);
            if (MonotonicTime.Now - start < moment)
            {
                return rig;
            }

            rig.Dispose();
        }
    }

    /// <summary>The whole way: arm, halt, sleep, wake, deliver.</summary>
    [Fact]
    public void A_halted_guest_is_woken_by_its_timer()
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(32, Handler);
        long start = MonotonicTime.Now;
        rig.Run(
            rig.HypercallStep(HypercallNumbers.SetClockevent, 20 * Millisecond),
            rig.HypercallStep(HypercallNumbers.Halt),
            cpu =>
            {
                Assert.Equal(Handler, cpu->Eip);
                return ExitReason.Attention;
            });
        Assert.True(MonotonicTime.Now - start >= 20 * Millisecond);
        Assert.Equal([Rig.Code + 4, 0x61, 0x202], rig.Stack(3));
        Assert.Equal(0u, rig.IrqEnabled);
        Assert.Equal(1, rig.Statistics.InterruptsByIrq[0]);
    }

    /// <summary>The engine looks at the clock as well; who leaves for its sake gets the interrupt at once, whether the clock thread has woken or not.</summary>
    [Fact]
    public void A_timer_that_the_clock_thread_sleeps_through_fires_when_the_engine_leaves_for_it()
    {
        using Rig rig = new Rig(timer: new DeafTimer()).Initialised();
        rig.LoadGate(32, Handler);
        rig.IrqEnabled = 0x200;
        rig.Run(
            rig.HypercallStep(HypercallNumbers.SetClockevent, 5 * Millisecond),
            static cpu =>
            {
                long alarm = cpu->Alarm;
                Assert.NotEqual(0, alarm);
                while (Stopwatch.GetTimestamp() < alarm)
                {
                    Thread.Sleep(1);
                }

                return ExitReason.Attention;
            },
            static cpu =>
            {
                Assert.Equal(Handler, cpu->Eip);
                Assert.Equal(0, cpu->Alarm);
                return ExitReason.Attention;
            });
        Assert.Equal(1, rig.Statistics.InterruptsByIrq[0]);
    }

    [Fact]
    public void Leaving_for_something_else_before_the_time_fires_nothing_and_keeps_the_alarm()
    {
        using Rig rig = new Rig(timer: new DeafTimer()).Initialised();
        rig.LoadGate(32, Handler);
        rig.Run(
            rig.HypercallStep(HypercallNumbers.SetClockevent, 4_000_000_000),
            Rig.Leave(ExitReason.Attention),
            static cpu =>
            {
                Assert.NotEqual(0, cpu->Alarm);
                return ExitReason.Attention;
            },
            rig.HypercallStep(HypercallNumbers.SetClockevent, 0),
            static cpu =>
            {
                Assert.Equal(0, cpu->Alarm);
                return ExitReason.Attention;
            });
        Assert.Equal(0, rig.Statistics.InterruptsByIrq[0]);
    }
}
