using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Tests.Instructions;

/// <summary>Shifts, rotates and double shifts. Flags that SDM leaves open are those that a Zen gave.</summary>
public sealed unsafe class AShiftTests
{
    private const uint C = Eflags.Carry;
    private const uint P = Eflags.Parity;
    private const uint A = Eflags.Adjust;
    private const uint Z = Eflags.Zero;
    private const uint S = Eflags.Sign;
    private const uint O = Eflags.Overflow;
    private const uint All = Eflags.Arithmetic;

    [Theory]
    [InlineData(0xC0, 7u, 0xC0u, P | A | S | Z | O)] // rol
    [InlineData(0xC0, 8u, 0x81u, P | A | S | Z | C)]
    [InlineData(0xC8, 16u, 0x81u, P | A | S | Z | C | O)] // ror
    [InlineData(0xC8, 10u, 0x60u, P | A | S | Z | O)]
    [InlineData(0xD0, 9u, 0x81u, P | A | S | Z | C)] // rcl: a whole turn of nine bits
    [InlineData(0xD0, 11u, 0x07u, P | A | S | Z)]
    [InlineData(0xD8, 9u, 0x81u, P | A | S | Z | C | O)] // rcr
    [InlineData(0xD8, 31u, 0x38u, P | A | S | Z)]
    [InlineData(0xE8, 8u, 0u, A | Z | P | C)] // shr
    [InlineData(0xE8, 9u, 0u, A | Z | P)]
    [InlineData(0xF8, 31u, 0xFFu, S | A | P | C)] // sar
    [InlineData(0xF0, 7u, 0x80u, O | S | A)] // sal, the alias of shl
    [InlineData(0xF0, 8u, 0u, O | Z | A | P | C)]
    public void Byte_shift_by_cl(int modRm, uint count, uint result, uint flags)
    {
        using var m = new OneInstruction { Eax = 0xABCDEF81, Ecx = count, Flags = All };
        Assert.True(m.Run(0xD2, (byte)modRm));
        Assert.Equal(0xABCDEF00 | result, m.Eax);
        Assert.Equal(flags, m.Flags);
    }

    [Theory]
    [InlineData(0xC0)]
    [InlineData(0xC8)]
    [InlineData(0xD0)]
    [InlineData(0xD8)]
    [InlineData(0xE0)]
    [InlineData(0xE8)]
    [InlineData(0xF8)]
    public void A_count_of_zero_modulo_32_changes_nothing(int modRm)
    {
        foreach (uint flags in (uint[])[0, All])
        {
            using var m = new OneInstruction { Eax = 0x81234567, Ecx = 0xFFFFFF60, Flags = flags };
            Assert.True(m.Run(0xD3, (byte)modRm));
            Assert.Equal(0x81234567u, m.Eax);
            Assert.Equal(flags, m.Flags);
            Assert.True(m.Run(0xC1, (byte)modRm, 32));
            Assert.Equal(0x81234567u, m.Eax);
            Assert.Equal(flags, m.Flags);
        }
    }

    [Fact]
    public void Shift_by_one_has_its_own_encoding()
    {
        using var m = new OneInstruction { Eax = 0x80000001 };
        Assert.True(m.Run(0xD1, 0xE0));
        Assert.Equal(2u, m.Eax);
        Assert.Equal(O | A | C, m.Flags);
    }

    [Fact]
    public void Shifting_memory_by_zero_still_needs_a_writable_page()
    {
        using var m = new OneInstruction { Ebx = OneInstruction.ReadOnlyPage };
        m.Faults(Vectors.PageFault, 0xD3, 0x23);
        Assert.Equal(3u, m.Cpu->FaultErrorCode);
    }

    [Fact]
    public void Shifting_memory_across_a_page_works_or_changes_nothing()
    {
        using var m = new OneInstruction { Ebx = OneInstruction.Data + 0xFFE };
        m.Write32(m.Ebx, 0x80018001);
        Assert.True(m.Run(0xD1, 0x2B)); // shr dword [ebx], 1
        Assert.Equal(0x4000C000u, m.Read32(m.Ebx));

        m.Ebx = OneInstruction.MissingPage - 2;
        m.Write32(m.Ebx, 0x80018001);
        m.Faults(Vectors.PageFault, 0xD1, 0x2B);
        Assert.Equal(OneInstruction.MissingPage, m.Cpu->FaultAddress);
        Assert.Equal(0x80018001u, m.Read32(m.Ebx));
    }

    [Theory]
    [InlineData(0xA5, 16u, 0xABCDu, O | S | A | C)] // shld
    [InlineData(0xA5, 17u, 0x579Bu, A)]
    [InlineData(0xA5, 18u, 0xAF36u, S | A | P)]
    [InlineData(0xAD, 16u, 0xABCDu, O | S | A)] // shrd
    [InlineData(0xAD, 17u, 0xD5E6u, S | A)]
    [InlineData(0xAD, 18u, 0x6AF3u, O | A | P)]
    public void Double_shift_of_16_bits_by_more_than_16_repeats_the_source(byte opcode, uint count, uint result, uint flags)
    {
        using var m = new OneInstruction { Eax = 0xFFFF1235, Edx = 0xFFFFABCD, Ecx = count };
        Assert.True(m.Run(0x66, 0x0F, opcode, 0xD0));
        Assert.Equal(0xFFFF0000 | result, m.Eax);
        Assert.Equal(flags, m.Flags);
    }

    [Fact]
    public void Double_shift_by_constant_takes_bits_from_the_register()
    {
        using var m = new OneInstruction { Eax = 0x12345678, Edx = 0x9ABCDEF0 };
        Assert.True(m.Run(0x0F, 0xA4, 0xD0, 8));
        Assert.Equal(0x3456789Au, m.Eax);
        Assert.True(m.Run(0x0F, 0xAC, 0xD0, 40));
        Assert.Equal(0xF0345678u, m.Eax);
    }
}
