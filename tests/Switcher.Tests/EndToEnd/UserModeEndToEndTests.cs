using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Switcher.Tests.EndToEnd;

/// <summary>A kernel in ring 1 and a program in ring 3, with paging: what goes up, what comes back.</summary>
public sealed unsafe class UserModeEndToEndTests
{
    private const uint Frame = AssembledGuest.Log + 0x10;
    private const uint EnabledInHandler = AssembledGuest.Log + 0x40;
    private const uint Syscall = 0x80;
    private const uint Fresh = 0x00200000;

    [Theory]
    [InlineData(0xEF00u, 0x202u)]
    [InlineData(0xEE00u, 0u)]
    public void A_system_call_arrives_through_a_trap_gate_and_through_an_interrupt_gate(uint gate, uint irqEnabledInside)
    {
        using var guest = new AssembledGuest();
        Boot(guest, c => c.LoadGate(Syscall, gate));
        _ = guest.Place(AssembledGuest.UserCode, static c => c.@int(0x80));
        PlaceLastHandler(guest, Syscall, 5);
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal(
            [AssembledGuest.UserCode + 2, 0x73, 0x202, AssembledGuest.UserStack, 0x7B, AssembledGuest.TrapStack - 20],
            Words(guest, Frame, 6));
        Assert.Equal(irqEnabledInside, guest[EnabledInHandler]);
        Assert.Equal(1, guest.Statistics.TrapsByVector[0x80]);
    }

    [Theory]
    [InlineData("CD 1F", 0xFAu)]
    [InlineData("CD 20", 0x102u)]
    [InlineData("CD 0D", 0x6Au)]
    [InlineData("CC", 0x1Au)]
    [InlineData("FA", 0u)]
    [InlineData("F4", 0u)]
    [InlineData("EC", 0u)]
    [InlineData("0F 22 D8", 0u)]
    [InlineData("8E D8", 0x68u)]
    public void What_ring_3_may_not_do_is_a_general_protection_fault_at_the_instruction(string code, uint errorCode)
    {
        using var guest = new AssembledGuest();
        Boot(guest, static c => c.LoadGate(13));
        byte[] bytes = Convert.FromHexString(code.Replace(" ", "", StringComparison.Ordinal));
        _ = guest.Place(AssembledGuest.UserCode, c =>
        {
            c.mov(eax, 0x68);
            c.db(bytes);
        });
        PlaceLastHandler(guest, 13, 6);
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal([errorCode, AssembledGuest.UserCode + 5, 0x73], Words(guest, Frame, 3));
    }

    [Fact]
    public void A_page_fault_of_the_user_is_answered_by_mapping_the_page_and_telling_nobody()
    {
        using var guest = new AssembledGuest();
        Boot(guest, static c =>
        {
            c.LoadGate(14);
            c.LoadGate(Syscall, 0xEF00);
            c.mov(__dword_ptr[GuestCode.Pte(Fresh)], 0);
            c.Hypercall(HypercallNumbers.SetPte, AssembledGuest.PageDirectory, Fresh, 0);
        });
        _ = guest.Place(AssembledGuest.UserCode, static c =>
        {
            c.mov(__dword_ptr[Fresh + 0x123], 0xCAFE);
            c.mov(ecx, __dword_ptr[Fresh + 0x123]);
            c.@int(0x80);
        });
        guest.PlaceNoirqHandler(14, static c =>
        {
            c.LogStack(Frame, 6);
            c.push(eax);
            c.mov(eax, __dword_ptr[AssembledGuest.Data + LguestData.Cr2]);
            c.mov(__dword_ptr[Frame + 0x20], eax);
            c.pop(eax);
            c.mov(__dword_ptr[GuestCode.Pte(Fresh)], Fresh | 7);
            c.add(esp, 4);
        });
        PlaceLastHandler(guest, Syscall, 0x30, 5);
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal(6u, guest[Frame]);
        Assert.Equal(Fresh + 0x123, guest[Frame + 0x20]);
        Assert.Equal(0xCAFEu, guest[Fresh + 0x123]);
        Assert.Equal(Fresh | 0x67, guest[GuestCode.Pte(Fresh)]);
        Assert.Equal(1, guest.Statistics.TrapsByVector[14]);
    }

