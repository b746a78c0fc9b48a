using System.Text;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;
using Lguest.Jit.Switcher.Tests.Rigs;

namespace Lguest.Jit.Switcher.Tests;

public sealed unsafe class HypercallTests
{
    private const uint Text = 0x5000;

    [Fact]
    public void Init_tells_the_guest_its_clock_and_what_to_leave_alone_and_reads_the_rest()
    {
        using Rig rig = new Rig().WithData();
        Assert.Equal(uint.MaxValue, rig.Cpu->NoirqIret);
        rig.Call(HypercallNumbers.LguestInit, Rig.DataAt);
        Assert.Null(rig.Machine.KillReason);
        Assert.Equal(777u, rig[Rig.DataAt + LguestData.TscKhz]);
        Assert.Equal(0x400000u, rig[Rig.DataAt + LguestData.ReserveMem]);
        Assert.Equal(1_234_567_890u, rig[Rig.DataAt + LguestData.TimeSeconds]);
        Assert.Equal(123u, rig[Rig.DataAt + LguestData.TimeNanoseconds]);
        Assert.Equal(Rig.NoirqIretAt, rig.Cpu->NoirqIret);
        Assert.Equal(Rig.DataAt, rig.Cpu->LguestData);
        Assert.Equal(Rig.KernelAddress, rig.Machine.Mmu.KernelAddress);
    }

    [Fact]
    public void Init_writes_nothing_else_into_lguest_data()
    {
        using Rig rig = new Rig().WithData();
        byte[] before = new byte[LguestData.Size];
        byte[] after = new byte[LguestData.Size];
        Assert.True(rig.Machine.Ram.TryRead(Rig.DataAt, before));
        rig.Call(HypercallNumbers.LguestInit, Rig.DataAt);
        Assert.True(rig.Machine.Ram.TryRead(Rig.DataAt, after));
        for (uint i = 0; i < LguestData.Size; i++)
        {
            bool theHosts = i is >= 0x0C and < 0x14 or >= 0x558 and < 0x560;
            Assert.True(theHosts || before[i] == after[i], $"offset {i:x}");
        }
    }

    [Fact]
    public void Init_ends_neither_linear_mode_nor_looks_at_the_ring()
    {
        using Rig rig = new Rig().WithData();
        rig.Queue(0, 99);
        rig.Call(HypercallNumbers.LguestInit, Rig.DataAt);
        Assert.Null(rig.Machine.KillReason);
        Assert.False(rig.Machine.Mmu.Paging);
        Assert.Equal(0, rig.RingStatus(0));
    }

    [Fact]
    public void Init_starts_with_a_clean_slate_of_mappings()
    {
        using Rig rig = new Rig().WithData();
        Assert.True(ColdAccess.Read(rig.Cpu, 0x20000, 4, out _));
        Assert.True(rig.Machine.Mmu.Current.HasEntry(0x20));
        rig.Call(HypercallNumbers.LguestInit, Rig.DataAt);
        Assert.False(rig.Machine.Mmu.Current.HasEntry(0x20));
    }

    [Fact]
    public void Init_at_physical_zero_is_odd_but_legal()
    {
        using Rig rig = new Rig().WithData(at: 0);
        rig.Call(HypercallNumbers.LguestInit, 0);
        rig.Call(HypercallNumbers.FlushAsync);
        Assert.Null(rig.Machine.KillReason);
        Assert.True(rig.Context.Data.Initialised);
    }

    [Fact]
    public void Init_fits_at_the_very_end_of_ram()
    {
        const uint At = Rig.RamSize - LguestData.Size;
        using Rig rig = new Rig().WithData(At);
        rig.Call(HypercallNumbers.LguestInit, At);
        Assert.Null(rig.Machine.KillReason);
    }

    [Theory]
    [InlineData(Rig.RamSize - LguestData.Size + 1)]
    [InlineData(Rig.RamSize)]
    [InlineData(0xFFFFFFFFu)]
    [InlineData(0xFFFFFC00u)]
    public void Init_outside_ram_kills(uint at)
    {
        using Rig rig = new Rig();
        rig.Call(HypercallNumbers.LguestInit, at);
        Assert.Equal($"bad guest page 0x{at:x}", rig.Machine.KillReason);
    }

    [Theory]
    [InlineData(0u, "hypercall 0 before INIT")]
    [InlineData(2u, "hypercall 2 before INIT")]
    [InlineData(99u, "hypercall 99 before INIT")]
    [InlineData(0xFFFFFFFFu, "hypercall -1 before INIT")]
    public void Anything_before_init_kills(uint number, string reason)
    {
        using Rig rig = new Rig().WithData();
        rig.Call(number);
        Assert.Equal(reason, rig.Machine.KillReason);
    }

