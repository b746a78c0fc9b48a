using Iced.Intel;
using Lguest.Jit.Core.State;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Switcher.Tests.Rigs;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Switcher.Tests.EndToEnd;

/// <summary>Interrupts that meet running code: tight loops, masks, and the iret that may not be interrupted.</summary>
public sealed unsafe class InterruptEndToEndTests
{
    private const uint Timer = 32;
    private const uint Counter = AssembledGuest.Log;
    private const uint Frame = AssembledGuest.Log + 0x10;

    [Fact]
    public void A_tight_loop_is_interrupted_again_and_again()
    {
        using var guest = new AssembledGuest();
        _ = guest.Place(AssembledGuest.Entry, c =>
        {
            Label wait = c.CreateLabel();
            c.Begin();
            c.LoadGate(Timer);
            c.mov(__dword_ptr[AssembledGuest.IrqEnabled], 0x200);
            c.Hypercall(HypercallNumbers.SetClockevent, 1);
            c.Label(ref wait);
            c.cmp(__dword_ptr[Counter], 50);
            c.jb(wait);
            c.ShutDown();
        });
        guest.PlaceNoirqHandler(Timer, c =>
        {
            c.inc(__dword_ptr[Counter]);
            c.pushad();
            c.Hypercall(HypercallNumbers.SetClockevent, 1);
            c.popad();
        });
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.True(guest.Statistics.InterruptsByIrq[0] >= 50);
    }

    [Fact]
    public void Enabling_and_unmasking_by_plain_stores_is_enough_in_the_end()
    {
        using var guest = new AssembledGuest();
        _ = guest.Place(AssembledGuest.Entry, c =>
        {
            Label wait = c.CreateLabel();
            c.Begin();
            c.LoadGate(Timer);
            c.mov(__dword_ptr[AssembledGuest.IrqEnabled], 0x200);
            c.mov(__dword_ptr[AssembledGuest.Blocked], 1);
            c.Hypercall(HypercallNumbers.SetClockevent, 1);
            c.Spin(3_000_000);
            c.mov(eax, __dword_ptr[Counter]);
            c.mov(__dword_ptr[Counter + 4], eax);
            c.and(__dword_ptr[AssembledGuest.Blocked], 0xFFFFFFFE);
            c.Label(ref wait);
            c.cmp(__dword_ptr[Counter], 0);
            c.je(wait);
            c.ShutDown();
        });
        guest.PlaceNoirqHandler(Timer, static c => c.inc(__dword_ptr[Counter]));
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal(0u, guest[Counter + 4]);
        Assert.Equal(1u, guest[Counter]);
    }

    /// <summary>Design §12.4, in the kernel: one frame, of the context that the iret returned to.</summary>
    [Fact]
    public void An_interrupt_that_waits_behind_noirq_iret_arrives_right_after_it()
    {
        const uint Target = AssembledGuest.Entry + 0x800;
        using var guest = new AssembledGuest();
        guest.PlaceNoirqHandler(Timer, c =>
        {
            c.LogStack(Frame, 3);
            c.inc(__dword_ptr[Counter]);
        });
        uint noirqIret = guest[AssembledGuest.Data + LguestData.NoirqIret];
        _ = guest.Place(AssembledGuest.Entry, c =>
        {
            c.Begin();
            c.LoadGate(Timer);
            c.Hypercall(HypercallNumbers.SetClockevent, 1);
            c.WaitForIrqPending();
            c.push(0x246);
            c.push(0x61);
            c.push(Target);
            c.push(__dword_ptr[esp + 8]);
            c.pop(__dword_ptr[AssembledGuest.IrqEnabled]);
            c.jmp(noirqIret);
        });
        _ = guest.Place(Target, static c => c.ShutDown());
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal(1u, guest[Counter]);
        Assert.Equal([Target, 0x61, 0x246, AssembledGuest.Stack - 12], Words(guest, Frame, 4));
        Assert.True(guest.Statistics.RefusedInterrupts >= 1);
    }

