using Lguest.Jit.Core.State;
using Lguest.Jit.Switcher.Tests.Rigs;

namespace Lguest.Jit.Switcher.Tests;

public sealed unsafe class InterruptTests
{
    private const uint Handler = 0x00105678;

    [Fact]
    public void Set_interrupt_is_pending_once_however_often_it_was_raised_and_wants_attention()
    {
        using Rig rig = new Rig().Initialised();
        rig.Interrupts.SetInterrupt(5);
        rig.Interrupts.SetInterrupt(5);
        Assert.Equal(1u << 5, rig.Cpu->PendingInterrupts);
        Assert.Equal(1, rig.Cpu->Attention);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(32)]
    public void Set_interrupt_refuses_what_is_no_irq(int irq)
    {
        using Rig rig = new Rig();
        Assert.Throws<ArgumentOutOfRangeException>(() => rig.Interrupts.SetInterrupt(irq));
    }

    [Fact]
    public void Set_interrupt_from_many_threads_loses_none()
    {
        using Rig rig = new Rig().Initialised();
        Parallel.For(0, 32, irq => rig.Interrupts.SetInterrupt(irq));
        Assert.Equal(uint.MaxValue, rig.Cpu->PendingInterrupts);
    }

    [Fact]
    public void Free_interrupts_closes_the_door_to_late_devices()
    {
        var rig = new Rig();
        rig.Dispose();
        rig.Interrupts.SetInterrupt(3);
        rig.Interrupts.Knock();
    }

    [Fact]
    public void Interrupt_pending_sees_none_before_init()
    {
        using Rig rig = new Rig().WithData();
        rig.Interrupts.SetInterrupt(3);
        Assert.Equal(InterruptsAndTraps.LguestIrqs, rig.Interrupts.InterruptPending(out bool more));
        Assert.False(more);
    }

    [Theory]
    [InlineData(0b0000u, 0b0000u, 32, false)]
    [InlineData(0b1000u, 0b0000u, 3, false)]
    [InlineData(0b1010u, 0b0000u, 1, true)]
    [InlineData(0b1010u, 0b0010u, 3, false)]
    [InlineData(0b1010u, 0b1000u, 1, false)]
    [InlineData(0b1010u, 0b1010u, 32, false)]
    [InlineData(0xFFFFFFFFu, 0x7FFFFFFFu, 31, false)]
    [InlineData(0xFFFFFFFFu, 0u, 0, true)]
    public void Interrupt_pending_is_the_lowest_unmasked_one_and_more_tells_of_others(uint pending, uint blocked, int irq, bool more)
    {
        using Rig rig = new Rig().Initialised();
        rig.Cpu->PendingInterrupts = pending;
        rig.Blocked = blocked;
        Assert.Equal(irq, rig.Interrupts.InterruptPending(out bool others));
        Assert.Equal(more, others);
    }

    [Fact]
    public void Interrupt_pending_reads_the_mask_anew_each_time()
    {
        using Rig rig = new Rig().Initialised();
        rig.Interrupts.SetInterrupt(4);
        rig.Blocked = 1 << 4;
        Assert.Equal(32, rig.Interrupts.InterruptPending(out _));
        rig.Blocked = 0;
        Assert.Equal(4, rig.Interrupts.InterruptPending(out _));
    }

    [Fact]
    public void Try_deliver_interrupt_enters_vector_32_plus_irq_with_a_frame_and_no_error_code()
    {
        using Rig rig = Enabled();
        rig.LoadGate(32 + 9, Handler);
        rig.Interrupts.SetInterrupt(9);
        rig.Interrupts.TryDeliverInterrupt(9, more: false);
        Assert.Equal(Handler, rig.Cpu->Eip);
        Assert.Equal([Rig.Code, 0x61, 0x202], rig.Stack(3));
        Assert.Equal(Rig.KernelStack - 12, rig.Esp);
        Assert.Equal(0u, rig.Cpu->PendingInterrupts);
        Assert.Equal(0u, rig.IrqEnabled);
        Assert.Equal(1, rig.Statistics.InterruptsByIrq[9]);
    }

    [Theory]
    [InlineData(0x200u, true)]
    [InlineData(0x246u, true)]
    [InlineData(0u, false)]
    [InlineData(0x002u, false)]
    [InlineData(0x046u, false)]
    [InlineData(0xFFFFFDFFu, false)]
    public void Try_deliver_interrupt_goes_by_bit_9_of_irq_enabled(uint irqEnabled, bool delivered)
    {
        using Rig rig = Enabled();
        rig.IrqEnabled = irqEnabled;
        rig.LoadGate(32, Handler);
        rig.Interrupts.SetInterrupt(0);
        rig.Interrupts.TryDeliverInterrupt(0, more: false);
        Assert.Equal(delivered, rig.Cpu->Eip == Handler);
        Assert.Equal(delivered ? 0u : 1u, rig.Cpu->PendingInterrupts);
        Assert.Equal(delivered ? 0u : 0x200u, rig.IrqPending);
    }