    [Fact]
    public void A_second_init_kills()
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.LguestInit, Rig.DataAt);
        Assert.Equal("already have lguest_data", rig.Machine.KillReason);
    }

    [Theory]
    [InlineData(0xFFBFFFFFu, null)]
    [InlineData(0xFFC00000u, "bad kernel address 0xffc00000")]
    [InlineData(0xFFFFFFFFu, "bad kernel address 0xffffffff")]
    public void A_kernel_address_in_the_switchers_pages_kills(uint kernelAddress, string? reason)
    {
        using Rig rig = new Rig().WithData();
        rig[Rig.DataAt + LguestData.KernelAddress] = kernelAddress;
        rig.Call(HypercallNumbers.LguestInit, Rig.DataAt);
        Assert.Equal(reason, rig.Machine.KillReason);
    }

    [Theory]
    [InlineData(3u)]
    [InlineData(11u)]
    [InlineData(12u)]
    [InlineData(17u)]
    [InlineData(20u)]
    [InlineData(99u)]
    public void A_number_that_is_none_kills(uint number)
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(number);
        Assert.Equal($"Bad hypercall {number}", rig.Machine.KillReason);
    }

    [Fact]
    public void Numbers_are_signed_in_the_reason()
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(0x80000000);
        Assert.Equal("Bad hypercall -2147483648", rig.Machine.KillReason);
    }

    [Fact]
    public void Set_pmd_names_the_pae_kernel()
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.SetPmd);
        Assert.StartsWith("Bad hypercall 13", rig.Machine.KillReason, StringComparison.Ordinal);
        Assert.Contains("PAE kernel", rig.Machine.KillReason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Power down", 1u, GuestEndKind.PoweredOff, "Power down")]
    [InlineData("Power down", 0u, GuestEndKind.Killed, "CRASH: Power down")]
    [InlineData("Power down", 3u, GuestEndKind.Killed, "CRASH: Power down")]
    [InlineData("Power down.", 1u, GuestEndKind.Killed, "CRASH: Power down.")]
    [InlineData("power down", 1u, GuestEndKind.Killed, "CRASH: power down")]
    [InlineData("", 1u, GuestEndKind.Killed, "CRASH: ")]
    [InlineData("Attempted to kill init!", 1u, GuestEndKind.Killed, "CRASH: Attempted to kill init!")]
    [InlineData("Restarting system.", 2u, GuestEndKind.Restart, "restart")]
    public void Shutdown_tells_power_off_crash_and_restart_apart(string text, uint how, object kind, string message)
    {
        using Rig rig = new Rig().Initialised();
        Assert.True(rig.Machine.Ram.TryWrite(Text, Encoding.ASCII.GetBytes(text + "\0")));
        GuestEnd end = rig.Run(rig.HypercallStep(HypercallNumbers.Shutdown, Text, how));
        Assert.Equal(new GuestEnd((GuestEndKind)kind, message), end);
    }

    [Fact]
    public void Shutdown_ends_a_string_that_has_no_end_after_127_characters()
    {
        using Rig rig = new Rig().Initialised();
        Assert.True(rig.Machine.Ram.TryWrite(Text, Encoding.ASCII.GetBytes(new string('x', 200))));
        rig.Call(HypercallNumbers.Shutdown, Text, 1);
        Assert.Equal("CRASH: " + new string('x', 127), rig.Machine.KillReason);
    }

    [Fact]
    public void Shutdown_lets_no_control_characters_onto_the_terminal()
    {
        using Rig rig = new Rig().Initialised();
        Assert.True(rig.Machine.Ram.TryWrite(Text, "\e]0;hi\a\xff\0"u8));
        rig.Call(HypercallNumbers.Shutdown, Text, 1);
        Assert.Equal(@"CRASH: \x1b]0;hi\x07\xc3\xbf", rig.Machine.KillReason);
    }

    [Theory]
    [InlineData(Rig.RamSize - 128, null)]
    [InlineData(Rig.RamSize - 127, "bad read address 0x3fff81 len 128")]
    [InlineData(0xFFFFFFFFu, "bad read address 0xffffffff len 128")]
    public void Shutdown_wants_all_128_bytes_in_ram(uint at, string? reason)
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.Shutdown, at, 1);
        Assert.Equal(reason ?? "CRASH: ", rig.Machine.KillReason);
    }

    [Theory]
    [InlineData(8u)]
    [InlineData(0u)]
    public void Ts_is_stored(uint value)
    {
        using Rig rig = new Rig().Initialised();
        rig.Cpu->Ts = 4;
        rig.Call(HypercallNumbers.Ts, value);
        Assert.Equal(value, rig.Cpu->Ts);
    }

    [Fact]
    public void Flush_async_and_send_interrupts_do_nothing_by_themselves()
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.FlushAsync);
        rig.Call(HypercallNumbers.SendInterrupts);
        Assert.Null(rig.Machine.KillReason);
        Assert.Null(rig.Context.End);
    }

    [Fact]
    public void A_hypercall_changes_no_register_and_no_flag()
    {
        using Rig rig = new Rig().Initialised();
        uint eflags = rig.Eflags;
        rig.Run(rig.HypercallStep(HypercallNumbers.FlushTlb, 0, 2, 3, 4));
        Assert.Equal(5u, rig.Cpu->Gpr[Reg.Eax]);
        Assert.Equal(2u, rig.Cpu->Gpr[Reg.Ecx]);
        Assert.Equal(3u, rig.Cpu->Gpr[Reg.Edx]);
        Assert.Equal(4u, rig.Cpu->Gpr[Reg.Esi]);
        Assert.Equal(Rig.KernelStack, rig.Esp);
        Assert.Equal(eflags, rig.Eflags);
        Assert.Equal(Rig.Code + 2, rig.Cpu->Eip);
    }

    [Fact]
    public void Hypercalls_are_counted_by_number_and_by_the_way_they_came()
    {
        using Rig rig = new Rig().Initialised();
        rig.Queue(0, HypercallNumbers.SendInterrupts);
        rig.Call(HypercallNumbers.FlushAsync);
        rig.Call(1000);
        Assert.Equal(1, rig.Statistics.HypercallsByNumber[1]);
        Assert.Equal(1, rig.Statistics.HypercallsByNumber[0]);
        Assert.Equal(1, rig.Statistics.HypercallsByNumber[SwitcherStatistics.OtherHypercall]);
        Assert.Equal(1, rig.Statistics.QueuedHypercallsByNumber[19]);
        Assert.Equal(1, rig.Statistics.QueuedHypercallsByNumber.Sum());
    }
}
