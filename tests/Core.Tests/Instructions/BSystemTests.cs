using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Tests.Instructions;

public sealed unsafe class BSystemTests : IDisposable
{
    private readonly BHarness _h = new();

    public void Dispose() => _h.Dispose();

    [Theory]
    [InlineData("F4")]
    [InlineData("FA")]
    [InlineData("FB")]
    [InlineData("EC")]
    [InlineData("E680")]
    [InlineData("6D")]
    [InlineData("F36F")]
    [InlineData("0F32")]
    [InlineData("0F30")]
    [InlineData("0F09")]
    [InlineData("0F22C0")]
    [InlineData("0F20D8")]
    [InlineData("0F23F8")]
    [InlineData("0F0138")]
    [InlineData("0F34")]
    [InlineData("0F06")]
    public void Privileged_instructions_are_a_general_protection_fault(string hex) => _h.Faults(hex, Vectors.GeneralProtection);

    [Theory]
    [InlineData("0F05")]
    [InlineData("0F07")]
    public void What_this_cpu_lacks_is_an_invalid_opcode(string hex) => _h.Faults(hex, Vectors.InvalidOpcode);

    [Fact]
    public void Iret_to_ring_3_loads_the_stack_and_takes_kernel_segments_away()
    {
        _h.Write(0x8000, 0x4444, 0x73, 0x00200246 | 0x3000 | 0x20000, 0x9000, 0x7B);
        Assert.Equal(ExitReason.Continue, _h.Run("CF"));
        Assert.Equal(3u, _h.Cpu->Cpl);
        Assert.Equal(0x4444u, _h.Cpu->Eip);
        Assert.Equal(0x9000u, _h[Reg.Esp]);
        Assert.Equal(0, GuestCpu.Segment(_h.Cpu, Seg.Ds)->Selector);
        Assert.Equal(0, GuestCpu.Segment(_h.Cpu, Seg.Es)->Attributes);
        Assert.Equal(0x00200246u, LazyFlags.Read(_h.Cpu));
        Assert.True((_h.Cpu->Mode & CpuMode.User) != 0);
        Assert.True(_h.Machine.Mmu.Current.ReadTable(user: true) == _h.Cpu->ReadTable);
    }

    [Fact]
    public void Iret_within_the_ring_keeps_IF_and_IOPL()
    {
        _h.Write(0x8000, 0x4444, 0x61, 0x3000);
        Assert.Equal(ExitReason.Continue, _h.Run("CF"));
        Assert.Equal(0x800Cu, _h[Reg.Esp]);
        Assert.Equal(Eflags.Fixed | Eflags.Interrupt, LazyFlags.Read(_h.Cpu));
    }

    [Theory]
    [InlineData(0u, 0u)]
    [InlineData(0x60u, 0x60u)]
    [InlineData(0x69u, 0x68u)]
    [InlineData(0x77u, 0x74u)]
    [InlineData(0xFFFBu, 0xFFF8u)]
    public void Iret_to_a_bad_code_segment_faults_with_its_selector(uint selector, uint error)
    {
        _h.Write(0x8000, 0x4444, selector, 0x202, 0x9000, 0x7B);
        _h.Faults("CF", Vectors.GeneralProtection, error);
        Assert.Equal(1u, _h.Cpu->Cpl);
    }

    [Fact]
    public void Iret_to_a_bad_outer_stack_faults_and_changes_nothing()
    {
        _h.Write(0x8000, 0x4444, 0x73, 0x203, 0x9000, 0x69);
        _h.Faults("CF", Vectors.GeneralProtection, 0x68);
        Assert.Equal(0x61, GuestCpu.Segment(_h.Cpu, Seg.Cs)->Selector);
        Assert.False(LazyFlags.Carry(_h.Cpu));
    }

    [Fact]
    public void Iret_in_a_nested_task_finds_no_task_to_return_to()
    {
        _h.Cpu->SystemFlags |= Eflags.NestedTask;
        _h.Faults("CF", Vectors.InvalidTss);
    }

    [Theory]
    [InlineData(BHarness.Code, 4u, ExitReason.NoirqIret)]
    [InlineData(BHarness.Code, 0u, ExitReason.Continue)]
    [InlineData(0x5000u, 4u, ExitReason.Continue)]
    internal void The_noirq_iret_reports_pending_interrupts(uint noirqIret, uint pending, ExitReason expected)
    {
        _h.Cpu->NoirqIret = noirqIret;
        _h.Cpu->PendingInterrupts = pending;
        _h.Write(0x8000, 0x4444, 0x61, 0x202);
        Assert.Equal(expected, _h.Run("CF"));
        Assert.Equal(0x4444u, _h.Cpu->Eip);
    }

