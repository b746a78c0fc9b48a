using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;
using Lguest.Jit.Switcher.Tests.Rigs;

namespace Lguest.Jit.Switcher.Tests;

public sealed unsafe class DeliveryTests
{
    private const uint Handler = 0x00105678;

    /// <summary>ZF and PF, and the two bits that are always there.</summary>
    private const uint SomeFlags = 0x246;

    [Fact]
    public void Has_err_names_the_vectors_with_an_error_code()
    {
        int[] with = [8, 10, 11, 12, 13, 14, 17];
        for (int vector = 0; vector < 256; vector++)
        {
            Assert.Equal(with.Contains(vector), InterruptsAndTraps.HasErr(vector));
        }
    }

    [Fact]
    public void Push_guest_interrupt_stack_in_the_kernel_pushes_eflags_cs_eip_onto_the_same_stack()
    {
        using Rig rig = KernelRig(SomeFlags, irqEnabled: 0x200);
        rig.LoadGate(6, Handler);
        Assert.True(rig.Interrupts.DeliverTrap(6, 0x99));
        Assert.Equal(Rig.KernelStack - 12, rig.Esp);
        Assert.Equal([Rig.Code, 0x61, SomeFlags], rig.Stack(3));
        Assert.Equal(0x69u, rig.Ss);
    }

    [Fact]
    public void Push_guest_interrupt_stack_adds_the_error_code_of_vectors_that_have_one()
    {
        using Rig rig = KernelRig(SomeFlags, irqEnabled: 0x200);
        rig.LoadGate(13, Handler);
        Assert.True(rig.Interrupts.DeliverTrap(13, 0x402));
        Assert.Equal([0x402, Rig.Code, 0x61, SomeFlags], rig.Stack(4));
    }

    [Fact]
    public void Push_guest_interrupt_stack_from_user_mode_switches_to_ss1_esp1_and_pushes_ss_and_esp_first()
    {
        using Rig rig = KernelRig(SomeFlags, irqEnabled: 0x200).WithKernelStack().InUserMode(0x00123456);
        rig.LoadGate(14, Handler);
        Assert.True(rig.Interrupts.DeliverTrap(14, 4));
        Assert.Equal(Rig.KernelStack - 24, rig.Esp);
        Assert.Equal([4, 0x00123456, 0x73, SomeFlags, Rig.UserStack, 0x7B], rig.Stack(6));
        Assert.Equal(0x69u, rig.Ss);
        Assert.Equal(1u, rig.Cpu->Cpl);
        Assert.Equal(CpuMode.None, rig.Cpu->Mode);
    }

    [Theory]
    [InlineData(0x200u, true)]
    [InlineData(0xFFFFFFFFu, true)]
    [InlineData(0u, false)]
    [InlineData(0x002u, false)]
    [InlineData(0x046u, false)]
    public void Push_guest_interrupt_stack_shows_bit_9_of_irq_enabled_as_if(uint irqEnabled, bool enabled)
    {
        foreach (uint type in (uint[])[0xE, 0xF])
        {
            using Rig rig = KernelRig(0x202, irqEnabled);
            rig.LoadGate(6, Handler, type);
            Assert.True(rig.Interrupts.DeliverTrap(6));
            Assert.Equal(enabled ? 0x202u : 0x002u, rig.Stack(3)[2]);
        }
    }

    [Fact]
    public void Push_guest_stack_goes_through_the_guests_page_tables_word_by_word()
    {
        // The frame straddles two virtual pages whose frames are far apart and in the wrong order.
        using Rig rig = new Rig().Initialised().TurnPagingOn();
        rig.IrqEnabled = 0x200;
        rig.Map(0x00050000, 0x00070003);
        rig.Map(0x0004F000, 0x00090003);
        rig.Cpu->Gpr[Reg.Esp] = 0x00050004;
        rig.LoadGate(6, Handler);
        Assert.True(rig.Interrupts.DeliverTrap(6));
        Assert.Equal(0x202u, rig[0x00070000]);
        Assert.Equal(0x61u, rig[0x00090FFC]);
        Assert.Equal(Rig.Code, rig[0x00090FF8]);
    }

