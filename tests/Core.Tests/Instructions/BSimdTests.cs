using System.Runtime.Intrinsics;
using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Simd;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Tests.Instructions;

/// <summary>What MMX and SSE do besides computing, which is silicon's business.</summary>
public sealed unsafe class BSimdTests : IDisposable
{
    private readonly BHarness _h = new();

    public void Dispose() => _h.Dispose();

    [Theory]
    [InlineData("0F58C1")]
    [InlineData("0FFCC1")]
    [InlineData("0F77")]
    [InlineData("0FAE1500000100")]
    [InlineData("0FAE1D00000100")]
    [InlineData("0F1005FCFF0200")]
    [InlineData("660F7EC0")]
    [InlineData("0F2EC1")]
    [InlineData("660FF7C1")]
    public void Ts_makes_it_unavailable(string hex)
    {
        _h.Cpu->Ts = 1;
        _h.Faults(hex, Vectors.DeviceNotAvailable);
    }

    [Theory]
    [InlineData("0FC30500000100")]
    [InlineData("0FAEF0")]
    [InlineData("0FAE3D00000100")]
    [InlineData("0F180500000100")]
    public void What_uses_no_register_of_it_does_not_mind_ts(string hex)
    {
        _h.Cpu->Ts = 1;
        Assert.Equal(ExitReason.Continue, _h.Run(hex));
    }

    [Fact]
    public void A_pending_x87_exception_stops_mmx_and_not_sse()
    {
        _h.Cpu->Fpu.ControlWord &= 0xFFFE;
        _h.Run("D9E0");
        _h.Faults("0FFCC1", Vectors.FloatingPoint);
        _h.Faults("0F77", Vectors.FloatingPoint);
        Assert.Equal(ExitReason.Continue, _h.Run("0F58C1"));
    }

    [Fact]
    public void Mmx_takes_the_x87_registers_and_emms_gives_them_back()
    {
        _h.Run("D9E8");
        Assert.Equal(7, _h.Cpu->Fpu.Top);
        _h[Reg.Eax] = 0x12345678;
        _h.Run("0F6EC8");
        Assert.Equal(0, _h.Cpu->Fpu.Top);
        Assert.Equal(0xFF, _h.Cpu->Fpu.Tags);
        Assert.Equal(0x12345678UL, _h.Cpu->Fpu.Registers[1].Significand);
        Assert.Equal(0xFFFF, _h.Cpu->Fpu.Registers[1].SignExponent);
        _h.Run("0F77");
        Assert.Equal(0, _h.Cpu->Fpu.Tags);
    }

    [Fact]
    public void Reserved_bits_of_mxcsr_are_refused()
    {
        _h.Write(0x10000, 0x1F80 | 1u << 16);
        _h.Faults("0FAE1500000100", Vectors.GeneralProtection);
        Assert.Equal(Mxcsr.Initial, _h.Cpu->Simd.Mxcsr);
        _h.Write(0x10000, 0xFFFF);
        _h.Run("0FAE1500000100");
        Assert.Equal(0xFFFFu, _h.Cpu->Simd.Mxcsr);
        _h.Run("0FAE1D04000100");
        Assert.Equal(0xFFFFu, _h.Read(0x10004));
    }

    [Fact]
    public void Fxsave_has_mxcsr_its_mask_and_all_registers()
    {
        for (int i = 0; i < 8; i++)
        {
            _h.Cpu->Simd[i] = Vector128.Create((byte)(i + 1));
        }

        _h.Cpu->Simd.Mxcsr = 0x9FC1;
        _h.Run("0FAE0500000100");
        Assert.Equal(0x9FC1u, _h.Read(0x10018));
        Assert.Equal(0xFFFFu, _h.Read(0x1001C));
        Assert.Equal(0x01010101u, _h.Read(0x100A0));
        Assert.Equal(0x08080808u, _h.Read(0x1011C));
        _h.Cpu->Simd.Initialise();
        _h.Run("0FAE0D00000100");
        Assert.Equal(0x9FC1u, _h.Cpu->Simd.Mxcsr);
        Assert.Equal(Vector128.Create((byte)8), _h.Cpu->Simd[7]);
    }