    [Fact]
    public void Far_return_to_ring_3_releases_parameters_on_both_stacks()
    {
        _h.Write(0x8000, 0x4444, 0x73, 1, 2, 0x9000, 0x7B);
        Assert.Equal(ExitReason.Continue, _h.Run("CA0800"));
        Assert.Equal(0x9008u, _h[Reg.Esp]);
        Assert.Equal(3u, _h.Cpu->Cpl);
    }

    [Fact]
    public void Far_call_pushes_all_or_nothing()
    {
        _h[Reg.Esp] = BHarness.Missing + 0x1004;
        _h.Machine.Mmu.FlushAll();
        _h.Write(BHarness.PageTable + 0xC04, (BHarness.Missing + 0x1000) | 0x67);
        _h.Faults("9A 44440000 6100", Vectors.PageFault, 2);
        _h[Reg.Esp] = 0x8000;
        Assert.Equal(ExitReason.Continue, _h.Run("9A 44440000 6000"));
        Assert.Equal(0x4444u, _h.Cpu->Eip);
        Assert.Equal(BHarness.Code + 7, _h.Read(0x7FF8));
        Assert.Equal(0x61u, _h.Read(0x7FFC));
    }

    [Theory]
    [InlineData("CD80", 0x80, 2u)]
    [InlineData("CC", 3, 1u)]
    [InlineData("F1", 1, 1u)]
    public void Software_interrupts_are_left_to_the_switcher(string hex, int vector, uint length)
    {
        Assert.Equal(ExitReason.SoftwareInterrupt, _h.Run(hex, budget: 10));
        Assert.Equal(vector, _h.Cpu->FaultVector);
        Assert.Equal(length, _h.Cpu->TrapLength);
        Assert.Equal(BHarness.Code, _h.Cpu->Eip);
        Assert.Equal(11, _h.Cpu->BudgetLeft);
    }

    [Fact]
    public void Into_traps_on_overflow_only()
    {
        Assert.Equal(ExitReason.Continue, _h.Run("CE"));
        LazyFlags.Set(_h.Cpu, Eflags.Overflow);
        Assert.Equal(ExitReason.SoftwareInterrupt, _h.Run("CE"));
        Assert.Equal(4, _h.Cpu->FaultVector);
    }

    [Fact]
    public void Popf_keeps_IF_and_IOPL_and_flips_ID()
    {
        _h.Write(0x8000, 0x00273CD7);
        _h.Run("9D");
        Assert.Equal(0x00240ED7u, LazyFlags.Read(_h.Cpu));
        _h.Run("9C");
        Assert.Equal(0x00240ED7u, _h.Read(0x8000));
        _h.Write(0x8000, 0);
        _h.Run("669D");
        Assert.Equal(0x00240202u, LazyFlags.Read(_h.Cpu));
    }

    [Fact]
    public void A_popped_stack_segment_must_fit_the_ring()
    {
        _h.Write(0x8000, 0x7B);
        _h.Faults("17", Vectors.GeneralProtection, 0x78);
        _h.Write(0x8000, 0x69);
        Assert.Equal(ExitReason.Continue, _h.Run("17"));
        Assert.Equal(0x8004u, _h[Reg.Esp]);
    }

    [Fact]
    public void Segment_registers_are_pushed_and_stored_zero_extended()
    {
        _h.Write(0x7FFC, 0xFFFFFFFF);
        _h.Run("1E");
        Assert.Equal(0x69u, _h.Read(0x7FFC));
        _h[Reg.Eax] = 0xFFFFFFFF;
        _h.Run("668CD8");
        Assert.Equal(0xFFFF0069u, _h[Reg.Eax]);
        _h.Run("8CD8");
        Assert.Equal(0x69u, _h[Reg.Eax]);
        _h.Write(0x10000, 0xFFFFFFFF);
        _h.Run("8C1D00000100");
        Assert.Equal(0xFFFF0069u, _h.Read(0x10000));
    }

    [Fact]
    public void A_null_segment_can_be_loaded_but_not_used()
    {
        _h[Reg.Eax] = 3;
        Assert.Equal(ExitReason.Continue, _h.Run("8EC0"));
        Assert.True((_h.Cpu->Mode & CpuMode.Checked) != 0);
        _h[Reg.Edi] = 0x10000;
        _h.Faults("AA", Vectors.GeneralProtection);
    }

    [Fact]
    public void A_far_pointer_loads_both_or_nothing()
    {
        _h.Write(0x10000, 0x1234, 0x7B);
        _h.Run("C41D00000100");
        Assert.Equal(0x1234u, _h[Reg.Ebx]);
        Assert.Equal(0x7B, GuestCpu.Segment(_h.Cpu, Seg.Es)->Selector);
        _h.Write(0x10000, 0x5678, 0xFFFF);
        _h.Faults("C41D00000100", Vectors.GeneralProtection, 0xFFFC);
        Assert.Equal(0x1234u, _h[Reg.Ebx]);
    }