    [Fact]
    public void Push_guest_stack_sets_accessed_and_dirty_like_any_write()
    {
        using Rig rig = new Rig().Initialised().TurnPagingOn();
        rig.LoadGate(6, Handler);
        Assert.True(rig.Interrupts.DeliverTrap(6));
        Assert.Equal(0x7063u, rig[Rig.PageTable + 4 * 7]);
    }

    [Fact]
    public void Push_guest_stack_is_a_supervisor_write_even_from_user_mode()
    {
        using Rig rig = new Rig().Initialised().TurnPagingOn().WithKernelStack().InUserMode();
        rig.LoadGate(6, Handler);
        Assert.True(rig.Interrupts.DeliverTrap(6));
        Assert.Null(rig.Machine.KillReason);
    }

    [Theory]
    [InlineData(0x7000u, "read-only")]
    [InlineData(0x0000u, "not present")]
    public void Push_guest_stack_onto_a_page_that_cannot_be_written_kills_and_leaves_the_registers(uint frame, string how)
    {
        using Rig rig = new Rig().Initialised().TurnPagingOn();
        rig.Map(0x7000, how == "read-only" ? frame | 1 : 0);
        rig.LoadGate(6, Handler);
        rig.Run(Rig.Fault(6));
        Assert.Equal("Bad address 0x7ffc", rig.Machine.KillReason);
        Assert.Equal(Rig.KernelStack, rig.Esp);
        Assert.Equal(Rig.Code, rig.Cpu->Eip);
    }

    [Fact]
    public void A_frame_from_user_mode_that_cannot_be_pushed_leaves_the_user_where_he_was()
    {
        using Rig rig = new Rig().Initialised().TurnPagingOn().InUserMode(0x123456);
        rig.Cpu->Ss1 = 0x69;
        rig.Cpu->Esp1 = 0x00050008;
        rig.Map(0x0004F000, 0);
        rig.LoadGate(6, Handler);
        rig.Run(Rig.Fault(6));

        // ss and esp still found room.
        Assert.Equal("Bad address 0x4fffc", rig.Machine.KillReason);
        Assert.Equal(0x7Bu, rig[0x00050004]);
        Assert.Equal(0x7Bu, rig.Ss);
        Assert.Equal(Rig.UserStack, rig.Esp);
        Assert.Equal(3u, rig.Cpu->Cpl);
        Assert.Equal(0x123456u, rig.Cpu->Eip);
    }

    [Fact]
    public void A_stack_in_device_memory_is_written_to_and_leaves_no_request_to_cut_a_block()
    {
        using Rig rig = new Rig().Initialised();
        var devices = new DeviceLog();
        rig.Machine.Devices = devices;
        rig.Machine.Mmu.DeviceLimit = Rig.RamSize + 0x1000;
        rig.Cpu->Gpr[Reg.Esp] = Rig.RamSize + 0x100;
        rig.LoadGate(6, Handler);
        Assert.True(rig.Interrupts.DeliverTrap(6));
        Assert.Equal(3, devices.Writes.Count);
        Assert.Equal((Rig.RamSize + 0xF4, Rig.Code), devices.Writes[2]);
        Assert.Equal(ExitReason.Continue, rig.Cpu->Cut);
    }

    [Fact]
    public void Push_guest_stack_into_the_switchers_pages_kills()
    {
        using Rig rig = new Rig().Initialised();
        rig.Cpu->Gpr[Reg.Esp] = 0;
        rig.LoadGate(6, Handler);
        rig.Run(Rig.Fault(6));
        Assert.Equal("Bad address 0xfffffffc", rig.Machine.KillReason);
    }

    [Fact]
    public void Push_guest_stack_outside_ram_in_linear_mode_kills_with_the_first_reason()
    {
        using Rig rig = new Rig().Initialised();
        rig.Cpu->Gpr[Reg.Esp] = 0x10000000;
        rig.LoadGate(6, Handler);
        rig.Run(Rig.Fault(6));
        Assert.Equal("bad page table entry", rig.Machine.KillReason);
    }

