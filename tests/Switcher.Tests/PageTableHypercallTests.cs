using Lguest.Jit.Core.Memory;
using Lguest.Jit.Switcher.Tests.Rigs;

namespace Lguest.Jit.Switcher.Tests;

public sealed unsafe class PageTableHypercallTests
{
    private const uint Page = 0x20000;
    private const uint KernelPage = Rig.KernelAddress + Page;
    private const uint Second = 0x00310000;
    private const uint Third = 0x00320000;
    private const uint Fourth = 0x00330000;

    [Fact]
    public void New_pgtable_ends_linear_mode_and_activates_the_tables()
    {
        using Rig rig = new Rig().Initialised();
        Assert.False(rig.Machine.Mmu.Paging);
        rig.TurnPagingOn();
        Assert.True(rig.Machine.Mmu.Paging);
        Assert.Equal(Rig.PageDirectory, rig.Machine.Mmu.PageDirectory);
        Assert.True(rig.Cpu->ReadTable == rig.Machine.Mmu.Current.ReadTable(user: false));
        Assert.Equal(0xABCDu, Touch(rig, KernelPage, 0xABCD));
    }

    [Fact]
    public void New_pgtable_flushes_every_time_until_a_third_directory_has_been_used()
    {
        using Rig rig = new Rig().Initialised().TurnPagingOn();
        CopyDirectory(rig, Second);
        CopyDirectory(rig, Third);
        CopyDirectory(rig, Fourth);

        // Two directories, as initial_page_table and swapper_pg_dir: entries change with no word to us.
        rig.Call(HypercallNumbers.NewPgtable, Second);
        rig.Call(HypercallNumbers.NewPgtable, Rig.PageDirectory);
        _ = Touch(rig, Page, 1);
        Assert.True(IsCached(rig, Page));
        rig.Call(HypercallNumbers.NewPgtable, Second);
        rig.Call(HypercallNumbers.NewPgtable, Rig.PageDirectory);
        Assert.False(IsCached(rig, Page));

        // The third still flushes as it comes.
        _ = Touch(rig, Page, 1);
        rig.Call(HypercallNumbers.NewPgtable, Third);
        rig.Call(HypercallNumbers.NewPgtable, Rig.PageDirectory);
        Assert.False(IsCached(rig, Page));

        // From there on every change is announced, and switching is free.
        _ = Touch(rig, Page, 1);
        rig.Call(HypercallNumbers.NewPgtable, Fourth);
        rig.Call(HypercallNumbers.NewPgtable, Rig.PageDirectory);
        Assert.True(IsCached(rig, Page));
    }