    [Fact]
    public void A_write_to_a_read_only_page_faults_in_ring_1_as_in_ring_3()
    {
        using var guest = new AssembledGuest();
        _ = guest.Place(AssembledGuest.Entry, static c =>
        {
            c.Begin();
            c.LoadGate(14);
            c.TurnPagingOn();
            c.mov(__dword_ptr[GuestCode.Pte(Fresh)], Fresh | 1);
            c.Hypercall(HypercallNumbers.SetPte, AssembledGuest.PageDirectory, Fresh, 0);
            c.mov(__dword_ptr[Fresh], 1);
        });
        PlaceLastHandler(guest, 14, 4);
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal(3u, guest[Frame]);
        Assert.Equal(0x61u, guest[Frame + 8]);
        Assert.Equal(Fresh, guest[AssembledGuest.Data + LguestData.Cr2]);
    }

    [Fact]
    public void The_fpu_traps_while_ts_is_set_and_only_then()
    {
        using var guest = new AssembledGuest();
        Boot(guest, static c =>
        {
            c.LoadGate(7);
            c.LoadGate(Syscall, 0xEF00);
            c.Hypercall(HypercallNumbers.Ts, 8);
        });
        _ = guest.Place(AssembledGuest.UserCode, static c =>
        {
            c.fninit();
            c.fld1();
            c.@int(0x80);
        });
        guest.PlaceNoirqHandler(7, static c =>
        {
            c.pushad();
            c.Hypercall(HypercallNumbers.Ts, 0);
            c.popad();
        });
        PlaceLastHandler(guest, Syscall, 5);
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal(1, guest.Statistics.TrapsByVector[7]);
    }

    [Fact]
    public void A_single_stepped_program_traps_after_each_instruction()
    {
        const uint Steps = AssembledGuest.Log;
        using var guest = new AssembledGuest();
        Boot(guest, static c =>
        {
            c.LoadGate(1);
            c.LoadGate(Syscall, 0xEF00);
        });
        _ = guest.Place(AssembledGuest.UserCode, static c =>
        {
            c.pushfd();
            c.or(__dword_ptr[esp], 0x100);
            c.popfd();
            c.nop();
            c.nop();
            c.inc(ecx);
            c.@int(0x80);
        });
        guest.PlaceNoirqHandler(1, static c => c.inc(__dword_ptr[Steps]));
        PlaceLastHandler(guest, Syscall, 5);
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal(3u, guest[Steps]);
        Assert.Equal(0x100u, guest[Frame + 8] & 0x100);
    }

    private static void Boot(AssembledGuest guest, Action<Assembler> prepare) =>
        _ = guest.Place(AssembledGuest.Entry, c =>
        {
            c.Begin();
            c.TurnPagingOn();
            prepare(c);
            c.mov(__dword_ptr[AssembledGuest.IrqEnabled], 0x202);
            c.PrepareUserMode();
            c.PushUserFrame();
            c.iretd();
        });

    private static void PlaceLastHandler(AssembledGuest guest, uint vector, int words) => PlaceLastHandler(guest, vector, 0, words);

    /// <summary>Writes down its frame and irq_enabled, and ends the Guest.</summary>
    private static void PlaceLastHandler(AssembledGuest guest, uint vector, uint offset, int words) =>
        _ = guest.Place(AssembledGuest.HandlerOf(vector), c =>
        {
            c.LogStack(Frame + offset, words);
            c.mov(eax, __dword_ptr[AssembledGuest.IrqEnabled]);
            c.mov(__dword_ptr[EnabledInHandler], eax);
            c.ShutDown();
        });

    private static uint[] Words(AssembledGuest guest, uint at, int count) =>
        [.. Enumerable.Range(0, count).Select(i => guest[at + (uint)(4 * i)])];
}