    [Fact]
    public void Push_guest_stack_announces_its_write_into_code()
    {
        using Rig rig = new Rig().Initialised();
        var observer = new WriteLog();
        rig.Machine.Ram.WriteObserver = observer;
        rig.Machine.Mmu.Code.MarkCode(Rig.KernelStack - 0x100, 16);
        rig.LoadGate(6, Handler);
        Assert.True(rig.Interrupts.DeliverTrap(6));
        Assert.Contains((Rig.KernelStack - 4, 4u), observer.Writes);
        Assert.Contains((Rig.KernelStack - 12, 4u), observer.Writes);
    }

    [Fact]
    public void Push_guest_stack_uses_sp_alone_on_a_16_bit_stack()
    {
        using Rig rig = KernelRig(0x202, irqEnabled: 0x200);
        rig.Cpu->Gdt[20] = 0x0000B300_0000FFFF;
        Segments.SetHidden(rig.Cpu, Seg.Ss, 0xA1, rig.Cpu->Gdt[20]);
        rig.Cpu->Gpr[Reg.Esp] = 0xABCD0004;
        rig.LoadGate(6, Handler);
        Assert.True(rig.Interrupts.DeliverTrap(6));
        Assert.Equal(0xABCDFFF8u, rig.Esp);
        Assert.Equal(0x202u, rig[0]);
        Assert.Equal(Rig.Code, rig[0xFFF8]);
    }

