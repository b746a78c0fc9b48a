using Lguest.Jit.Switcher.Tests.Rigs;
using Lguest.Jit.Switcher.Time;

namespace Lguest.Jit.Switcher.Tests;

/// <summary>Each with the Host's best timer and with the portable one. Upper bounds are generous: CI machines stall.</summary>
[Collection(QuietTests.Name)]
public sealed class ClockThreadTests
{
    private const long Millisecond = 1_000_000;
    private const int Patience = 10_000;

    public static TheoryData<bool> Timers => new() { false, true };

    [Theory]
    [MemberData(nameof(Timers))]
    public void Fires_once_and_never_early(bool portable)
    {
        using var rig = new Bench(portable);
        foreach (long delta in (long[])[20_000, 300_000, Millisecond, 3 * Millisecond, 40 * Millisecond])
        {
            long start = MonotonicTime.Now;
            rig.Clock.Arm(delta);
            Assert.True(rig.Fired.WaitOne(Patience));
            Assert.True(rig.LastFired - start >= delta, $"{rig.LastFired - start} < {delta}");
        }

        Assert.False(rig.Fired.WaitOne(20));
        Assert.Equal(5, rig.Fires);
    }

    [Theory]
    [MemberData(nameof(Timers))]
    public void Is_far_finer_than_a_millisecond(bool portable)
    {
        using var rig = new Bench(portable);
        long best = long.MaxValue;
        for (int i = 0; i < 40; i++)
        {
            long start = MonotonicTime.Now;
            rig.Clock.Arm(200_000);
            Assert.True(rig.Fired.WaitOne(Patience));
            best = Math.Min(best, rig.LastFired - start);
        }

        Assert.InRange(best, 200_000, 700_000);
    }

    [Theory]
    [MemberData(nameof(Timers))]
    public void Arming_again_replaces_an_earlier_and_a_later_moment(bool portable)
    {
        using var rig = new Bench(portable);
        rig.Clock.Arm(3_600_000 * Millisecond);
        Thread.Sleep(20);
        long start = MonotonicTime.Now;
        rig.Clock.Arm(5 * Millisecond);
        Assert.True(rig.Fired.WaitOne(Patience));
        Assert.InRange(rig.LastFired - start, 5 * Millisecond, 5000 * Millisecond);

        start = MonotonicTime.Now;
        rig.Clock.Arm(300 * Millisecond);
        rig.Clock.Arm(400 * Millisecond);
        Assert.True(rig.Fired.WaitOne(Patience));
        Assert.True(rig.LastFired - start >= 400 * Millisecond);
        Assert.False(rig.Fired.WaitOne(20));
    }

    [Theory]
    [MemberData(nameof(Timers))]
    public void A_cancelled_timer_does_not_fire(bool portable)
    {
        using var rig = new Bench(portable);
        rig.Clock.Arm(300 * Millisecond);
        rig.Clock.Cancel();
        Assert.False(rig.Fired.WaitOne(400));
        rig.Clock.Arm(1);
        Assert.True(rig.Fired.WaitOne(Patience));
    }

    [Theory]
    [MemberData(nameof(Timers))]
    public void Polls_every_millisecond_until_told_to_stop_and_can_be_started_again(bool portable)
    {
        using var rig = new Bench(portable) { PollsWanted = 5 };
        long start = MonotonicTime.Now;
        rig.Clock.Poll();
        rig.Clock.Poll();
        Assert.True(rig.PollingEnded.WaitOne(Patience));
        Assert.True(MonotonicTime.Now - start >= 5 * ClockThread.PollNanoseconds);
        Thread.Sleep(30);
        Assert.Equal(5, rig.Polls);

        rig.PollsWanted = 7;
        rig.Clock.Poll();
        Assert.True(rig.PollingEnded.WaitOne(Patience));
        Assert.Equal(7, rig.Polls);
    }

    [Theory]
    [MemberData(nameof(Timers))]
    public void Fires_while_it_polls(bool portable)
    {
        using var rig = new Bench(portable) { PollsWanted = 20 };
        rig.Clock.Poll();
        rig.Clock.Arm(5 * Millisecond);
        Assert.True(rig.Fired.WaitOne(Patience));
        Assert.True(rig.PollingEnded.WaitOne(Patience));
        Assert.Equal(1, rig.Fires);
    }

    [Theory]
    [MemberData(nameof(Timers))]
    public void Disposing_ends_the_thread_at_once_and_a_late_call_is_harmless(bool portable)
    {
        var rig = new Bench(portable);
        rig.Clock.Arm(3_600_000 * Millisecond);
        Thread.Sleep(5);
        long start = MonotonicTime.Now;
        rig.Dispose();
        Assert.InRange(MonotonicTime.Now - start, 0, 5000 * Millisecond);
        rig.Clock.Arm(1);
        rig.Clock.Poll();
        rig.Clock.Cancel();
        rig.Clock.Dispose();
    }

    [Theory]
    [MemberData(nameof(Timers))]
    public void Uses_no_cpu_while_nothing_is_due(bool portable)
    {
        using var rig = new Bench(portable);
        rig.Clock.Arm(1);
        Assert.True(rig.Fired.WaitOne(Patience));
        rig.Clock.Arm(3_600_000 * Millisecond);
        CpuMeter.AssertIdle();
    }

    [Fact]
    public void The_portable_timer_returns_once_for_each_moment()
    {
        using var timer = new PortableDueTimer();
        timer.Set(MonotonicTime.Now - 1);
        timer.Wait();
        using var returned = new ManualResetEvent(false);
        var second = new Thread(() =>
        {
            timer.Wait();
            _ = returned.Set();
        });
        second.Start();
        Assert.False(returned.WaitOne(50));
        timer.Set(MonotonicTime.Now);
        Assert.True(returned.WaitOne(Patience));
        second.Join();
    }

    [Fact]
    public void The_portable_timer_follows_a_moment_that_is_moved_away_in_the_last_millisecond()
    {
        // A Host that stalls for that millisecond lets the first moment come; not every time, though.
        Assert.Contains(Enumerable.Range(0, 20), static _ =>
        {
            using var rig = new Bench(portable: true);
            rig.Clock.Arm(3_600_000 * Millisecond);
            Thread.Sleep(5);
            long start = MonotonicTime.Now;
            rig.Clock.Arm(Millisecond);
            Thread.SpinWait(100);
            rig.Clock.Arm(60 * Millisecond);
            Assert.True(rig.Fired.WaitOne(Patience));
            return rig.LastFired - start >= 60 * Millisecond;
        });
    }

    private sealed class Bench : IDisposable
    {
        public Bench(bool portable)
        {
            Clock = new ClockThread(Expired, Poll, portable ? new PortableDueTimer() : null);
        }

        public ClockThread Clock { get; }

        public AutoResetEvent Fired { get; } = new(false);

        public AutoResetEvent PollingEnded { get; } = new(false);

        public int Fires { get; private set; }

        public int Polls { get; private set; }

        public int PollsWanted { get; set; }

        public long LastFired { get; private set; }

        private void Expired()
        {
            LastFired = MonotonicTime.Now;
            Fires++;
            _ = Fired.Set();
        }

        private bool Poll()
        {
            Polls++;
            if (Polls < PollsWanted)
            {
                return true;
            }

            _ = PollingEnded.Set();
            return false;
        }

        public void Dispose() => Clock.Dispose();
    }
}
