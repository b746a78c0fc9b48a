using Lguest.Jit.Switcher.Time;

namespace Lguest.Jit.Switcher.Tests;

public sealed class HostClockTests
{
    [Fact]
    public void The_time_stamp_counter_counts_nanoseconds()
    {
        var clock = new HostClock();
        Assert.Equal(1_000_000u, clock.TscKhz);
        long outside = MonotonicTime.Now;
        ulong before = clock.ReadTsc(0);
        long inside = MonotonicTime.Now;
        Thread.Sleep(20);
        long least = MonotonicTime.Now - inside;
        ulong after = clock.ReadTsc(0);
        long most = MonotonicTime.Now - outside;
        Assert.InRange((long)(after - before), least, most);
        Assert.True(least >= 19_000_000, $"{least} ns");
    }

    [Fact]
    public void The_time_stamp_counter_never_goes_back()
    {
        var clock = new HostClock();
        ulong last = 0;
        for (int i = 0; i < 100_000; i++)
        {
            ulong now = clock.ReadTsc(i);
            Assert.True(now >= last);
            last = now;
        }
    }

    [Fact]
    public void The_wall_clock_starts_where_it_was_told_and_runs_on_the_same_nanoseconds()
    {
        var epoch = new DateTime(2017, 9, 3, 20, 56, 17, DateTimeKind.Utc);
        var clock = new HostClock(epoch);
        long origin = 1_504_472_177L * 1_000_000_000;
        for (int i = 0; i < 100; i++)
        {
            long before = (long)clock.ReadTsc(0);
            long wall = clock.WallClockNanoseconds(0) - origin;
            long after = (long)clock.ReadTsc(0);
            Assert.InRange(wall, before, after);
        }
    }

    [Fact]
    public void The_wall_clock_is_the_hosts_by_default()
    {
        long host = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
        Assert.InRange(new HostClock().WallClockNanoseconds(0) - host, 0, 60_000_000_000);
    }

    [Theory]
    [InlineData(0, 10_000_000, 0)]
    [InlineData(1, 10_000_000, 100)]
    [InlineData(24_000_001, 24_000_000, 1_000_000_041)]
    [InlineData(long.MaxValue / 100, 10_000_000, long.MaxValue / 100 / 10_000_000 * 1_000_000_000 + long.MaxValue / 100 % 10_000_000 * 100)]
    public void Ticks_of_any_frequency_become_nanoseconds(long ticks, long frequency, long nanoseconds) =>
        Assert.Equal(nanoseconds, MonotonicTime.Scale(ticks, frequency));

    [Theory]
    [InlineData(0, 10_000_000, 0)]
    [InlineData(100, 10_000_000, 1)]
    [InlineData(101, 10_000_000, 2)]
    [InlineData(1_000_000_041, 24_000_000, 24_000_001)]
    public void Nanoseconds_become_the_first_tick_that_is_not_before_them(long nanoseconds, long frequency, long ticks)
    {
        Assert.Equal(ticks, MonotonicTime.Unscale(nanoseconds, frequency));
        Assert.True(MonotonicTime.Scale(ticks, frequency) >= nanoseconds);
    }
}