    /// <summary>Design §12.4, to the user: the frame has the stack switch that lguest's own shortcut leaves out.</summary>
    [Fact]
    public void Behind_a_noirq_iret_to_user_mode_the_interrupt_comes_from_user_mode()
    {
        using var guest = new AssembledGuest();
        guest.PlaceNoirqHandler(Timer, c =>
        {
            c.LogStack(Frame, 5);
            c.inc(__dword_ptr[Counter]);
        });
        uint noirqIret = guest[AssembledGuest.Data + LguestData.NoirqIret];
        _ = guest.Place(AssembledGuest.Entry, c =>
        {
            c.Begin();
            c.LoadGate(Timer);
            c.LoadGate(0x80, 0xEF00);
            c.TurnPagingOn();
            c.PrepareUserMode();
            c.Hypercall(HypercallNumbers.SetClockevent, 1);
            c.WaitForIrqPending();
            c.PushUserFrame();
            c.push(__dword_ptr[esp + 8]);
            c.pop(__dword_ptr[AssembledGuest.IrqEnabled]);
            c.jmp(noirqIret);
        });
        _ = guest.Place(AssembledGuest.UserCode, static c => c.@int(0x80));
        _ = guest.Place(AssembledGuest.HandlerOf(0x80), static c => c.ShutDown());
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal(1u, guest[Counter]);
        Assert.Equal(
            [AssembledGuest.UserCode, 0x73, 0x202, AssembledGuest.UserStack, 0x7B, AssembledGuest.TrapStack - 20], Words(guest, Frame, 6));
    }

    [Fact]
    public void An_endless_loop_ends_at_the_exact_limit()
    {
        foreach (bool timer in (bool[])[false, true])
        {
            using var guest = new AssembledGuest(new GuestOptions { MaxInstructions = 1_234_567 });
            PlaceEndlessLoop(guest, timer);
            Assert.Equal(GuestEndKind.InstructionLimit, guest.Run().Kind);
            Assert.Equal(1_234_567, guest.Cpu->Retired);
            Assert.Equal(1_234_567, guest.Statistics.Instructions);
        }
    }

    [Fact]
    public void An_endless_loop_can_be_stopped()
    {
        using var guest = new AssembledGuest();
        PlaceEndlessLoop(guest, timer: false);
        guest.Guest.Start(AssembledGuest.Entry);
        var run = new BackgroundRun(guest.Guest);

        // It counts its rounds in ecx.
        Assert.True(Patience.Until(() => Volatile.Read(ref guest.Cpu->Gpr[Reg.Ecx]) > 1000));
        Assert.True(run.IsRunning);
        guest.Guest.RequestStop("enough");
        Assert.Equal(new GuestEnd(GuestEndKind.Stopped, "enough"), run.WaitForEnd());
        Assert.True(guest.Cpu->Retired > 1000);
    }

    [Fact]
    public void An_interrupt_from_another_thread_reaches_an_endless_loop()
    {
        using var guest = new AssembledGuest();
        _ = guest.Place(AssembledGuest.Entry, c =>
        {
            Label self = c.CreateLabel();
            c.Begin();
            c.LoadGate(32 + 7);
            c.mov(__dword_ptr[AssembledGuest.IrqEnabled], 0x200);
            c.Label(ref self);
            c.jmp(self);
        });
        _ = guest.Place(AssembledGuest.HandlerOf(32 + 7), static c => c.ShutDown());
        using var device = new Timer(_ => guest.Guest.SetInterrupt(7), null, 20, 20);
        Assert.Equal("CRASH: the end", guest.Run().Message);
    }

    private static void PlaceEndlessLoop(AssembledGuest guest, bool timer)
    {
        _ = guest.Place(AssembledGuest.Entry, c =>
        {
            Label self = c.CreateLabel();
            c.Begin();
            c.LoadGate(Timer);
            c.mov(__dword_ptr[AssembledGuest.IrqEnabled], 0x200);
            if (timer)
            {
                c.Hypercall(HypercallNumbers.SetClockevent, 1);
            }

            c.Label(ref self);
            c.inc(ecx);
            c.jmp(self);
        });
        guest.PlaceNoirqHandler(Timer, c =>
        {
            c.pushad();
            c.Hypercall(HypercallNumbers.SetClockevent, 1);
            c.popad();
        });
    }

    private static uint[] Words(AssembledGuest guest, uint at, int count) =>
        [.. Enumerable.Range(0, count).Select(i => guest[at + (uint)(4 * i)])];
}
