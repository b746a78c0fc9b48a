using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Tests.Instructions;

public sealed unsafe class BX87Tests : IDisposable
{
    private readonly BHarness _h = new();

    public void Dispose() => _h.Dispose();

    [Fact]
    public void Arithmetic_goes_through_memory()
    {
        _h.Write(0x10000, BitConverter.SingleToUInt32Bits(1.5f));
        Assert.Equal(ExitReason.Continue, _h.Run("D90500000100"));
        _h.Run("D80500000100");
        _h.Run("DD1D08000100");
        Assert.Equal(0u, _h.Read(0x10008));
        Assert.Equal(0x40080000u, _h.Read(0x1000C));
    }

    [Theory]
    [InlineData("D9E8")]
    [InlineData("9B")]
    [InlineData("DBE3")]
    [InlineData("0FAE0500000100")]
    public void Ts_makes_the_unit_unavailable(string hex)
    {
        _h.Cpu->Ts = 1;
        _h.Faults(hex, Vectors.DeviceNotAvailable);
    }

    [Fact]
    public void An_unmasked_exception_waits_for_the_next_waiting_instruction()
    {
        _h.Cpu->Fpu.ControlWord &= 0xFFFE;
        Assert.Equal(ExitReason.Continue, _h.Run("D9E0"));
        _h.Faults("D9E8", Vectors.FloatingPoint);
        _h.Faults("9B", Vectors.FloatingPoint);
        Assert.Equal(ExitReason.Continue, _h.Run("DFE0"));
        Assert.Equal(ExitReason.Continue, _h.Run("DBE2"));
        Assert.Equal(ExitReason.Continue, _h.Run("9B"));
    }

    [Fact]
    public void Fcomi_writes_flags_and_clears_the_others()
    {
        LazyFlags.Set(_h.Cpu, Eflags.Arithmetic);
        _h.Run("D9E8");
        _h.Run("D9EE");
        _h.Run("DBF1");
        Assert.Equal(Eflags.Carry, LazyFlags.Materialise(_h.Cpu));
    }

    [Fact]
    public void A_store_that_faults_leaves_the_stack_alone()
    {
        _h.Run("D9E8");
        int top = _h.Cpu->Fpu.Top;
        _h.Faults("D91D00103000", Vectors.PageFault, 3);
        Assert.Equal(top, _h.Cpu->Fpu.Top);
    }

    [Fact]
    public void The_environment_knows_the_last_instruction_and_operand()
    {
        _h.Run("D90500000100");
        _h.Run("D93500010100");
        Assert.Equal(BHarness.Code, _h.Read(0x1010C));
        Assert.Equal(0x01050061u, _h.Read(0x10110));
        Assert.Equal(0x10000u, _h.Read(0x10114));
        _h.Write(0x10200, 0, 0, 0, 0xFFFFFFFF);
        _h.Run("66D93500020100");
        Assert.Equal(0xFFFF0069u, _h.Read(0x1020C));
    }

    [Fact]
    public void Fxsave_wants_alignment_and_round_trips()
    {
        _h.Faults("0FAE0508000100", Vectors.GeneralProtection);
        _h.Run("D9EB");
        Assert.Equal(ExitReason.Continue, _h.Run("0FAE0500000100"));
        _h.Run("DBE3");
        Assert.Equal(ExitReason.Continue, _h.Run("0FAE0D00000100"));
        Assert.Equal(7, _h.Cpu->Fpu.Top);
        Assert.Equal(0x80, _h.Cpu->Fpu.Tags);
    }
}
