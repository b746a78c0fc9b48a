using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Switcher.Tests.Rigs;
using Lguest.Jit.Switcher.Time;

namespace Lguest.Jit.Switcher.Tests;

/// <summary>Each with the Host's best timer and with the portable one. Nothing has an upper bound: CI machines stall.</summary>
[Collection(QuietTests.Name)]
public sealed class ClockThreadTests
{
    private const long Millisecond = 1_000_000;

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
            Assert.True(rig.Fired.WaitOne(Patience.Limit));
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
        Assert.True(Patience.OneOf(5_000, () =>
        {
            long start = MonotonicTime.Now;
            rig.Clock.Arm(200_000);
            Assert.True(rig.Fired.WaitOne(Patience.Limit));
            long taken = rig.LastFired - start;
            Assert.True(taken >= 200_000, $"{taken} ns");
            return taken <= 700_000;
        }));
    }

    [Theory]
    [MemberData(nameof(Timers))]
    public void Arming_again_replaces_an_earlier_and_a_later_moment(bool portable)
    {
        using var sooner = new Bench(portable);
        sooner.Clock.Arm(3_600_000 * Millisecond);
        Thread.Sleep(20);
        long start = MonotonicTime.Now;
        sooner.Clock.Arm(5 * Millisecond);
        Assert.True(sooner.Fired.WaitOne(Patience.Limit));
        Assert.True(sooner.LastFired - start >= 5 * Millisecond);

        using Bench later = Before(300 * Millisecond, portable, clock =>
        {
            start = MonotonicTime.Now;
            clock.Arm(300 * Millisecond);
            clock.Arm(400 * Millisecond);
        });
        Assert.True(later.Fired.WaitOne(Patience.Limit));
        Assert.True(later.LastFired - start >= 400 * Millisecond);
        Assert.False(later.Fired.WaitOne(20));
    }

    [Theory]
    [MemberData(nameof(Timers))]
    public void A_cancelled_timer_does_not_fire(bool portable)
    {
        using Bench rig = Before(300 * Millisecond, portable, static clock =>
        {
            clock.Arm(300 * Millisecond);
            clock.Cancel();
        });
        Assert.False(rig.Fired.WaitOne(400));
        rig.Clock.Arm(1);
        Assert.True(rig.Fired.WaitOne(Patience.Limit));
    }

    [Theory]
    [MemberData(nameof(Timers))]
    public void Polls_every_millisecond_until_told_to_stop_and_can_be_started_again(bool portable)
    {
        // Five, but told only once it has been started twice: a Host that is slow to do so sees more of them.
        using var rig = new Bench(portable) { PollsWanted = int.MaxValue };
        long start = MonotonicTime.Now;
        rig.Clock.Poll();
        rig.Clock.Poll();
        rig.PollsWanted = 5;
        Assert.True(rig.PollingEnded.WaitOne(Patience.Limit));
        int polls = rig.Polls;
        Assert.True(polls >= 5);
        Assert.True(MonotonicTime.Now - start >= polls * ClockThread.PollNanoseconds);
        Thread.Sleep(30);
        Assert.Equal(polls, rig.Polls);

        rig.PollsWanted = polls + 2;
        rig.Clock.Poll();
        Assert.True(rig.PollingEnded.WaitOne(Patience.Limit));
        Assert.Equal(polls + 2, rig.Polls);
    }

    [Theory]
    [MemberData(nameof(Timers))]
    public void Fires_while_it_polls(bool portable)
    {
        using var rig = new Bench(portable) { PollsWanted = 20 };
        rig.Clock.Poll();
        rig.Clock.Arm(5 * Millisecond);
        Assert.True(rig.Fired.WaitOne(Patience.Limit));
        Assert.True(rig.PollingEnded.WaitOne(Patience.Limit));
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
        Assert.True(MonotonicTime.Now - start < 3_600_000 * Millisecond / 2);
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
        Assert.True(rig.Fired.WaitOne(Patience.Limit));
        rig.Clock.Arm(3_600_000 * Millisecond);
        CpuMeter.AssertIdle();
    }

    [Fact]
    public void Another_thread_may_fire_it_when_it_is_due_but_only_then_and_only_once()
    {
        int fires = 0;
        using var clock = new ClockThread(() => fires++, static () => false, new DeafTimer());
        Assert.True(clock.FireIfDue());
        _ = clock.Arm(3_600_000 * Millisecond);
        Assert.False(clock.FireIfDue());
        Assert.Equal(0, fires);
        long due = clock.Arm(20 * Millisecond);
        while (MonotonicTime.Now < due)
        {
            Thread.Sleep(1);
        }

        Assert.True(clock.FireIfDue());
        Assert.True(clock.FireIfDue());
        Assert.Equal(1, fires);
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
        Assert.True(returned.WaitOne(Patience.Limit));
        second.Join();
    }

    [Fact]
    public void The_portable_timer_follows_a_moment_that_is_moved_away_in_the_last_millisecond()
    {
        // A Host that stalls for that millisecond lets the first moment come; not every time, though.
        Assert.Contains(Enumerable.Range(0, 100), static _ =>
        {
            using var rig = new Bench(portable: true);
            rig.Clock.Arm(3_600_000 * Millisecond);
            Thread.Sleep(5);
            long start = MonotonicTime.Now;
            rig.Clock.Arm(Millisecond);
            Thread.SpinWait(100);
            rig.Clock.Arm(60 * Millisecond);
            Assert.True(rig.Fired.WaitOne(Patience.Limit));
            return rig.LastFired - start >= 60 * Millisecond;
        });
    }

    /// <summary>
    /// Two calls in a row, of which the second has to be made before the moment that the first one sets: a Host that stalls in between gets
    /// another try.
    /// </summary>
    private static Bench Before(long moment, bool portable, Action<ClockThread> calls)
    {
        while (true)
        {
            var rig = new Bench(portable);
            long start = MonotonicTime.Now;
            calls(rig.Clock);
            if (MonotonicTime.Now - start < moment)
            {
                return rig;
            }

            rig.Dispose();
        }
    }

    private sealed class Bench : IDisposable
    {
        private volatile int _pollsWanted;

        public Bench(bool portable)
        {
            Clock = new ClockThread(Expired, Poll, portable ? new PortableDueTimer() : null);
        }

        public ClockThread Clock { get; }

        public AutoResetEvent Fired { get; } = new(false);

        public AutoResetEvent PollingEnded { get; } = new(false);

        public int Fires { get; private set; }

        public int Polls { get; private set; }

        public int PollsWanted
        {
            get => _pollsWanted;
            set => _pollsWanted = value;
        }

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