    [Fact]
    public void Try_deliver_interrupt_refused_does_nothing_else()
    {
        using Rig rig = Enabled();
        rig.IrqEnabled = 2;
        rig.LoadGate(32, Handler);
        rig.Interrupts.SetInterrupt(0);
        rig.Clock.WallClock += 5_000_000_000;
        uint seconds = rig[Rig.DataAt + LguestData.TimeSeconds];
        rig.Interrupts.TryDeliverInterrupt(0, more: false);
        Assert.Equal(seconds, rig[Rig.DataAt + LguestData.TimeSeconds]);
        Assert.Equal(2u, rig.IrqEnabled);
        Assert.Equal(Rig.KernelStack, rig.Esp);
        Assert.Equal(1, rig.Statistics.RefusedInterrupts);
    }

    [Fact]
    public void Try_deliver_interrupt_without_a_handler_stays_pending_and_lives()
    {
        using Rig rig = Enabled();
        rig.Interrupts.SetInterrupt(7);
        rig.Interrupts.TryDeliverInterrupt(7, more: false);
        Assert.Equal(1u << 7, rig.Cpu->PendingInterrupts);
        Assert.Equal(Rig.Code, rig.Cpu->Eip);
        Assert.Equal(0x200u, rig.IrqEnabled);
        Assert.Null(rig.Machine.KillReason);
    }

    [Theory]
    [InlineData(true, 0x200u)]
    [InlineData(false, 0u)]
    public void Try_deliver_interrupt_clears_irq_pending_when_nothing_more_waits(bool more, uint after)
    {
        using Rig rig = Enabled();
        rig.IrqPending = 0x200;
        rig.LoadGate(32, Handler);
        rig.Interrupts.SetInterrupt(0);
        rig.Interrupts.TryDeliverInterrupt(0, more);
        Assert.Equal(after, rig.IrqPending);
    }

    [Fact]
    public void Try_deliver_interrupt_updates_the_guests_wall_clock()
    {
        using Rig rig = Enabled();
        rig.LoadGate(32, Handler);
        rig.Interrupts.SetInterrupt(0);
        rig.Clock.WallClock = 2_000_000_007_000_000_456;
        rig.Interrupts.TryDeliverInterrupt(0, more: false);
        Assert.Equal(2_000_000_007u, rig[Rig.DataAt + LguestData.TimeSeconds]);
        Assert.Equal(456u, rig[Rig.DataAt + LguestData.TimeNanoseconds]);
    }

    [Fact]
    public void Try_deliver_interrupt_wakes_a_halted_guest_and_enables_its_interrupts_first()
    {
        using Rig rig = new Rig().Initialised();
        rig.Cpu->Halted = 1;
        rig.IrqEnabled = 0;
        rig.LoadGate(32, Handler);
        rig.Interrupts.SetInterrupt(0);
        rig.Interrupts.TryDeliverInterrupt(0, more: false);
        Assert.Equal(0u, rig.Cpu->Halted);
        Assert.Equal([Rig.Code, 0x61, 0x202], rig.Stack(3));
        Assert.Equal(0u, rig.IrqEnabled);
    }

    [Fact]
    public void Try_deliver_interrupt_wakes_a_halted_guest_even_without_a_handler()
    {
        using Rig rig = new Rig().Initialised();
        rig.Cpu->Halted = 1;
        rig.Interrupts.SetInterrupt(0);
        rig.Interrupts.TryDeliverInterrupt(0, more: false);
        Assert.Equal(0u, rig.Cpu->Halted);
        Assert.Equal(0x200u, rig.IrqEnabled);
        Assert.Equal(Rig.Code, rig.Cpu->Eip);
    }

    [Fact]
    public void Try_deliver_interrupt_that_cannot_push_kills()
    {
        using Rig rig = Enabled().InUserMode(0x123456);
        rig.LoadGate(32 + 5, Handler);
        rig.Interrupts.SetInterrupt(5);
        rig.Interrupts.TryDeliverInterrupt(5, more: false);
        Assert.Equal("unhandled trap 37 at 0x123456 (0)", rig.Machine.KillReason);
    }

