using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Core.Tests.Fpu;

/// <summary>Translated code and thunks reach into the struct by offset.</summary>
public class FpuLayoutTests
{
    [Fact]
    public void State_has_fixed_size_and_offsets()
    {
        Assert.Equal(152, Unsafe.SizeOf<FpuState>());
        Assert.Equal(16, Unsafe.SizeOf<F80>());
        Assert.Equal(0, (int)Marshal.OffsetOf<FpuState>(nameof(FpuState.Registers)));
        Assert.Equal(128, (int)Marshal.OffsetOf<FpuState>(nameof(FpuState.ControlWord)));
        Assert.Equal(130, (int)Marshal.OffsetOf<FpuState>(nameof(FpuState.StatusWord)));
        Assert.Equal(132, (int)Marshal.OffsetOf<FpuState>(nameof(FpuState.Tags)));
        Assert.False(RuntimeHelpers.IsReferenceOrContainsReferences<FpuState>());
    }

    [Fact]
    public void A_register_starts_with_the_ten_bytes_of_memory_order()
    {
        F80 pi = F80Constants.Load(F80Constant.Pi, F80RoundingMode.NearestEven);
        Assert.Equal("35C26821A2DA0FC90040", Convert.ToHexString(MemoryMarshal.AsBytes(new ReadOnlySpan<F80>(in pi))[..10]));
    }

    [Fact]
    public void Whatever_a_ten_byte_store_leaves_above_does_not_count()
    {
        F80 clean = F80.One;
        F80 dirty = F80.One;
        MemoryMarshal.AsBytes(new Span<F80>(ref dirty))[10..].Fill(0xCC);
        Assert.Equal(clean, dirty);
        Assert.Equal(clean.SignExponent, dirty.SignExponent);
    }
}
