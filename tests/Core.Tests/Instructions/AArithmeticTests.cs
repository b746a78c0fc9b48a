using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Tests.Instructions;

/// <summary>Multiplication, division and decimals. Open flags are Zen's.</summary>
public sealed unsafe class AArithmeticTests
{
    private const uint Kept = Eflags.Sign | Eflags.Zero | Eflags.Adjust | Eflags.Parity;
    private const uint Lost = Eflags.Carry | Eflags.Overflow;

    [Theory]
    [InlineData(0xE1, 0xFFFFFFFFu, 2u, 0xFFFFFFFEu, 1u, Lost)] // mul ecx
    [InlineData(0xE1, 0xFFFFu, 2u, 0x1FFFEu, 0u, 0u)]
    [InlineData(0xE9, 0xFFFFFFFFu, 2u, 0xFFFFFFFEu, 0xFFFFFFFFu, 0u)] // imul ecx
    [InlineData(0xE9, 0x80000000u, 0xFFFFFFFFu, 0x80000000u, 0u, Lost)]
    public void Wide_product_and_its_flags(byte modRm, uint a, uint b, uint low, uint high, uint lost)
    {
        foreach (uint kept in (uint[])[0, Kept])
        {
            using var m = new OneInstruction { Eax = a, Ecx = b, Edx = 0x55555555, Flags = kept | (lost ^ Lost) };
            Assert.True(m.Run(0xF7, modRm));
            Assert.Equal((low, high), (m.Eax, m.Edx));
            Assert.Equal(kept | lost, m.Flags);
        }
    }

    [Fact]
    public void Byte_product_goes_to_ax()
    {
        using var m = new OneInstruction { Eax = 0x12340080, Ecx = 0x80 };
        Assert.True(m.Run(0xF6, 0xE9)); // imul cl: (-128)²
        Assert.Equal(0x12344000u, m.Eax);
        Assert.Equal(Lost, m.Flags);
        m.Eax = 0xFF;
        m.Ecx = 0xFF;
        Assert.True(m.Run(0xF6, 0xE1));
        Assert.Equal(0xFE01u, m.Eax);
    }

    [Fact]
    public void Products_of_two_and_three_operands_are_cut()
    {
        using var m = new OneInstruction { Eax = 0x10000, Ecx = 0x10000, Ebx = OneInstruction.Data };
        Assert.True(m.Run(0x0F, 0xAF, 0xC1));
        Assert.Equal(0u, m.Eax);
        Assert.Equal(Lost, m.Flags);
        Assert.True(m.Run(0x6B, 0xC1, 0xFF)); // imul eax, ecx, -1
        Assert.Equal(0xFFFF0000u, m.Eax);
        Assert.Equal(0u, m.Flags);
        m.Write32(OneInstruction.Data, 0x7FFF);
        Assert.True(m.Run(0x66, 0x69, 0x03, 0x02, 0x80)); // imul ax, [ebx], -0x7ffe
        Assert.Equal(0xFFFF0000u | (0x7FFFu * 0x8002u & 0xFFFF), m.Eax);
        Assert.Equal(Lost, m.Flags);
    }

    [Theory]
    [InlineData(0xF1, 0u, 5u, 0u)] // div by 0
    [InlineData(0xF1, 7u, 0u, 7u)] // quotient 2^32
    [InlineData(0xF9, 0u, 5u, 0u)]
    [InlineData(0xF9, 0u, 0x80000000u, 1u)] // +2^31
    [InlineData(0xF9, 0xFFFFFFFFu, 0x80000000u, 0xFFFFFFFFu)] // -2^31 / -1
    [InlineData(0xF9, 0x80000000u, 0u, 0xFFFFFFFFu)] // -2^63 / -1, which would trap the Host
    public void Division_without_a_quotient_is_a_divide_error(byte modRm, uint high, uint low, uint divisor)
    {
        using var m = new OneInstruction { Eax = low, Edx = high, Ecx = divisor, Flags = Kept };
        m.Faults(Vectors.DivideError, 0xF7, modRm);
    }

    [Theory]
    [InlineData(0xF1, 6u, 1u, 7u, 0xDB6DB6DBu, 4u)]
    [InlineData(0xF9, 0xFFFFFFFFu, 0xFFFFFF9Cu, 7u, 0xFFFFFFF2u, 0xFFFFFFFEu)]
    [InlineData(0xF9, 0xFFFFFFFFu, 0x80000000u, 1u, 0x80000000u, 0u)]
    [InlineData(0xF9, 0x3FFFFFFFu, 0xFFFFFFFFu, 0x80000000u, 0x80000001u, 0x7FFFFFFFu)]
    public void Division_rounds_towards_zero(byte modRm, uint high, uint low, uint divisor, uint quotient, uint remainder)
    {
        using var m = new OneInstruction { Eax = low, Edx = high, Ecx = divisor, Flags = Eflags.Arithmetic };
        Assert.True(m.Run(0xF7, modRm));
        Assert.Equal((quotient, remainder), (m.Eax, m.Edx));
        Assert.Equal(Lost | Eflags.Adjust, m.Flags);
    }

