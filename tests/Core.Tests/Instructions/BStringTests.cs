using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Tests.Instructions;

public sealed unsafe class BStringTests : IDisposable
{
    private readonly BHarness _h = new();

    public void Dispose() => _h.Dispose();

    [Fact]
    public void A_repeated_move_crosses_pages_and_counts_its_iterations()
    {
        for (uint i = 0; i < 3000; i++)
        {
            _h.Write(0x10004 + i * 4, i * 7);
        }

        _h[Reg.Esi] = 0x10004;
        _h[Reg.Edi] = 0x20003;
        _h[Reg.Ecx] = 3000;
        Assert.Equal(ExitReason.Continue, _h.Run("F3A5", budget: 5000));
        Assert.Equal(BHarness.Code + 2, _h.Cpu->Eip);
        Assert.Equal(5000 - 2999, _h.Cpu->BudgetLeft);
        Assert.Equal(0u, _h[Reg.Ecx]);
        Assert.Equal(0x10004u + 12000, _h[Reg.Esi]);
        Assert.Equal(0x20003u + 12000, _h[Reg.Edi]);
        for (uint i = 0; i < 3000; i++)
        {
            Assert.Equal(i * 7, _h.Read(0x20003 + i * 4));
        }
    }

    [Fact]
    public void No_iteration_counts_as_one_instruction()
    {
        Assert.Equal(ExitReason.Continue, _h.Run("F3A4", budget: 5));
        Assert.Equal(5, _h.Cpu->BudgetLeft);
        Assert.Equal(BHarness.Code + 2, _h.Cpu->Eip);
    }

    [Fact]
    public void An_overlapping_move_repeats_its_pattern()
    {
        _h.Write(0x10000, 0x44332211);
        _h[Reg.Esi] = 0x10000;
        _h[Reg.Edi] = 0x10003;
        _h[Reg.Ecx] = 100;
        _h.Run("F3A4");
        Assert.Equal(0x11332211u, _h.Read(0x10000));
        Assert.Equal(0x11332211u, _h.Read(0x10003 + 96) << 0);
    }

    [Fact]
    public void Backward_moves_run_down_over_page_borders()
    {
        for (uint i = 0; i < 2000; i++)
        {
            _h.Write(0x10000 + i * 4, i);
        }

        _h.Cpu->SystemFlags |= Eflags.Direction;
        _h[Reg.Esi] = 0x10000 + 1999 * 4;
        _h[Reg.Edi] = 0x10008 + 1999 * 4;
        _h[Reg.Ecx] = 2000;
        _h.Run("F3A5");
        Assert.Equal(0x10000u - 4, _h[Reg.Esi]);
        for (uint i = 0; i < 2000; i++)
        {
            Assert.Equal(i, _h.Read(0x10008 + i * 4));
        }
    }

    [Theory]
    [InlineData(0L, 1u)]
    [InlineData(9L, 10u)]
    public void The_budget_splits_it_anywhere(long budget, uint done)
    {
        _h[Reg.Eax] = 0x5A;
        _h[Reg.Edi] = 0x10000;
        _h[Reg.Ecx] = 100;
        Assert.Equal(ExitReason.Budget, _h.Run("F3AA", budget));
        Assert.Equal(BHarness.Code, _h.Cpu->Eip);
        Assert.Equal(100 - done, _h[Reg.Ecx]);
        Assert.Equal(0x10000 + done, _h[Reg.Edi]);
        Assert.Equal(0, _h.Cpu->BudgetLeft);
        _h.Run("F3AA");
        Assert.Equal(0x5A5A5A5Au, _h.Read(0x10000 + 96));
        Assert.Equal(0u, _h.Read(0x10000 + 100));
    }

    [Fact]
    public void Leaving_early_gives_the_rest_of_the_block_back()
    {
        _h.Behind = 4;
        _h[Reg.Edi] = 0x10000;
        _h[Reg.Ecx] = 100;
        Assert.Equal(ExitReason.Continue, _h.Run("F3AA", budget: 9));
        Assert.Equal(BHarness.Code, _h.Cpu->Eip);
        Assert.Equal(90u, _h[Reg.Ecx]);
        Assert.Equal(4, _h.Cpu->BudgetLeft);
    }