    [Theory]
    [InlineData(0x7Bu, true, 0x00CFF300u)]
    [InlineData(0x61u, true, 0x00CFBB00u)]
    [InlineData(0x50u, false, 0u)]
    [InlineData(0x80u, false, 0u)]
    [InlineData(3u, false, 0u)]
    public void Lar_shows_what_the_ring_may_see(uint selector, bool visible, uint rights)
    {
        _h[Reg.Ecx] = selector;
        _h[Reg.Eax] = 0;
        _h.Run("0F02C1");
        Assert.Equal(visible, LazyFlags.Zero(_h.Cpu));
        Assert.Equal(rights, _h[Reg.Eax]);
    }

    [Fact]
    public void Verr_and_verw_tell_code_from_data()
    {
        _h[Reg.Ecx] = 0x61;
        _h.Run("0F00E1");
        Assert.True(LazyFlags.Zero(_h.Cpu));
        _h.Run("0F00E9");
        Assert.False(LazyFlags.Zero(_h.Cpu));
    }

    [Fact]
    public void Enter_links_nested_frames_and_leave_undoes_it()
    {
        _h[Reg.Ebp] = 0x7000;
        _h.Write(0x6FFC, 0xAAAA, 0);
        _h.Run("C8100002");
        Assert.Equal(0x7FFCu, _h[Reg.Ebp]);
        Assert.Equal(0x8000u - 12 - 16, _h[Reg.Esp]);
        Assert.Equal(0x7000u, _h.Read(0x7FFC));
        Assert.Equal(0xAAAAu, _h.Read(0x7FF8));
        Assert.Equal(0x7FFCu, _h.Read(0x7FF4));
        _h.Run("C9");
        Assert.Equal(0x8000u, _h[Reg.Esp]);
        Assert.Equal(0x7000u, _h[Reg.Ebp]);
    }

    [Fact]
    public void Pusha_shows_the_old_esp_and_popa_skips_it()
    {
        for (int i = 0; i < 8; i++)
        {
            _h[i] = i == Reg.Esp ? 0x8000u : (uint)i * 3;
        }

        _h.Run("60");
        Assert.Equal(0x8000u - 32, _h[Reg.Esp]);
        Assert.Equal(0x8000u, _h.Read(0x8000 - 20));
        _h[Reg.Eax] = 99;
        _h.Run("61");
        Assert.Equal(0u, _h[Reg.Eax]);
        Assert.Equal(0x8000u, _h[Reg.Esp]);
    }

    [Fact]
    public void Pusha_over_the_edge_of_memory_writes_nothing()
    {
        _h[Reg.Esp] = BHarness.Missing + 0x1000 + 8;
        _h.Write(BHarness.PageTable + 0xC04, (BHarness.Missing + 0x1000) | 0x67);
        _h.Machine.Mmu.FlushAll();
        _h[Reg.Eax] = 0x1111;
        _h.Faults("60", Vectors.PageFault, 2);
        Assert.Equal(0u, _h.Read(BHarness.Missing + 0x1004));
    }

    [Fact]
    public void Cpuid_names_a_vendor_of_its_own_and_ends_its_leaves()
    {
        _h.Run("0FA2");
        Assert.Equal(4u, _h[Reg.Eax]);
        _h[Reg.Eax] = 1;
        _h.Run("0FA2");
        Assert.Equal(0x07888111u, _h[Reg.Edx]);
        Assert.Equal(0x0800u, _h[Reg.Ebx]);
        Assert.Equal(1u << 31, _h[Reg.Ecx]);
        _h[Reg.Eax] = 4;
        _h.Run("0FA2");
        Assert.Equal(0u, _h[Reg.Eax]);
    }

    [Fact]
    public void Rdtsc_counts_what_came_before()
    {
        _h.Cpu->Retired = 1000;
        _h.Cpu->RunBudget = 50;
        _h.Behind = 2;
        _h.Run("0F31", budget: 40);
        Assert.Equal(1007u, _h[Reg.Eax]);
        Assert.Equal(1u, _h[Reg.Edx]);
    }

    [Fact]
    public void The_tables_seen_are_the_switchers()
    {
        _h.Run("0F010500000100");
        Assert.Equal(0x200000FFu, _h.Read(0x10000));
        _h.Run("0F00C8");
        Assert.Equal(0x80u, _h[Reg.Eax]);
        _h.Cpu->Ts = 1;
        _h.Run("0F01E0");
        Assert.Equal(0x8005003Bu, _h[Reg.Eax]);
    }
}
