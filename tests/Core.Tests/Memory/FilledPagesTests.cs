using Lguest.Jit.Core.Memory;

namespace Lguest.Jit.Core.Tests.Memory;

/// <summary>A flush hears of every page that has been filled in its range.</summary>
public sealed class FilledPagesTests
{
    private const uint OfTheDead = 3;

    private readonly FilledPages _pages = new(static page => page != OfTheDead);

    [Fact]
    public void Each_slot_comes_once_and_in_order()
    {
        uint[] filled = [0, 5, 1023, 1024, 65 * 1024, (128 * 1024) + 7, 0xFFFFF];
        foreach (uint page in filled.Reverse())
        {
            _pages.Add(page);
        }

        Assert.Equal(filled, _pages.All.Order());
        Assert.Equal([[0, 5, 1023], [1024], [65 * 1024], [(128 * 1024) + 7], [0xFFFFF]], Take(0, 1 << 20));
        Assert.Empty(Take(0, 1 << 20));
    }

    [Theory]
    [InlineData(0u, 768u * 1024, new uint[] { 1, 767 * 1024 })]
    [InlineData(768u * 1024, 1u << 20, new uint[] { 768 * 1024, 1023 * 1024 })]
    [InlineData(767u * 1024, 768u * 1024, new uint[] { 767 * 1024 })]
    [InlineData(2u * 1024, 767u * 1024, new uint[0])]
    [InlineData(0u, (766u * 1024) + 1, new uint[] { 1 })]
    [InlineData(0u, 0xFFFFFu, new uint[] { 1, 767 * 1024, 768 * 1024, 1023 * 1024 })]
    public void Only_those_in_the_range_go_and_slots_that_it_ends_in(uint first, uint end, uint[] expected)
    {
        uint[] filled = [1, 767 * 1024, 768 * 1024, 1023 * 1024];
        foreach (uint page in filled)
        {
            _pages.Add(page);
        }

        Assert.Equal(expected, Take(first, end).SelectMany(static pages => pages));
        Assert.Equal(filled.Except(expected), _pages.All.Order());
    }

    [Fact]
    public void A_page_that_is_filled_again_and_again_does_not_make_the_list_longer_and_longer()
    {
        for (int i = 0; i < 100_000; i++)
        {
            _pages.Add((uint)(i % 4));
        }

        Assert.InRange(_pages.All.Count(), 3, 64);
        Assert.Equal(new uint[] { 0, 1, 2, OfTheDead }, _pages.All.Distinct().Order());
    }

    private List<uint[]> Take(uint first, uint end)
    {
        var taken = new List<uint[]>();
        while (_pages.Next(ref first, end) is { } pages)
        {
            taken.Add([.. pages.Order()]);
            pages.Clear();
        }

        return taken;
    }
}
