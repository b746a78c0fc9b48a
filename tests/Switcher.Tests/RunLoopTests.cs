using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Switcher.Tests.Rigs;

namespace Lguest.Jit.Switcher.Tests;

public sealed unsafe class RunLoopTests
{
    private const uint Handler = 0x00105678;

    [Fact]
    public void A_page_fault_leaves_its_address_in_lguest_data_and_its_code_on_the_stack()
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(14, Handler);
        rig.Run(Rig.Fault(14, 3, 0xDEADBEEF));
        Assert.Equal(0xDEADBEEFu, rig[Rig.DataAt + LguestData.Cr2]);
        Assert.Equal([3, Rig.Code], rig.Stack(2));
        Assert.Equal(Handler, rig.Cpu->Eip);
        Assert.Equal(0, rig.Cpu->Retired);
    }

    [Fact]
    public void Only_a_page_fault_touches_cr2()
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(13, Handler);
        rig.Run(Rig.Fault(13, 8, 0xDEADBEEF));
        Assert.Equal(0u, rig[Rig.DataAt + LguestData.Cr2]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(16)]
    [InlineData(19)]
    public void Other_faults_are_delivered_as_they_are(int vector)
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate((uint)vector, Handler);
        rig.Run(Rig.Fault(vector));
        Assert.Equal([Rig.Code, 0x61, 0x10002], rig.Stack(3));
        Assert.Equal(Handler, rig.Cpu->Eip);
    }

    [Fact]
    public void In_the_shadow_of_a_load_of_ss_an_interrupt_waits_for_one_instruction()
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(32, Handler);
        rig.IrqEnabled = 0x200;
        long shadow = 0;
        rig.Run(
            cpu =>
            {
                cpu->Retired += 5;
                cpu->StackShadowAt = cpu->Retired;
                shadow = cpu->Retired;
                rig.Interrupts.SetInterrupt(0);
                return ExitReason.Attention;
            },
            cpu =>
            {
                Assert.Equal(shadow, cpu->Retired);
                Assert.Equal(Rig.Code, cpu->Eip);
                cpu->Retired++;
                cpu->Eip++;
                return ExitReason.Budget;
            });
        Assert.Equal(1, rig.Engine.Budgets[1]);
        Assert.Equal(Handler, rig.Cpu->Eip);
        Assert.Equal(Rig.Code + 1, rig.Stack(1)[0]);
    }

    [Theory]
    [InlineData(13, 0x70u, 0u, "unhandled trap 13 at 0x100000 (0x70)")]
    [InlineData(14, 2u, 0xCAFE1234u, "unhandled trap 14 at 0x100000 (0xcafe1234)")]
    [InlineData(14, 2u, 0u, "unhandled trap 14 at 0x100000 (0)")]
    [InlineData(6, 0u, 0u, "unhandled trap 6 at 0x100000 (0)")]
    public void A_fault_that_nobody_handles_kills_in_lguests_words(int vector, uint errorCode, uint address, string reason)
    {
        using Rig rig = new Rig().Initialised();
        GuestEnd end = rig.Run(Rig.Fault(vector, errorCode, address));
        Assert.Equal(new GuestEnd(GuestEndKind.Killed, reason), end);
    }

    [Theory]
    [InlineData(3, 1u)]
    [InlineData(4, 1u)]
    [InlineData(0x80, 2u)]
    public void A_software_interrupt_that_is_allowed_counts_and_returns_behind_itself(int vector, uint length)
    {
        foreach (bool user in (bool[])[false, true])
        {
            using Rig rig = new Rig().Initialised().WithKernelStack();
            rig.LoadGate((uint)vector, Handler, 0xF, 3);
            if (user)
            {
                rig.InUserMode(Rig.Code);
            }

            rig.Run(Rig.Int(vector, length));
            Assert.Equal(Handler, rig.Cpu->Eip);
            Assert.Equal([Rig.Code + length, user ? 0x73u : 0x61u, 0x002], rig.Stack(3));
            Assert.Equal(1, rig.Cpu->Retired);
            Assert.Equal(1, rig.Statistics.TrapsByVector[vector]);
        }
    }

    [Fact]
    public void A_software_interrupt_that_is_not_allowed_faults_at_itself_with_its_vector_in_the_error_code()
    {
        for (int vector = 0; vector < 256; vector++)
        {
            using Rig rig = new Rig().Initialised().WithKernelStack().InUserMode(Rig.Code);
            rig.LoadGate(13, Handler, 0xE);
            rig.Run(Rig.Int(vector));
            Assert.Equal(Handler, rig.Cpu->Eip);
            Assert.Equal([(uint)vector * 8 + 2, Rig.Code, 0x73], rig.Stack(3));
            Assert.Equal(0, rig.Cpu->Retired);
        }
    }

    [Fact]
    public void A_hypercall_from_ring_3_is_a_general_protection_fault_with_code_fa()
    {
        using Rig rig = new Rig().Initialised().WithKernelStack().InUserMode(Rig.Code);
        rig.LoadGate(13, Handler);
        rig.Run(rig.HypercallStep(HypercallNumbers.Ts, 8));
        Assert.Equal(0xFAu, rig.Stack(1)[0]);
        Assert.Equal(0u, rig.Cpu->Ts);
    }

    [Fact]
    public void A_hypercall_counts_one_and_returns_behind_itself()
    {
        using Rig rig = new Rig().Initialised();
        rig.Run(rig.HypercallStep(HypercallNumbers.Ts, 8));
        Assert.Equal(8u, rig.Cpu->Ts);
        Assert.Equal(Rig.Code + 2, rig.Cpu->Eip);
        Assert.Equal(1, rig.Cpu->Retired);
    }

    [Fact]
    public void A_handler_that_faults_at_once_on_a_stack_without_end_is_given_up()
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(6, Handler);
        UseWrappingStack(rig);
        rig.Engine.Forever = Rig.Fault(6);
        GuestEnd end = rig.Run();
        Assert.StartsWith("unhandled trap 6 at 0x105678 (0): 65536 traps in a row", end.Message, StringComparison.Ordinal);
        Assert.Equal(RunLoop.MostTrapsInARow, rig.Statistics.TrapsByVector[6]);
    }

    [Fact]
    public void Any_number_of_traps_is_fine_as_long_as_instructions_complete_in_between()
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(6, Handler);
        UseWrappingStack(rig);
        int left = 3 * RunLoop.MostTrapsInARow;
        rig.Engine.Forever = cpu =>
        {
            if (--left == 0)
            {
                rig.Engine.Forever = null;
            }

            cpu->Retired += left % 1000 == 0 ? 1 : 0;
            return Rig.Fault(6)(cpu);
        };
        Assert.Equal("script over", rig.Run().Message);
    }

    [Fact]
    public void Devices_get_their_turn_on_the_guests_thread_before_interrupts_are_considered()
    {
        using Rig rig = new Rig().Initialised();
        rig.IrqEnabled = 0x200;
        rig.LoadGate(32 + 1, Handler);
        var work = new OneJob(() => rig.Interrupts.SetInterrupt(1));
        rig.DeviceWork = work;
        rig.Run(cpu =>
        {
            Assert.Equal(Rig.Code, cpu->Eip);
            work.HasWork = true;
            return ExitReason.Attention;
        });
        Assert.Equal(Handler, rig.Cpu->Eip);
        Assert.Equal(Environment.CurrentManagedThreadId, work.ThreadId);
    }

    [Fact]
    public void A_single_step_is_vector_1()
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(1, Handler);
        rig.Run(Rig.Leave(ExitReason.SingleStep));
        Assert.Equal(Handler, rig.Cpu->Eip);
        Assert.Equal(Rig.Code, rig.Stack(1)[0]);
    }

    [Fact]
    public void A_single_step_without_a_handler_kills()
    {
        using Rig rig = new Rig().Initialised();
        rig.Run(Rig.Leave(ExitReason.SingleStep));
        Assert.Equal("unhandled trap 1 at 0x100000 (0)", rig.Machine.KillReason);
    }

    [Fact]
    public void A_kill_inside_an_instruction_ends_the_guest()
    {
        using Rig rig = new Rig().Initialised();
        GuestEnd end = rig.Run(cpu =>
        {
            _ = Core.Execution.Fault.Kill(cpu, "bad page table entry");
            return ExitReason.Kill;
        });
        Assert.Equal(new GuestEnd(GuestEndKind.Killed, "bad page table entry"), end);
    }

    [Theory]
    [InlineData((int)ExitReason.Attention)]
    [InlineData((int)ExitReason.DeviceAccess)]
    [InlineData((int)ExitReason.NoirqIret)]
    [InlineData((int)ExitReason.Budget)]
    public void An_interrupt_is_taken_after_every_kind_of_exit(int reason)
    {
        using Rig rig = new Rig().Initialised();
        rig.IrqEnabled = 0x200;
        rig.LoadGate(32, Handler);
        rig.Run(cpu =>
        {
            rig.Interrupts.SetInterrupt(0);
            cpu->Eip = Rig.Code + 0x42;
            return (ExitReason)reason;
        });
        Assert.Equal(Handler, rig.Cpu->Eip);
        Assert.Equal(Rig.Code + 0x42, rig.Stack(1)[0]);
        Assert.Equal(0, rig.Cpu->Attention);
    }

    [Fact]
    public void An_interrupt_that_waits_before_the_first_entry_is_taken_then()
    {
        using Rig rig = new Rig().Initialised();
        rig.IrqEnabled = 0x200;
        rig.LoadGate(32, Handler);
        rig.Interrupts.SetInterrupt(0);
        uint first = 0;
        rig.Run(cpu =>
        {
            first = cpu->Eip;
            return ExitReason.Attention;
        });
        Assert.Equal(Handler, first);
    }

    [Fact]
    public void An_interrupt_is_taken_after_the_hypercall_that_enabled_it_is_done()
    {
        using Rig rig = new Rig().Initialised();
        rig.IrqEnabled = 0;
        rig.LoadGate(32, Handler);
        rig.Interrupts.SetInterrupt(0);
        rig.Run(
            cpu =>
            {
                // Refused on the way in; the Guest enables, sees irq_pending, and calls.
                Assert.Equal(0x200u, rig.IrqPending);
                rig.IrqEnabled = 0x200;
                return rig.HypercallStep(HypercallNumbers.SendInterrupts)(cpu);
            });
        Assert.Equal(Handler, rig.Cpu->Eip);
        Assert.Equal(Rig.Code + 2, rig.Stack(1)[0]);
        Assert.Equal(0u, rig.IrqPending);
    }

    [Fact]
    public void A_refused_interrupt_does_not_spin_but_is_offered_again_within_milliseconds()
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(32, Handler);
        rig.Interrupts.SetInterrupt(0);
        bool calm = false;
        rig.Engine.Forever = cpu =>
        {
            if (!calm)
            {
                // Refused, and nobody wants the Guest back for now. (A Host that stalls here lets the poll come first.)
                calm = Volatile.Read(ref cpu->Attention) == 0;
                return ExitReason.Attention;
            }

            // The engine runs on until the poll does want it back.
            Assert.True(Patience.Until(() => Volatile.Read(ref rig.Cpu->Attention) != 0));
            rig.IrqEnabled = 0x200;
            rig.Engine.Forever = null;
            return ExitReason.Attention;
        };
        rig.Run();
        Assert.True(calm);
        Assert.Equal(Handler, rig.Cpu->Eip);
        Assert.True(rig.Statistics.RefusedInterrupts >= 2);
    }

    [Fact]
    public void Unmasking_with_a_plain_store_is_noticed_by_the_poll()
    {
        using Rig rig = new Rig().Initialised();
        rig.IrqEnabled = 0x200;
        rig.Blocked = 1 << 4;
        rig.LoadGate(36, Handler);
        rig.Interrupts.SetInterrupt(4);
        rig.Run(cpu =>
        {
            rig.Blocked = 0;
            Assert.True(Patience.Until(() => Volatile.Read(ref rig.Cpu->Attention) != 0));
            return ExitReason.Attention;
        });
        Assert.Equal(Handler, rig.Cpu->Eip);
    }

    [Fact]
    public void No_interrupt_is_taken_at_noirq_iret_and_it_follows_right_after()
    {
        using Rig rig = new Rig().Initialised();
        rig.IrqEnabled = 0x200;
        rig.LoadGate(32, Handler);
        rig.Interrupts.SetInterrupt(0);
        rig.Cpu->Eip = Rig.NoirqIretAt;
        rig.Run(cpu =>
        {
            Assert.Equal(Rig.NoirqIretAt, cpu->Eip);
            cpu->Eip = 0x00123456;
            return ExitReason.NoirqIret;
        });
        Assert.Equal(Handler, rig.Cpu->Eip);
        Assert.Equal([0x00123456, 0x61, 0x202], rig.Stack(3));
        Assert.Equal(Rig.KernelStack - 12, rig.Esp);
    }

    [Fact]
    public void The_budget_is_what_is_left_and_the_limit_is_exact()
    {
        using Rig rig = new Rig(new GuestOptions { MaxInstructions = 100 }).Initialised();
        GuestEnd end = rig.Run(
            cpu =>
            {
                cpu->Retired += 60;
                return rig.HypercallStep(HypercallNumbers.FlushAsync)(cpu);
            },
            cpu =>
            {
                cpu->Retired += 39;
                return ExitReason.Budget;
            });
        Assert.Equal(GuestEndKind.InstructionLimit, end.Kind);
        Assert.Equal([100, 39], rig.Engine.Budgets);
        Assert.Equal(100, rig.Cpu->Retired);
    }

    [Fact]
    public void A_death_on_the_last_instruction_is_a_death()
    {
        using Rig rig = new Rig(new GuestOptions { MaxInstructions = 1 }).Initialised();
        GuestEnd end = rig.Run(rig.HypercallStep(99));
        Assert.Equal(new GuestEnd(GuestEndKind.Killed, "Bad hypercall 99"), end);
        Assert.Equal(1, rig.Statistics.Instructions);
    }

    [Fact]
    public void Exits_are_counted_by_reason()
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(6, Handler);
        rig.Run(Rig.Fault(6), Rig.Leave(ExitReason.DeviceAccess), Rig.Fault(6), cpu =>
        {
            cpu->Retired += 1234;
            return ExitReason.Attention;
        });
        Assert.Equal(2, rig.Statistics.ExitsByReason[(int)ExitReason.Fault]);
        Assert.Equal(1, rig.Statistics.ExitsByReason[(int)ExitReason.DeviceAccess]);
        Assert.Equal(1234, rig.Statistics.Instructions);
    }

    /// <summary>ss with B = 0: sp wraps within 64 KiB.</summary>
    private static void UseWrappingStack(Rig rig)
    {
        rig.Call(HypercallNumbers.LoadGdtEntry, 20, 0xFFFF, 0x0000B200);
        Assert.True(Segments.Load(rig.Cpu, Seg.Ss, 0xA1));
    }

    private sealed class OneJob(Action job) : IGuestThreadWork
    {
        public bool HasWork { get; set; }

        public int ThreadId { get; private set; }

        public void RunOnGuestThread()
        {
            HasWork = false;
            ThreadId = Environment.CurrentManagedThreadId;
            job();
        }
    }
}