    [Fact]
    public void A_fault_counts_completed_iterations_only()
    {
        _h.Behind = 2;
        _h[Reg.Edi] = BHarness.Missing - 10 * 4;
        _h[Reg.Ecx] = 100;
        Assert.Equal(ExitReason.Fault, _h.Run("F3AB", budget: 1000));
        Assert.Equal(BHarness.Missing, _h.Cpu->FaultAddress);
        Assert.Equal(90u, _h[Reg.Ecx]);
        Assert.Equal(BHarness.Missing, _h[Reg.Edi]);

        // Before the head charged 3 there were 1003; 10 iterations have completed.
        Assert.Equal(1003 - 10, _h.Cpu->BudgetLeft);
        Assert.Equal(ExitReason.Fault, _h.Run("F3AB", budget: 1000));
        Assert.Equal(1003, _h.Cpu->BudgetLeft);
    }

    [Fact]
    public void A_compare_stops_at_the_difference_with_its_flags()
    {
        _h.Write(0x10000, 1, 2, 3, 4);
        _h.Write(0x20000, 1, 2, 9, 4);
        _h[Reg.Esi] = 0x10000;
        _h[Reg.Edi] = 0x20000;
        _h[Reg.Ecx] = 16;
        _h.Run("F3A6", budget: 100);
        Assert.Equal(16u - 9, _h[Reg.Ecx]);
        Assert.Equal(0x10009u, _h[Reg.Esi]);
        Assert.Equal(92, _h.Cpu->BudgetLeft);
        Assert.Equal(Eflags.Carry | Eflags.Sign | Eflags.Adjust, LazyFlags.Materialise(_h.Cpu) & ~Eflags.Parity);
    }

    [Theory]
    [InlineData("F2AE", 5u)]
    [InlineData("F3AE", 1u)]
    public void A_scan_finds_or_skips(string hex, uint steps)
    {
        _h.Write(0x10000, 0x04030201, 0x00000000);
        _h[Reg.Edi] = 0x10000;
        _h[Reg.Ecx] = 50;
        _h.Run(hex);
        Assert.Equal(50 - steps, _h[Reg.Ecx]);
        Assert.Equal(hex == "F2AE", LazyFlags.Zero(_h.Cpu));
    }

    [Fact]
    public void Sixteen_bit_addresses_wrap_and_spare_the_upper_halves()
    {
        _h.Write(0xFFFC, 0x44332211);
        _h.Write(0, 0x88776655);
        _h[Reg.Esi] = 0xABCDFFFE;
        _h[Reg.Edi] = 0x12342000;
        _h[Reg.Ecx] = 0x99990004;
        _h.Run("67F3A4");
        Assert.Equal(0x66554433u, _h.Read(0x2000));
        Assert.Equal(0xABCD0002u, _h[Reg.Esi]);
        Assert.Equal(0x12342004u, _h[Reg.Edi]);
        Assert.Equal(0x99990000u, _h[Reg.Ecx]);
    }

    [Fact]
    public void A_segment_override_holds_for_the_source()
    {
        _h.Cpu->Gdt[14] = 0x00CFF301_0000FFFF;
        Assert.True(Segmentation.Segments.Load(_h.Cpu, Seg.Fs, 0x73));
        _h.Write(0x10008, 77);
        _h[Reg.Esi] = 8;
        _h.Run("64AD");
        Assert.Equal(77u, _h[Reg.Eax]);
    }

    [Fact]
    public void Somebody_who_wants_attention_gets_it_between_iterations()
    {
        _h.Cpu->Attention = 1;
        _h[Reg.Edi] = 0x10000;
        _h[Reg.Ecx] = 100000;
        Assert.Equal(ExitReason.Continue, _h.Run("F3AA"));
        Assert.Equal(BHarness.Code, _h.Cpu->Eip);
        Assert.InRange(_h[Reg.Ecx], 1u, 99999u);
    }

    [Fact]
    public void Moving_onto_a_read_only_page_faults_after_reading()
    {
        _h[Reg.Esi] = 0x10000;
        _h[Reg.Edi] = BHarness.ReadOnly;
        _h.Faults("A5", Vectors.PageFault, 3);
        Assert.Equal(0x10000u, _h[Reg.Esi]);
    }
}
