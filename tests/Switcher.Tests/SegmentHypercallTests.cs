using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;
using Lguest.Jit.Switcher.Tests.Rigs;

namespace Lguest.Jit.Switcher.Tests;

public sealed unsafe class SegmentHypercallTests
{
    [Theory]
    [InlineData(0u, 0u, 0x00000000u, 0x00002100u)]
    [InlineData(14u, 0xFFFFu, 0x00CFFA00u, 0x00CFFB00u)]
    [InlineData(14u, 0xFFFFu, 0x00CFFB00u, 0x00CFFB00u)]
    [InlineData(12u, 0xFFFFu, 0x00CF9A00u, 0x00CFBB00u)]
    [InlineData(13u, 0xFFFFu, 0x00CFD200u, 0x00CFD300u)]
    [InlineData(18u, 0x1234u, 0x00008900u, 0x0000A900u)]
    public void Fixup_gdt_table_turns_dpl_0_into_1_and_sets_accessed(uint index, uint lo, uint hi, uint fixedHi)
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.LoadGdtEntry, index, lo, hi);
        Assert.Null(rig.Machine.KillReason);
        Assert.Equal(lo | ((ulong)fixedHi << 32), rig.Cpu->Gdt[index]);
    }

    [Theory]
    [InlineData(10u)]
    [InlineData(11u)]
    [InlineData(16u)]
    [InlineData(31u)]
    public void Load_guest_gdt_entry_stores_the_switchers_own_as_given_and_nobody_uses_them(uint index)
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.LoadGdtEntry, index, 0xFFFF, 0x00CF9200);
        Assert.Equal(0x00CF9200_0000FFFFUL, rig.Cpu->Gdt[index]);
        Assert.False(Segments.Load(rig.Cpu, Seg.Ds, (index << 3) | 1));
    }

    [Theory]
    [InlineData(32u, "too many gdt entries 32")]
    [InlineData(0xFFFFFFFFu, "too many gdt entries -1")]
    public void Load_guest_gdt_entry_beyond_the_table_kills(uint index, string reason)
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.LoadGdtEntry, index, 0, 0);
        Assert.Equal(reason, rig.Machine.KillReason);
    }

    [Fact]
    public void Guest_load_tls_fills_entries_6_to_8_with_the_same_fixups()
    {
        using Rig rig = new Rig().Initialised();
        rig[0x5000] = 0x1111FFFF;
        rig[0x5004] = 0x00DFF222;
        rig[0x5008] = 0;
        rig[0x500C] = 0;
        rig[0x5010] = 0x2222FFFF;
        rig[0x5014] = 0x00DF9233;
        rig.Call(HypercallNumbers.LoadTls, 0x5000);
        Assert.Equal(0x00DFF322_1111FFFFUL, rig.Cpu->Gdt[6]);
        Assert.Equal(0x00002100_00000000UL, rig.Cpu->Gdt[7]);
        Assert.Equal(0x00DFB333_2222FFFFUL, rig.Cpu->Gdt[8]);
        Assert.Equal(0UL, rig.Cpu->Gdt[5]);
        Assert.Equal(0UL, rig.Cpu->Gdt[9]);
    }

    [Theory]
    [InlineData(Rig.RamSize - 24, null)]
    [InlineData(Rig.RamSize - 23, "bad read address 0x3fffe9 len 24")]
    [InlineData(0xFFFFFFF0u, "bad read address 0xfffffff0 len 24")]
    public void Guest_load_tls_outside_ram_kills(uint at, string? reason)
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.LoadTls, at);
        Assert.Equal(reason, rig.Machine.KillReason);
    }

    [Fact]
    public void A_segment_register_in_use_keeps_the_descriptor_it_was_loaded_with()
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.LoadGdtEntry, 6, 0x1000FFFF, 0x00DFF200);
        Assert.True(Segments.Load(rig.Cpu, Seg.Gs, 0x33));
        rig.Call(HypercallNumbers.LoadGdtEntry, 6, 0, 0);
        Assert.Equal(0x1000u, GuestCpu.Segment(rig.Cpu, Seg.Gs)->Base);
        Assert.Null(rig.Machine.KillReason);
    }
}
