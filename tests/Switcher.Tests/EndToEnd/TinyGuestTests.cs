using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Switcher.Tests.EndToEnd;

/// <summary>The Guest of the ABI sheet's appendix (§13), and the variants it names.</summary>
public sealed unsafe class TinyGuestTests
{
    private const uint Timer = 32;
    private const uint Counter = AssembledGuest.Log;
    private const uint Frame = AssembledGuest.Log + 0x10;
    private const uint EnabledInHandler = AssembledGuest.Log + 0x40;
    private const uint TenMilliseconds = 10_000_000;

    [Fact]
    public void Takes_one_timer_interrupt_out_of_a_halt_prints_and_crashes_as_it_wanted()
    {
        using var guest = new AssembledGuest();
        guest.SetMessage("the tiny Guest says hello and is gone");
        Build(guest);
        GuestEnd end = guest.Run();
        Assert.Equal(new GuestEnd(GuestEndKind.Killed, "CRASH: the tiny Guest says hello and is gone"), end);
        Assert.Equal("1", guest.Console.Output);
        Assert.Equal(1u, guest[Counter]);
        Assert.Equal(1, guest.Statistics.InterruptsByIrq[0]);

        // The handler's frame: behind HALT, ring 1, IF = 1; and interrupts off inside.
        uint eip = guest[Frame];
        Assert.Equal(0x1FCDu, guest[eip - 2] & 0xFFFF);
        Assert.Equal(0x61u, guest[Frame + 4]);
        Assert.Equal(0x200u, guest[Frame + 8] & 0x200);
        Assert.Equal(AssembledGuest.Stack - 12, guest[Frame + 12]);
        Assert.Equal(0u, guest[EnabledInHandler]);

        // What the handler's last pop left there.
        Assert.Equal(guest[Frame + 8], guest[AssembledGuest.IrqEnabled]);
    }

    [Fact]
    public void Powers_off_with_linux_last_words()
    {
        using var guest = new AssembledGuest();
        guest.SetMessage("Power down");
        Build(guest);
        Assert.Equal(GuestEndKind.PoweredOff, guest.Run().Kind);
    }

    [Fact]
    public void An_unknown_hypercall_kills()
    {
        using var guest = new AssembledGuest();
        Build(guest, static c => c.Hypercall(99));
        Assert.Equal(new GuestEnd(GuestEndKind.Killed, "Bad hypercall 99"), guest.Run());
    }

    [Fact]
    public void A_load_from_beyond_memory_kills()
    {
        using var guest = new AssembledGuest();
        Build(guest, static c => c.mov(eax, __dword_ptr[0x10000000]));
        Assert.Equal(new GuestEnd(GuestEndKind.Killed, "bad page table entry"), guest.Run());
    }

    [Fact]
    public void Cli_is_skipped()
    {
        using var guest = new AssembledGuest();
        Build(guest, static c => c.cli());
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal("1", guest.Console.Output);
    }

    [Fact]
    public void Sti_without_a_handler_kills()
    {
        using var guest = new AssembledGuest();
        Build(guest, static c => c.sti());
        GuestEnd end = guest.Run();
        Assert.Equal($"unhandled trap 13 at 0x{guest.Cpu->Eip:x} (0)", end.Message);
        Assert.Equal(0xFBu, guest[guest.Cpu->Eip] & 0xFF);
    }

    [Fact]
    public void Interrupts_stay_off_while_irq_enabled_is_2()
    {
        using var guest = new AssembledGuest();
        _ = guest.Place(AssembledGuest.Entry, c =>
        {
            c.Begin();
            c.LoadGate(Timer);
            c.mov(__dword_ptr[AssembledGuest.IrqEnabled], 2);
            c.Hypercall(HypercallNumbers.SetClockevent, 100_000);
            c.WaitForIrqPending();
            c.Hypercall(HypercallNumbers.SendInterrupts);
            c.mov(eax, __dword_ptr[Counter]);
            c.mov(__dword_ptr[Counter + 4], eax);
            c.mov(eax, __dword_ptr[AssembledGuest.IrqPending]);
            c.mov(__dword_ptr[Counter + 8], eax);
            c.mov(__dword_ptr[AssembledGuest.IrqEnabled], 0x200);
            c.Hypercall(HypercallNumbers.SendInterrupts);
            c.ShutDown();
        });
        PlaceTimerHandler(guest);
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal(0u, guest[Counter + 4]);
        Assert.Equal(0x200u, guest[Counter + 8]);
        Assert.Equal(1u, guest[Counter]);
        Assert.Equal(0u, guest[AssembledGuest.IrqPending]);
    }

    [Fact]
    public void A_hypercall_before_init_kills()
    {
        using var guest = new AssembledGuest();
        _ = guest.Place(AssembledGuest.Entry, static c => c.Hypercall(HypercallNumbers.Halt));
        Assert.Equal("hypercall 10 before INIT", guest.Run().Message);
    }

    [Fact]
    public void A_ud2_before_init_names_the_kernel()
    {
        using var guest = new AssembledGuest();
        _ = guest.Place(AssembledGuest.Entry, static c => c.ud2());
        Assert.Contains("CONFIG_LGUEST_GUEST", guest.Run().Message, StringComparison.Ordinal);
    }

    private static void Build(AssembledGuest guest, Action<Assembler>? variant = null)
    {
        _ = guest.Place(AssembledGuest.Entry, c =>
        {
            c.Begin();
            c.LoadGate(Timer);
            variant?.Invoke(c);
            c.Hypercall(HypercallNumbers.SetClockevent, TenMilliseconds);
            c.Hypercall(HypercallNumbers.Halt);
            c.mov(ebx, __dword_ptr[Counter]);
            c.add(ebx, '0');
            c.PrintEbx();
            c.ShutDown();
        });
        PlaceTimerHandler(guest);
    }

    private static void PlaceTimerHandler(AssembledGuest guest) =>
        guest.PlaceNoirqHandler(Timer, static c =>
        {
            c.LogStack(Frame, 3);
            c.push(eax);
            c.mov(eax, __dword_ptr[AssembledGuest.IrqEnabled]);
            c.mov(__dword_ptr[EnabledInHandler], eax);
            c.pop(eax);
            c.inc(__dword_ptr[Counter]);
        });
}
