using Lguest.Jit.Translator.Tiering;

namespace Lguest.Jit.Translator.Tests.Tiering;

/// <summary>What is remembered of the ways from a block.</summary>
public sealed class BlockWaysTests
{
    [Fact]
    public void Shares_are_what_has_been_counted()
    {
        var ways = new BlockWays();
        Count(ways, 0x1000, 30);
        Count(ways, 0x2000, 10);
        Assert.Equal(0x1000u, ways.MostLikely);
        Assert.Equal((0.75, 0.25, 0.0), (ways.Share(0x1000), ways.Share(0x2000), ways.Share(0x3000)));
    }

    [Fact]
    public void What_was_seen_long_ago_counts_for_less_and_less()
    {
        var ways = new BlockWays();
        Count(ways, 0x1000, 10_000);
        Count(ways, 0x2000, 100);
        Assert.Equal(0x2000u, ways.MostLikely);
        Assert.InRange(ways.Share(0x2000), 0.7, 1.0);
    }

    [Fact]
    public void The_frequent_places_stay_among_many_rare_ones()
    {
        var ways = new BlockWays();
        for (uint i = 0; i < 1_000; i++)
        {
            ways.Count(0x1000);
            ways.Count(0x10000 + (i * 16));
        }

        Assert.Equal(0x1000u, ways.MostLikely);
        Assert.InRange(ways.Share(0x1000), 0.4, 0.6);
    }

    [Fact]
    public void What_comes_back_after_it_was_forgotten_counts_again()
    {
        var ways = new BlockWays();
        Count(ways, 0x1000, 1);
        Count(ways, 0x2000, 1);
        Count(ways, 0x3000, 200);
        Count(ways, 0x2000, 20);
        Assert.InRange(ways.Share(0x2000), 0.2, 0.6);
    }

    [Fact]
    public void Nothing_seen_is_no_place()
    {
        var ways = new BlockWays();
        Assert.Equal((0u, 0.0, 0), (ways.MostLikely, ways.Share(0x1000), ways.Total));
    }

    private static void Count(BlockWays ways, uint eip, int times)
    {
        for (int i = 0; i < times; i++)
        {
            ways.Count(eip);
        }
    }
}