    [Theory]
    [InlineData(0u, 0x00CFB300_0000FFFFUL)]
    [InlineData(0xA1u, 0x00CFB100_0000FFFFUL)]
    [InlineData(0xA1u, 0x00CFF300_0000FFFFUL)]
    [InlineData(0xA1u, 0x00CF3300_0000FFFFUL)]
    [InlineData(0xA1u, 0x00CFBB00_0000FFFFUL)]
    [InlineData(0xA5u, 0x00CFB300_0000FFFFUL)]
    [InlineData(0x59u, 0x00CFB300_0000FFFFUL)]
    public void A_kernel_stack_segment_that_is_none_kills_as_unhandled_trap(uint ss1, ulong descriptor)
    {
        using Rig rig = new Rig().Initialised().InUserMode(0x123456);
        rig.Cpu->Gdt[20] = descriptor;
        rig.Cpu->Ss1 = ss1;
        rig.Cpu->Esp1 = Rig.KernelStack;
        rig.LoadGate(13, Handler);
        rig.Run(Rig.Fault(13, 0x10));
        Assert.Equal("unhandled trap 13 at 0x123456 (0x10)", rig.Machine.KillReason);
        Assert.Equal(3u, rig.Cpu->Cpl);
        Assert.Equal(0x7Bu, rig.Ss);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(0x00CF3B00_0000FFFFUL)]
    [InlineData(0x00CFB300_0000FFFFUL)]
    [InlineData(0x00CFFB00_0000FFFFUL)]
    public void A_kernel_code_segment_that_is_none_kills_as_unhandled_trap(ulong descriptor)
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(6, Handler);
        rig.Call(HypercallNumbers.LoadGdtEntry, 12, (uint)descriptor, (uint)(descriptor >> 32));
        rig.Run(Rig.Fault(6));
        Assert.Equal("unhandled trap 6 at 0x100000 (0)", rig.Machine.KillReason);
        Assert.Equal(Rig.KernelStack, rig.Esp);
    }

    [Fact]
    public void Guest_run_interrupt_goes_to_the_handler_in_the_kernels_code_segment()
    {
        using Rig rig = new Rig().Initialised().WithKernelStack().InUserMode();
        rig.LoadGate(0x80, Handler, 0xF, 3);
        Assert.True(rig.Interrupts.DeliverTrap(0x80));
        Assert.Equal(Handler, rig.Cpu->Eip);
        Assert.Equal(0x61u, rig.Cs);
        Assert.Equal(1u, rig.Cpu->Cpl);
        Assert.True(rig.Cpu->ReadTable == rig.Machine.Mmu.Current.ReadTable(user: false));
    }

    [Fact]
    public void Guest_run_interrupt_leaves_the_data_segments_alone()
    {
        using Rig rig = new Rig().Initialised().WithKernelStack().InUserMode();
        Segments.SetHidden(rig.Cpu, Seg.Ds, 0x7B, rig.Cpu->Gdt[15]);
        Segments.SetHidden(rig.Cpu, Seg.Gs, 0x33, rig.Cpu->Gdt[15]);
        rig.LoadGate(0x80, Handler, 0xF, 3);
        Assert.True(rig.Interrupts.DeliverTrap(0x80));
        Assert.Equal(0x7B, GuestCpu.Segment(rig.Cpu, Seg.Ds)->Selector);
        Assert.Equal(0x33, GuestCpu.Segment(rig.Cpu, Seg.Gs)->Selector);
    }

    [Theory]
    [InlineData(0xEu, 0u)]
    [InlineData(0xFu, 0x246u)]
    public void Guest_run_interrupt_clears_irq_enabled_for_interrupt_gates_only(uint type, uint after)
    {
        using Rig rig = KernelRig(0x202, irqEnabled: 0x246);
        rig.LoadGate(6, Handler, type);
        Assert.True(rig.Interrupts.DeliverTrap(6));
        Assert.Equal(after, rig.IrqEnabled);
        Assert.Equal(Eflags.Interrupt, rig.Eflags & Eflags.Interrupt);
    }

    [Fact]
    public void Guest_run_interrupt_clears_tf_vm_rf_nt_and_keeps_the_rest()
    {
        using Rig rig = KernelRig(0x246, irqEnabled: 0x200);
        rig.Cpu->SystemFlags |= Eflags.Trap | Eflags.Virtual8086 | Eflags.Resume | Eflags.NestedTask
            | Eflags.Direction | Eflags.Identification | Eflags.AlignmentCheck;
        uint before = rig.Eflags;
        rig.LoadGate(6, Handler);
        Assert.True(rig.Interrupts.DeliverTrap(6));
        Assert.Equal(before, rig.Stack(3)[2]);
        Assert.Equal(0x246u | Eflags.Direction | Eflags.Identification | Eflags.AlignmentCheck, rig.Eflags);
    }

    [Fact]
    public void Deliver_trap_is_false_without_a_gate_or_beyond_the_table()
    {
        using Rig rig = new Rig().Initialised();
        Assert.False(rig.Interrupts.DeliverTrap(6));
        Assert.False(rig.Interrupts.DeliverTrap(256));
        Assert.False(rig.Interrupts.DeliverTrap(-1));
        Assert.Equal(Rig.KernelStack, rig.Esp);
        Assert.Null(rig.Machine.KillReason);
    }

    [Fact]
    public void Deliver_trap_does_not_ask_the_virtual_interrupt_flag_and_does_not_mind_noirq_iret_or_halt()
    {
        using Rig rig = KernelRig(0x202, irqEnabled: 0);
        rig.Cpu->Eip = Rig.NoirqIretAt;
        rig.Cpu->Halted = 1;
        rig.LoadGate(13, Handler);
        Assert.True(rig.Interrupts.DeliverTrap(13, 0x70));
        Assert.Equal([0x70, Rig.NoirqIretAt, 0x61, 0x002], rig.Stack(4));
        Assert.Equal(1u, rig.Cpu->Halted);
    }

    [Fact]
    public void Deliver_trap_counts_by_vector()
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(6, Handler);
        _ = rig.Interrupts.DeliverTrap(6);
        _ = rig.Interrupts.DeliverTrap(6);
        _ = rig.Interrupts.DeliverTrap(5);
        Assert.Equal(2, rig.Statistics.TrapsByVector[6]);
        Assert.Equal(2, rig.Statistics.TrapsByVector.Sum());
    }

    private static Rig KernelRig(uint eflags, uint irqEnabled)
    {
        Rig rig = new Rig().Initialised();
        LazyFlags.Set(rig.Cpu, eflags);
        rig.IrqEnabled = irqEnabled;
        return rig;
    }
}
