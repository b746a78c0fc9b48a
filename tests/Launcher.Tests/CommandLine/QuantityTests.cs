using Lguest.Jit.Launcher.CommandLine;

namespace Lguest.Jit.Launcher.Tests.CommandLine;

public class QuantityTests
{
    [Theory]
    [InlineData("64M", 64UL << 20)]
    [InlineData("64m", 64UL << 20)]
    [InlineData("64MB", 64UL << 20)]
    [InlineData("64MiB", 64UL << 20)]
    [InlineData("64 MiB", 64UL << 20)]
    [InlineData("64", 64UL << 20)]
    [InlineData("1G", 1UL << 30)]
    [InlineData("1GiB", 1UL << 30)]
    [InlineData("65536K", 64UL << 20)]
    [InlineData("65536KiB", 64UL << 20)]
    [InlineData("4096B", 4096UL)]
    [InlineData("0", 0UL)]
    public void Sizes(string text, ulong bytes)
    {
        Assert.True(Quantity.TryParseSize(text, out ulong parsed));
        Assert.Equal(bytes, parsed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("M")]
    [InlineData("-1M")]
    [InlineData("1.5G")]
    [InlineData("64X")]
    [InlineData("64MM")]
    [InlineData("0x40M")]
    [InlineData("17179869184G")]
    [InlineData("99999999999999999999")]
    public void No_sizes(string text) => Assert.False(Quantity.TryParseSize(text, out _));

    [Theory]
    [InlineData("30s", 30_000)]
    [InlineData("30", 30_000)]
    [InlineData("1.5s", 1_500)]
    [InlineData("500ms", 500)]
    [InlineData("5m", 300_000)]
    [InlineData("5min", 300_000)]
    [InlineData("2h", 7_200_000)]
    public void Times(string text, double milliseconds)
    {
        Assert.True(Quantity.TryParseTime(text, out TimeSpan parsed));
        Assert.Equal(milliseconds, parsed.TotalMilliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("0s")]
    [InlineData("-1s")]
    [InlineData("1d")]
    [InlineData("1e3s")]
    [InlineData("1..5s")]
    [InlineData("481h")]
    [InlineData("99999999999999999999999999999999999999h")]
    public void No_times(string text) => Assert.False(Quantity.TryParseTime(text, out _));

    [Theory]
    [InlineData("64", 64, true)]
    [InlineData("0x40", 64, true)]
    [InlineData("0X40", 64, true)]
    [InlineData("0x", 0, false)]
    [InlineData("-1", 0, false)]
    [InlineData("4294967296", 0, false)]
    public void Integers(string text, int value, bool valid)
    {
        Assert.Equal(valid, Quantity.TryParseInteger(text, out int parsed));
        Assert.Equal(value, parsed);
    }
}
