using System.Runtime.InteropServices;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Interpreter.ControlFlow;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Cache;

namespace Lguest.Jit.Translator.Tests.Cache;

/// <summary>What a link has of the head that it leads to is true at any time.</summary>
public sealed unsafe class RegionLinksTests : IDisposable
{
    private const nint Code = 0x1000;
    private const nint OtherCode = 0x2000;

    private readonly Op* _head = (Op*)NativeMemory.AlignedAlloc((nuint)sizeof(Op), (nuint)sizeof(Op));
    private readonly BlockLink* _links = (BlockLink*)NativeMemory.AllocZeroed(2, (nuint)sizeof(BlockLink));
    private readonly RegionLinks _known = new();

    public void Dispose()
    {
        NativeMemory.AlignedFree(_head);
        NativeMemory.Free(_links);
    }

    [Fact]
    public void To_a_head_that_is_interpreted_it_goes_by_the_head()
    {
        BlockHead.SetPlain(_head);
        Link(0);
        Assert.Equal((ByHead, (nint)_head), Of(0));
    }

    [Theory]
    [InlineData(0u, 1)]
    [InlineData(7u, 8)]
    [InlineData(30u, 31)]
    [InlineData(31u, 0)]
    [InlineData(200u, 0)]
    public void To_a_head_that_is_translated_it_goes_with_the_entry_as_far_as_that_fits(uint entry, int beside)
    {
        BlockHead.SetTranslated(_head, Code, entry);
        Link(0);
        Assert.Equal((Code, (nint)_head + beside), Of(0));
    }

    [Fact]
    public void It_follows_a_head_that_becomes_translated_and_one_that_ceases_to_be()
    {
        BlockHead.SetCounting(_head, 5);
        Link(0);
        Link(1);
        BlockHead.SetTranslated(_head, Code, 2);
        _known.Leads(_head);
        Assert.Equal((Code, (nint)_head + 3), Of(0));
        Assert.Equal((Code, (nint)_head + 3), Of(1));
        _known.Leaves(_head, Code);
        Assert.Equal((ByHead, (nint)_head), Of(0));
        Assert.Equal((ByHead, (nint)_head), Of(1));
    }

    [Fact]
    public void A_region_that_goes_takes_nothing_from_another_that_has_taken_its_place()
    {
        BlockHead.SetTranslated(_head, OtherCode, 0);
        Link(0);
        _known.Leaves(_head, Code);
        Assert.Equal((OtherCode, (nint)_head + 1), Of(0));
    }

    [Fact]
    public void A_link_that_has_been_freed_is_not_written_to()
    {
        BlockHead.SetTranslated(_head, Code, 0);
        Link(0);
        Link(1);
        _known.Drop([(nint)_links]);
        Assert.Equal(1, _known.Count);
        _links[0] = default;
        _known.Leaves(_head, Code);
        Assert.Equal((0, 0), Of(0));
        Assert.Equal((ByHead, (nint)_head), Of(1));
        _known.Drop([(nint)_links, (nint)(_links + 1)]);
        Assert.Equal(0, _known.Count);
    }

    private static nint ByHead => (nint)(delegate*<GuestCpu*, Op*, Op*>)&Links.ByHead;

    private void Link(int number)
    {
        _links[number].Target = _head;
        _known.Add(_links + number);
    }

    private (nint Handler, nint Target) Of(int number) => ((nint)_links[number].Handler, (nint)_links[number].Target);
}