    [Theory]
    [InlineData(0xFF80u, 1u, 0x0080u)] // -128 / 1 fits
    [InlineData(0x0145u, 0xF7u, 0x01DCu)]
    public void Signed_byte_division_uses_ax(uint ax, uint divisor, uint result)
    {
        using var m = new OneInstruction { Eax = 0x77770000 | ax, Ecx = divisor };
        Assert.True(m.Run(0xF6, 0xF9));
        Assert.Equal(0x77770000 | result, m.Eax);
        m.Eax = 0x0080;
        m.Ecx = 1;
        m.Faults(Vectors.DivideError, 0xF6, 0xF9);
    }

    [Theory]
    [InlineData(0x37, 0x00FAu, 0u, 0x0200u, Eflags.Adjust | Eflags.Parity | Eflags.Carry)] // aaa
    [InlineData(0x37, 0xFEFAu, 0u, 0x0000u, Eflags.Zero | Eflags.Adjust | Eflags.Parity | Eflags.Carry)]
    [InlineData(0x37, 0x00F0u, 0u, 0x0000u, Eflags.Parity)]
    [InlineData(0x3F, 0x000Au, 0u, 0xFF04u, Eflags.Sign | Eflags.Adjust | Eflags.Carry)] // aas
    [InlineData(0x3F, 0x8000u, Eflags.Adjust, 0x7E0Au, Eflags.Overflow | Eflags.Adjust | Eflags.Parity | Eflags.Carry)]
    [InlineData(0x27, 0x009Au, 0u, 0x0000u, Eflags.Zero | Eflags.Adjust | Eflags.Parity | Eflags.Carry)] // daa
    [InlineData(0x27, 0x0F3Cu, Eflags.Carry, 0x0FA2u, Eflags.Overflow | Eflags.Sign | Eflags.Adjust | Eflags.Carry)]
    [InlineData(0x2F, 0x0005u, Eflags.Adjust, 0x00FFu, Eflags.Sign | Eflags.Adjust | Eflags.Parity | Eflags.Carry)] // das
    [InlineData(0x2F, 0x0006u, Eflags.Adjust, 0x0000u, Eflags.Zero | Eflags.Adjust | Eflags.Parity)]
    [InlineData(0x2F, 0x009Au, 0u, 0x0034u, Eflags.Overflow | Eflags.Adjust | Eflags.Carry)]
    public void Decimal_adjustment(byte opcode, uint ax, uint before, uint result, uint after)
    {
        using var m = new OneInstruction { Eax = 0x5A5A0000 | ax, Flags = before };
        Assert.True(m.Run(opcode));
        Assert.Equal(0x5A5A0000 | result, m.Eax);
        Assert.Equal(after, m.Flags);
    }

    [Fact]
    public void Aam_and_aad_take_any_base_but_zero_divides_not()
    {
        using var m = new OneInstruction { Eax = 0xFFFF12FA, Flags = Eflags.Arithmetic };
        m.Faults(Vectors.DivideError, 0xD4, 0);
        Assert.True(m.Run(0xD4, 10));
        Assert.Equal(0xFFFF1900u, m.Eax);
        Assert.Equal(Eflags.Zero | Eflags.Parity, m.Flags);
        m.Eax = 0x0F3C;
        Assert.True(m.Run(0xD5, 16));
        Assert.Equal(0x002Cu, m.Eax);
        Assert.Equal(Eflags.Carry, m.Flags);
        m.Eax = 0x0F3C;
        Assert.True(m.Run(0xD5, 0));
        Assert.Equal(0x003Cu, m.Eax);
    }

    [Fact]
    public void Sign_extensions()
    {
        using var m = new OneInstruction { Eax = 0x12345680, Edx = 0x11111111 };
        Assert.True(m.Run(0x66, 0x98));
        Assert.Equal(0x1234FF80u, m.Eax);
        Assert.True(m.Run(0x66, 0x99));
        Assert.Equal(0x1111FFFFu, m.Edx);
        Assert.True(m.Run(0x99));
        Assert.Equal(0u, m.Edx);
        Assert.True(m.Run(0x98));
        Assert.Equal(0xFFFFFF80u, m.Eax);
    }
}