    [Fact]
    public void New_pgtable_to_nowhere_kills_at_the_next_walk()
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.NewPgtable, 0xFFFFF000);
        Assert.Null(rig.Machine.KillReason);
        Assert.False(ColdAccess.Read(rig.Cpu, Page, 4, out _));
        Assert.Equal("bad read address 0xfffff000 len 4", rig.Machine.KillReason);
    }

    [Fact]
    public void New_pgtable_and_its_friends_drop_the_cache_flags_in_the_low_bits()
    {
        using Rig rig = new Rig().Initialised().TurnPagingOn();
        rig.Call(HypercallNumbers.NewPgtable, Rig.PageDirectory | 0x18);
        Assert.Equal(Rig.PageDirectory, rig.Machine.Mmu.PageDirectory);
        _ = Touch(rig, Page, 1);
        rig.Call(HypercallNumbers.SetPte, Rig.PageDirectory | 0x08, Page);
        Assert.False(IsCached(rig, Page));
    }

    [Fact]
    public void Guest_set_pte_drops_the_page_of_the_named_directory_only()
    {
        using Rig rig = Trusting();
        _ = Touch(rig, Page, 1);
        rig.Call(HypercallNumbers.SetPte, Second, Page);
        Assert.True(IsCached(rig, Page));
        rig.Call(HypercallNumbers.SetPte, Rig.PageDirectory, Page + 0x123);
        Assert.False(IsCached(rig, Page));
    }

    [Fact]
    public void Guest_set_pte_reaches_a_directory_that_is_not_in_force()
    {
        using Rig rig = Trusting();
        _ = Touch(rig, Page, 1);
        rig.Call(HypercallNumbers.NewPgtable, Second);
        rig.Call(HypercallNumbers.SetPte, Rig.PageDirectory, Page);
        rig.Call(HypercallNumbers.NewPgtable, Rig.PageDirectory);
        Assert.False(IsCached(rig, Page));
    }

    [Fact]
    public void Guest_set_pte_of_a_kernel_page_counts_for_all_directories()
    {
        using Rig rig = Trusting();
        _ = Touch(rig, KernelPage, 1);
        rig.Call(HypercallNumbers.SetPte, Second, KernelPage);
        Assert.False(IsCached(rig, KernelPage));
    }

    [Fact]
    public void Guest_set_pte_ignores_the_value_and_reads_the_table_again()
    {
        using Rig rig = new Rig().Initialised().TurnPagingOn();
        rig[0x21000] = 0x5678;
        _ = Touch(rig, Page, 0x1234);
        rig[Rig.PageTable + 4 * (Page >> 12)] = 0x21003;
        rig.Call(HypercallNumbers.SetPte, Rig.PageDirectory, Page, 0xFFFFFFFF);
        Assert.True(ColdAccess.Read(rig.Cpu, Page, 4, out uint value));
        Assert.Equal(0x5678u, value);
        Assert.Null(rig.Machine.KillReason);
    }

    [Theory]
    [InlineData(0x21067u, true, true)]
    [InlineData(0x21027u, true, false)]
    [InlineData(0x21065u, true, false)]
    [InlineData(0x21047u, false, false)]
    [InlineData(0x21063u, false, false)]
    [InlineData(0u, false, false)]
    public void Guest_set_pte_of_the_page_that_has_faulted_fills_it_as_far_as_the_entry_is_marked(uint entry, bool reads, bool writes)
    {
        using Rig rig = Trusting();
        Fault(rig, Page, user: true);
        Announce(rig, entry, Rig.PageDirectory);
        AddressSpace space = rig.Machine.Mmu.Current;
        Assert.Equal(reads, space.ReadTable(user: true)[Page >> 12] != 0);
        Assert.Equal(writes, space.WriteTable(user: true)[Page >> 12] != 0);
        Assert.Equal(0ul, space.ReadTable(user: false)[Page >> 12]);
        Assert.Equal(entry, rig[Rig.PageTable + 4 * (Page >> 12)]);
        Assert.Null(rig.Machine.KillReason);
    }

    [Fact]
    public void Guest_set_pte_fills_for_whoever_has_faulted()
    {
        using Rig rig = Trusting();
        Fault(rig, Page, user: false);
        Announce(rig, 0x21067, Rig.PageDirectory);
        Assert.NotEqual(0ul, rig.Machine.Mmu.Current.WriteTable(user: false)[Page >> 12]);
        Assert.Equal(0ul, rig.Machine.Mmu.Current.ReadTable(user: true)[Page >> 12]);
    }

    [Theory]
    [InlineData(Page + 0x1000, Rig.PageDirectory)]
    [InlineData(Page, Second)]
    public void Guest_set_pte_of_another_page_or_directory_than_has_faulted_fills_nothing(uint fault, uint directory)
    {
        using Rig rig = Trusting();
        Fault(rig, fault, user: true);
        Announce(rig, 0x21067, directory);
        Assert.False(IsCached(rig, Page));
    }

    [Fact]
    public void Guest_set_pte_fills_nothing_until_every_change_is_announced()
    {
        using Rig rig = new Rig().Initialised().TurnPagingOn();
        Fault(rig, Page, user: true);
        Announce(rig, 0x21067, Rig.PageDirectory);
        Assert.False(IsCached(rig, Page));
    }

    [Theory]
    [InlineData(0xFFBFFFFFu, null)]
    [InlineData(0xFFC00000u, "attempt to set pte into Switcher pages")]
    [InlineData(0xFFFFFFFFu, "attempt to set pte into Switcher pages")]
    public void Guest_set_pte_into_the_switchers_pages_kills(uint address, string? reason)
    {
        using Rig rig = new Rig().Initialised().TurnPagingOn();
        rig.Call(HypercallNumbers.SetPte, Rig.PageDirectory, address);
        Assert.Equal(reason, rig.Machine.KillReason);
    }

    [Fact]
    public void Guest_set_pgd_drops_four_megabytes()
    {
        using Rig rig = Trusting();
        _ = Touch(rig, Page, 1);
        rig.Call(HypercallNumbers.SetPgd, Rig.PageDirectory, 1);
        Assert.True(IsCached(rig, Page));
        rig.Call(HypercallNumbers.SetPgd, Rig.PageDirectory, 0);
        Assert.False(IsCached(rig, Page));
        _ = Touch(rig, KernelPage, 1);
        rig.Call(HypercallNumbers.SetPgd, Second, Rig.KernelAddress >> 22);
        Assert.False(IsCached(rig, KernelPage));
    }

    [Theory]
    [InlineData(1023u, null)]
    [InlineData(1024u, null)]
    [InlineData(1025u, "Attempt to set pgd 1025/1024")]
    [InlineData(0xFFFFFFFFu, "Attempt to set pgd 4294967295/1024")]
    public void Guest_set_pgd_beyond_the_directory_kills(uint index, string? reason)
    {
        using Rig rig = new Rig().Initialised().TurnPagingOn();
        _ = Touch(rig, Page, 1);
        rig.Call(HypercallNumbers.SetPgd, Rig.PageDirectory, index);
        Assert.Equal(reason, rig.Machine.KillReason);
        Assert.True(IsCached(rig, Page));
    }

    [Fact]
    public void Flush_tlb_0_drops_the_user_half_in_force()
    {
        using Rig rig = Trusting();
        _ = Touch(rig, Page, 1);
        _ = Touch(rig, KernelPage, 1);
        rig.Call(HypercallNumbers.FlushTlb, 0);
        Assert.False(IsCached(rig, Page));
        Assert.True(IsCached(rig, KernelPage));
    }

    [Fact]
    public void Flush_tlb_1_drops_everything_everywhere()
    {
        using Rig rig = Trusting();
        _ = Touch(rig, Page, 1);
        _ = Touch(rig, KernelPage, 1);
        rig.Call(HypercallNumbers.NewPgtable, Second);
        rig.Call(HypercallNumbers.FlushTlb, 1);
        rig.Call(HypercallNumbers.NewPgtable, Rig.PageDirectory);
        Assert.False(IsCached(rig, Page));
        Assert.False(IsCached(rig, KernelPage));
    }

    [Fact]
    public void Wild_directories_do_no_harm()
    {
        using Rig rig = new Rig().Initialised().TurnPagingOn();
        foreach (uint directory in (uint[])[0, 1, 0xFFFFFFFF, 0x80000000])
        {
            rig.Call(HypercallNumbers.SetPte, directory, Page);
            rig.Call(HypercallNumbers.SetPgd, directory, 5);
            rig.Call(HypercallNumbers.SetPgd, directory, 1023);
        }

        Assert.Null(rig.Machine.KillReason);
    }

    /// <summary>A Guest that has used three directories and is back on the first.</summary>
    private static Rig Trusting()
    {
        Rig rig = new Rig().Initialised().TurnPagingOn();
        CopyDirectory(rig, Second);
        CopyDirectory(rig, Third);
        rig.Call(HypercallNumbers.NewPgtable, Second);
        rig.Call(HypercallNumbers.NewPgtable, Third);
        rig.Call(HypercallNumbers.NewPgtable, Rig.PageDirectory);
        return rig;
    }

    private static void CopyDirectory(Rig rig, uint to)
    {
        rig[to] = rig[Rig.PageDirectory];
        rig[to + 4 * (Rig.KernelAddress >> 22)] = rig[Rig.PageDirectory + 4 * (Rig.KernelAddress >> 22)];
    }

    private static uint Touch(Rig rig, uint address, uint value)
    {
        Assert.True(ColdAccess.Write(rig.Cpu, address, 4, value));
        return rig[address & 0x3FFFFF];
    }

    /// <summary>An access to a page that is not there.</summary>
    private static void Fault(Rig rig, uint address, bool user)
    {
        rig[Rig.PageTable + 4 * (address >> 12)] = 0;
        Assert.False(ColdAccess.Write(rig.Cpu, address, 4, user, 1));
    }

    /// <summary>Page gets an entry, and the Host is told.</summary>
    private static void Announce(Rig rig, uint entry, uint directory)
    {
        rig[Rig.PageTable + 4 * (Page >> 12)] = entry;
        rig.Call(HypercallNumbers.SetPte, directory, Page, entry);
    }

    private static bool IsCached(Rig rig, uint address) => rig.Machine.Mmu.Current.HasEntry(address >> 12);

}