    [Fact]
    public void Restore_eflags_at_noirq_iret_reuses_the_frame_that_the_iret_would_have_popped()
    {
        using Rig rig = Enabled();
        uint frame = Rig.KernelStack - 12;
        rig[frame] = 0xC1000042;
        rig[frame + 4] = 0x61;
        rig[frame + 8] = 0x00256CD7 | Eflags.Virtual8086 | Eflags.Resume;
        rig.Cpu->Gpr[Reg.Esp] = frame;
        rig.Cpu->Eip = Rig.NoirqIretAt;
        rig.LoadGate(32, Handler, 0xF);
        rig.Interrupts.SetInterrupt(0);
        rig.Interrupts.TryDeliverInterrupt(0, more: false);

        // No second frame: the handler's own iret goes back to where this one would have gone.
        Assert.Equal(Handler, rig.Cpu->Eip);
        Assert.Equal(frame, rig.Esp);
        Assert.Equal(0xC1000042u, rig[frame]);

        // The interrupted context's flags, less TF, NT, RF and VM; and IOPL is not for the Guest to choose.
        Assert.Equal(0x00240ED7u & ~Eflags.NestedTask & ~Eflags.Trap, rig.Eflags);
        Assert.Equal(0u, rig.Cpu->PendingInterrupts);
    }

    [Fact]
    public void Restore_eflags_from_a_stack_that_is_not_there_kills()
    {
        using Rig rig = Enabled().TurnPagingOn();
        rig.Cpu->Gpr[Reg.Esp] = 0x00500000;
        rig.Cpu->Eip = Rig.NoirqIretAt;
        rig.LoadGate(32, Handler);
        rig.Interrupts.SetInterrupt(0);
        rig.Interrupts.TryDeliverInterrupt(0, more: false);
        Assert.Equal("Bad address 0x500008", rig.Machine.KillReason);
    }

    [Fact]
    public void Consider_interrupts_never_takes_one_at_noirq_iret()
    {
        using Rig rig = Enabled();
        rig.LoadGate(32, Handler);
        rig.Interrupts.SetInterrupt(0);
        rig.Cpu->Eip = Rig.NoirqIretAt;
        rig.Interrupts.ConsiderInterrupts();
        Assert.Equal(Rig.NoirqIretAt, rig.Cpu->Eip);
        Assert.Equal(1u, rig.Cpu->PendingInterrupts);
        Assert.Equal(0u, rig.IrqPending);
        rig.Cpu->Eip = Rig.NoirqIretAt + 1;
        rig.Interrupts.ConsiderInterrupts();
        Assert.Equal(Handler, rig.Cpu->Eip);
        Assert.Equal(Rig.NoirqIretAt + 1, rig.Stack(1)[0]);
    }

    /// <summary>By the Host's clock an engine that leaves behind MOV SS comes here; deterministic time holds the interrupt off itself.</summary>
    [Fact]
    public void Consider_interrupts_takes_none_between_a_load_of_ss_and_the_next_instruction()
    {
        using Rig rig = Enabled();
        rig.LoadGate(32, Handler);
        rig.Cpu->StackShadowAt = rig.Cpu->Retired;
        rig.Interrupts.SetInterrupt(0);
        uint before = rig.Cpu->Eip;
        rig.Interrupts.ConsiderInterrupts();
        Assert.Equal((before, 1u), (rig.Cpu->Eip, rig.Cpu->PendingInterrupts));

        rig.Cpu->Retired++;
        rig.Interrupts.ConsiderInterrupts();
        Assert.Equal((Handler, 0u), (rig.Cpu->Eip, rig.Cpu->PendingInterrupts));
    }

    [Fact]
    public void Consider_interrupts_wakes_a_guest_that_halted_right_before_noirq_iret_but_delivers_later()
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(32, Handler);
        rig.Interrupts.SetInterrupt(0);
        rig.Cpu->Halted = 1;
        rig.Cpu->Eip = Rig.NoirqIretAt;
        rig.Interrupts.ConsiderInterrupts();
        Assert.Equal(0u, rig.Cpu->Halted);
        Assert.Equal(0x200u, rig.IrqEnabled);
        Assert.Equal(Rig.NoirqIretAt, rig.Cpu->Eip);
        Assert.Equal(1u, rig.Cpu->PendingInterrupts);
    }

    [Fact]
    public void Consider_interrupts_takes_one_at_a_time_the_lowest_first()
    {
        using Rig rig = Enabled();
        rig.LoadGate(32 + 3, Handler);
        rig.LoadGate(32 + 8, Handler + 0x100);
        rig.Interrupts.SetInterrupt(8);
        rig.Interrupts.SetInterrupt(3);
        rig.Interrupts.ConsiderInterrupts();
        Assert.Equal(Handler, rig.Cpu->Eip);
        rig.Interrupts.ConsiderInterrupts();
        Assert.Equal(Handler, rig.Cpu->Eip);
        Assert.Equal(1u << 8, rig.Cpu->PendingInterrupts);
        Assert.Equal(0x200u, rig.IrqPending);
        rig.IrqEnabled = 0x200;
        rig.Interrupts.ConsiderInterrupts();
        Assert.Equal(Handler + 0x100, rig.Cpu->Eip);
        Assert.Equal(0u, rig.IrqPending);
    }

    private static Rig Enabled()
    {
        Rig rig = new Rig().Initialised();
        rig.IrqEnabled = 0x200;
        return rig;
    }
}
