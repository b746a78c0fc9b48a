using Lguest.Jit.Switcher.Deterministic;

namespace Lguest.Jit.Switcher.Tests.Deterministic;

public sealed class DeterministicClockTests
{
    [Theory]
    [InlineData(1_000_000, 20_000, 20_000)]
    [InlineData(1_000_000, 1, 1)]
    [InlineData(500_000, 3, 2)]
    [InlineData(4_000_000, 4_294_967_295, 17_179_869_180)]
    [InlineData(1_000, 1_000_000, 1_000)]
    [InlineData(1_000, 1, 1)]
    public void Nanoseconds_become_ticks_rounded_up(uint khz, long nanoseconds, long ticks) =>
        Assert.Equal(ticks, new DeterministicClock(khz).FromNanoseconds(nanoseconds));

    [Fact]
    public void Tsc_and_wall_clock_are_instructions_and_nothing_else()
    {
        var clock = new DeterministicClock(500_000);
        long epoch = clock.WallClockNanoseconds(0);
        Assert.Equal(new DateTime(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc), DateTime.UnixEpoch.AddTicks(epoch / 100));
        Assert.Equal(12_345UL, clock.ReadTsc(12_345));
        Assert.Equal(epoch + 2_000_000_000, clock.WallClockNanoseconds(1_000_000_000));
        clock.Skipped += 500;
        Assert.Equal(12_845UL, clock.ReadTsc(12_345));
        Assert.Equal(epoch + 2 * 500, clock.WallClockNanoseconds(0));
    }

    [Fact]
    public void Years_of_ticks_do_not_overflow()
    {
        const long HundredYears = 100L * 365 * 24 * 3600 * 1_000_000_000;
        var clock = new DeterministicClock();
        Assert.Equal(clock.WallClockNanoseconds(0) + HundredYears, clock.WallClockNanoseconds(HundredYears));
    }

    [Theory]
    [InlineData(999)]
    [InlineData(4_000_001)]
    public void A_rate_outside_the_limits_is_refused(uint khz) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new DeterministicClock(khz));
}
