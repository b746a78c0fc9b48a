using Lguest.Jit.Switcher.Tests.Rigs;

namespace Lguest.Jit.Switcher.Tests;

public sealed unsafe class KernelDiagnosisTests
{
    [Fact]
    public void A_ud2_before_init_names_the_kernel_without_lguest_support()
    {
        using var rig = new Rig();
        rig.Run(Rig.Fault(6));
        Assert.Equal(
            "unhandled trap 6 at 0x100000 (0): this kernel has no lguest support (CONFIG_LGUEST_GUEST)", rig.Machine.KillReason);
    }

    [Theory]
    [InlineData(0x20, 0xD8)]
    [InlineData(0x22, 0xC0)]
    [InlineData(0x01, 0xC0)]
    public void So_does_a_kernel_that_thinks_it_is_alone(byte second, byte third)
    {
        using var rig = new Rig();
        Assert.True(rig.Machine.Ram.TryWrite(Rig.Code, [0x0F, second, third]));
        rig.Run(Rig.Fault(13));
        Assert.Contains("no lguest support", rig.Machine.KillReason, StringComparison.Ordinal);
    }

    [Fact]
    public void Other_deaths_before_init_are_not_explained_away()
    {
        using var rig = new Rig();
        Assert.True(rig.Machine.Ram.TryWrite(Rig.Code, [0xFB, 0x22]));
        rig.Run(Rig.Fault(13));
        Assert.Equal("unhandled trap 13 at 0x100000 (0)", rig.Machine.KillReason);
    }

    [Fact]
    public void Nor_is_a_ud2_after_init()
    {
        using Rig rig = new Rig().Initialised();
        rig.Run(Rig.Fault(6));
        Assert.Equal("unhandled trap 6 at 0x100000 (0)", rig.Machine.KillReason);
    }

    [Fact]
    public void A_page_fault_on_a_directory_of_64_bit_pointers_names_the_pae_kernel()
    {
        using Rig rig = new Rig().Initialised();
        rig[Rig.PageDirectory] = 0x00123001;
        rig[Rig.PageDirectory + 24] = 0x00123001;
        rig.Call(HypercallNumbers.NewPgtable, Rig.PageDirectory);
        rig.Run(Rig.Fault(14, 0, 0x01000100));
        Assert.StartsWith("unhandled trap 14 at 0x100000 (0x1000100): this is a PAE kernel", rig.Machine.KillReason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(0x00123067u)]
    public void A_page_fault_on_any_other_directory_does_not(uint entry)
    {
        using Rig rig = new Rig().Initialised();
        rig[Rig.PageDirectory] = entry;
        rig.Call(HypercallNumbers.NewPgtable, Rig.PageDirectory);
        rig.Run(Rig.Fault(14, 0, 0x01000100));
        Assert.Equal("unhandled trap 14 at 0x100000 (0x1000100)", rig.Machine.KillReason);
    }

    [Fact]
    public void A_directory_outside_ram_is_looked_at_without_harm()
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.NewPgtable, 0xFFFFF000);
        rig.Run(Rig.Fault(14, 0, 0x01000100));
        Assert.Equal("unhandled trap 14 at 0x100000 (0x1000100)", rig.Machine.KillReason);
    }
}
