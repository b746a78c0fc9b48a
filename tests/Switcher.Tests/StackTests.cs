using Lguest.Jit.Switcher.Tests.Rigs;

namespace Lguest.Jit.Switcher.Tests;

public sealed unsafe class StackTests
{
    [Fact]
    public void Guest_set_stack_stores_segment_and_pointer()
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.SetStack, 0x69, 0x8000, 2);
        Assert.Null(rig.Machine.KillReason);
        Assert.Equal(0x69u, rig.Cpu->Ss1);
        Assert.Equal(0x8000u, rig.Cpu->Esp1);
    }

    [Theory]
    [InlineData(0x68u, "bad stack segment 104")]
    [InlineData(0x6Au, "bad stack segment 106")]
    [InlineData(0x6Bu, "bad stack segment 107")]
    [InlineData(0xFFFFFFFFu, "bad stack segment -1")]
    public void Guest_set_stack_insists_on_ring_1(uint segment, string reason)
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.SetStack, segment, 0x8000, 0);
        Assert.Equal(reason, rig.Machine.KillReason);
    }

    [Theory]
    [InlineData(0u, null)]
    [InlineData(2u, null)]
    [InlineData(3u, "bad stack pages 3")]
    [InlineData(0xFFFFFFFFu, "bad stack pages 4294967295")]
    public void Guest_set_stack_pins_two_pages_at_most(uint pages, string? reason)
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.SetStack, 0x69, 0x8000, pages);
        Assert.Equal(reason, rig.Machine.KillReason);
    }

    [Theory]
    [InlineData(0x00400000u, 1u, null)]
    [InlineData(0x00401000u, 1u, "bad stack page 0x400fff")]
    [InlineData(0x00401000u, 2u, "bad stack page 0x400fff")]
    [InlineData(0x00401000u, 0u, null)]
    [InlineData(0x00000800u, 2u, "bad stack page 0xfffff7ff")]
    [InlineData(0u, 1u, "bad stack page 0xffffffff")]
    public void Pin_stack_pages_wants_ram_in_linear_mode(uint esp, uint pages, string? reason)
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.SetStack, 0x69, esp, pages);
        Assert.Equal(reason, rig.Machine.KillReason);
    }

    [Theory]
    [InlineData(0x00021003u, null)]
    [InlineData(0x00021001u, "bad stack page 0x20fff")]
    [InlineData(0x00000000u, "bad stack page 0x20fff")]
    [InlineData(0x10000003u, "bad stack page 0x20fff")]
    public void Pin_stack_pages_wants_present_writable_pages(uint entry, string? reason)
    {
        using Rig rig = new Rig().Initialised().TurnPagingOn();
        rig.Map(0x20000, entry);
        rig.Call(HypercallNumbers.SetStack, 0x69, 0x22000, 2);
        Assert.Equal(reason, rig.Machine.KillReason);
    }

    [Fact]
    public void Pin_stack_pages_leaves_accessed_and_dirty_alone()
    {
        using Rig rig = new Rig().Initialised().TurnPagingOn();
        rig.Call(HypercallNumbers.SetStack, 0x69, 0x22000, 2);
        Assert.Equal(0x21003u, rig[Rig.PageTable + 4 * 0x21]);
    }

    [Fact]
    public void Pin_stack_pages_looks_again_after_a_full_flush()
    {
        using Rig rig = new Rig().Initialised().TurnPagingOn();
        rig.Call(HypercallNumbers.SetStack, 0x69, 0x22000, 2);
        rig[Rig.PageTable + 4 * 0x21] = 0;
        rig.Call(HypercallNumbers.FlushTlb, 0);
        Assert.Null(rig.Machine.KillReason);
        rig.Call(HypercallNumbers.FlushTlb, 1);
        Assert.Equal("bad stack page 0x21fff", rig.Machine.KillReason);
    }
}
