using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Tracing;

namespace Lguest.Jit.Launcher.Tests.Tracing;

public class AddressFilterTests
{
    private static readonly SymbolTable s_symbols = SymbolTable.From(
    [
        new SymbolTable.Entry(0xC1000000, "startup", true),
        new SymbolTable.Entry(0xC1000100, "schedule", true),
        new SymbolTable.Entry(0xC1000100, "__schedule", true),
        new SymbolTable.Entry(0xC1000180, "last", true),
    ]);

    [Theory]
    [InlineData("0xC1000000-0xC1001000", 0xC1000000, true)]
    [InlineData("0xC1000000-0xC1001000", 0xC1000FFF, true)]
    [InlineData("0xC1000000-0xC1001000", 0xC1001000, false)]
    [InlineData("0xC1000000-0xC1001000", 0xC0FFFFFF, false)]
    [InlineData("0x1234", 0x1234, true)]
    [InlineData("0x1234", 0x1235, false)]
    [InlineData("schedule", 0xC1000100, true)]
    [InlineData("schedule", 0xC100017F, true)]
    [InlineData("schedule", 0xC1000180, false)]
    [InlineData("schedule", 0xC10000FF, false)]
    [InlineData("last", 0xC1000180, true)]
    [InlineData("0x10, last ,0x20-0x30", 0x2F, true)]
    [InlineData("0x10, last ,0x20-0x30", 0x30, false)]
    [InlineData("0xFFFFF000-0xFFFFFFFF", 0xFFFFFFFE, true)]
    public void Addresses_ranges_and_symbols_are_taken_and_the_end_is_not_in_it(string filter, uint address, bool inside) =>
        Assert.Equal(inside, AddressFilter.Parse(filter, s_symbols).Contains(address));

    [Fact]
    public void A_block_that_begins_before_a_range_and_reaches_into_it_counts()
    {
        AddressFilter filter = AddressFilter.Parse("0x1000-0x1010", s_symbols);
        Assert.True(filter.Overlaps(0xFFF, 2));
        Assert.False(filter.Overlaps(0xFFF, 1));
        Assert.True(filter.Overlaps(0x100F, 8));
    }

    [Theory]
    [InlineData("nobody")]
    [InlineData("0x2000-0x1000")]
    [InlineData("0x1000-0x1000")]
    [InlineData("0xZZ")]
    [InlineData("0x100000000")]
    [InlineData(",")]
    public void Nonsense_is_refused_in_one_line(string filter)
    {
        LoadException e = Assert.Throws<LoadException>(() => AddressFilter.Parse(filter, s_symbols));
        Assert.Contains("--trace-filter " + filter, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_filter_lets_everything_through() => Assert.True(AddressFilter.Everything.Contains(0));
}