    [Fact]
    public void Fxrstor_of_a_bad_mxcsr_changes_nothing()
    {
        _h.Run("0FAE0500000100");
        _h.Write(0x10018, 0x10000);
        _h.Write(0x100A0, 0xFFFFFFFF);
        _h.Run("D9E8");
        _h.Faults("0FAE0D00000100", Vectors.GeneralProtection);
        Assert.Equal(7, _h.Cpu->Fpu.Top);
        Assert.Equal(default, _h.Cpu->Simd[0]);
    }

    [Theory]
    [InlineData("0F280508000100")]
    [InlineData("0F290508000100")]
    [InlineData("660F6F0501000100")]
    [InlineData("0F580508000100")]
    [InlineData("660FE70504000100")]
    public void Aligned_operands_have_to_be(string hex) => _h.Faults(hex, Vectors.GeneralProtection);

    [Fact]
    public void Sixteen_bytes_cross_a_page_or_fault_as_a_whole()
    {
        _h.Write(0x10FF8, 1, 2, 3, 4);
        _h.Run("0F1005F80F0100");
        Assert.Equal(Vector128.Create(1u, 2, 3, 4), _h.Cpu->Simd[0].AsUInt32());
        _h.Run("0F1105F81F0100");
        Assert.Equal(3u, _h.Read(0x12000));

        // 0x2FFFF8 is writable, 0x300000 is not there.
        _h.Faults("0F1105F8FF2F00", Vectors.PageFault, 2);
        Assert.Equal(0u, _h.Read(0x2FFFF8));
        _h.Faults("0F1005F8FF2F00", Vectors.PageFault);
    }

    [Fact]
    public void An_unmasked_exception_keeps_the_result_back()
    {
        _h.Cpu->Simd.Mxcsr = 0x1F80 & ~0x200u;
        _h.Cpu->Simd[0] = Vector128.CreateScalar(1f).AsByte();
        _h.Faults("F30F5EC1", Vectors.SimdFloatingPoint);
        Assert.Equal(1f, _h.Cpu->Simd[0].AsSingle()[0]);
        Assert.Equal(0x1D84u, _h.Cpu->Simd.Mxcsr);
    }

    [Fact]
    public void An_unmasked_comparison_leaves_eflags_alone()
    {
        _h.Cpu->Simd.Mxcsr = 0x1F00;
        _h.Cpu->Simd[0] = Vector128.Create(float.NaN).AsByte();
        LazyFlags.Set(_h.Cpu, Eflags.Sign);
        _h.Faults("0F2FC1", Vectors.SimdFloatingPoint);
        Assert.Equal(Eflags.Sign, LazyFlags.Materialise(_h.Cpu));
        Assert.Equal(ExitReason.Continue, _h.Run("0F2EC1"));
        Assert.Equal(Eflags.Zero | Eflags.Parity | Eflags.Carry, LazyFlags.Materialise(_h.Cpu));
    }

    [Fact]
    public void A_masked_store_touches_only_what_it_selects()
    {
        _h.Cpu->Simd[0] = Vector128.Create((byte)0x55);
        _h.Cpu->Simd[1] = Vector128.CreateScalar(0x80u).AsByte();
        _h[Reg.Edi] = 0x2FFFFC;
        Assert.Equal(ExitReason.Continue, _h.Run("660FF7C1"));
        Assert.Equal(0x55u, _h.Read(0x2FFFFC));
        _h.Cpu->Simd[1] = Vector128.Create((byte)0x80);
        _h.Write(0x2FFFFC, 0);
        _h.Faults("660FF7C1", Vectors.PageFault, 2);
        Assert.Equal(0u, _h.Read(0x2FFFFC));
    }

    [Fact]
    public void Later_extensions_are_undefined()
    {
        Assert.Null(LoweringTable.Find(Mnemonic.Lddqu));
        Assert.Null(LoweringTable.Find(Mnemonic.Haddps));
        Assert.Null(LoweringTable.Find(Mnemonic.Pshufb));
        Assert.Null(LoweringTable.Find(Mnemonic.Vaddps));

        // PEXTRW to memory is SSE4.1's.
        _h.Faults("660F3A150500000100" + "00", Vectors.InvalidOpcode);
    }
}
