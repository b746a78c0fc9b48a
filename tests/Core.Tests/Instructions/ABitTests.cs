using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Tests.Instructions;

/// <summary>Bit tests and scans.</summary>
public sealed unsafe class ABitTests
{
    [Theory]
    [InlineData(0xA3, 35u, 0x55u, 0u)] // bt
    [InlineData(0xAB, 35u, 0x5Du, 0u)] // bts
    [InlineData(0xB3, 34u, 0x51u, 1u)] // btr
    [InlineData(0xBB, 34u, 0x51u, 1u)] // btc
    public void Bit_of_a_register_is_taken_modulo_32_and_only_carry_changes(byte opcode, uint bit, uint result, uint carry)
    {
        foreach (uint others in (uint[])[0, Eflags.Arithmetic & ~Eflags.Carry])
        {
            using var m = new OneInstruction { Eax = 0x55, Ecx = bit, Flags = others | (carry ^ 1) };
            Assert.True(m.Run(0x0F, opcode, 0xC8));
            Assert.Equal(result, m.Eax);
            Assert.Equal(others | carry, m.Flags);
        }
    }

    [Theory]
    [InlineData(0x40u, 8, 1u)]
    [InlineData(0xFFFFFFFFu, -4, 0x80000000u)]
    [InlineData(0xFFFF8000u, -4096, 1u)]
    [InlineData(0x1001Fu, 0x2000, 0x80000000u)]
    public void Bit_string_in_memory_reaches_as_far_as_the_register_says(uint bit, int delta, uint expected)
    {
        using var m = new OneInstruction { Ebx = OneInstruction.Data + 0x1000, Ecx = bit };
        Assert.True(m.Run(0x0F, 0xAB, 0x0B)); // bts [ebx], ecx
        Assert.Equal(expected, m.Read32((uint)(m.Ebx + delta)));
        Assert.Equal(0u, m.Flags & Eflags.Carry);
        Assert.True(m.Run(0xF0, 0x0F, 0xB3, 0x0B)); // lock btr [ebx], ecx
        Assert.Equal(0u, m.Read32((uint)(m.Ebx + delta)));
        Assert.Equal(1u, m.Flags & Eflags.Carry);
    }

    [Fact]
    public void Bit_string_of_words_moves_by_words()
    {
        using var m = new OneInstruction { Ebx = OneInstruction.Data + 0x100, Ecx = 0xFFEF };
        Assert.True(m.Run(0x66, 0x0F, 0xAB, 0x0B)); // bit -17
        Assert.Equal(0x80000000u, m.Read32(OneInstruction.Data + 0xFA));
        Assert.Equal(0x00008000u, m.Read32(OneInstruction.Data + 0xFC));
    }

    [Fact]
    public void Bit_by_constant_stays_in_the_operand()
    {
        using var m = new OneInstruction { Ebx = OneInstruction.Data };
        Assert.True(m.Run(0x0F, 0xBA, 0x2B, 0xFF));
        Assert.Equal(0x80000000u, m.Read32(OneInstruction.Data));
        Assert.Equal(0u, m.Read32(OneInstruction.Data + 28));
    }

    [Fact]
    public void Testing_a_bit_only_reads_and_setting_one_writes_even_if_set()
    {
        using var m = new OneInstruction { Ebx = OneInstruction.ReadOnlyPage, Ecx = 3 };
        m.Write32(OneInstruction.ReadOnlyPage, 8);
        m.Faults(Vectors.PageFault, 0x0F, 0xAB, 0x0B);
        m.Faults(Vectors.PageFault, 0x0F, 0xBA, 0x2B, 3);
        Assert.True(m.Run(0x0F, 0xA3, 0x0B));
        Assert.Equal(1u, m.Flags & Eflags.Carry);
        Assert.True(m.Run(0x0F, 0xBA, 0x23, 3));
    }

    [Fact]
    public void Bit_string_checks_the_address_it_reaches_not_the_one_it_names()
    {
        using var m = new OneInstruction { Ebx = OneInstruction.MissingPage, Ecx = unchecked((uint)-32) };
        Assert.True(m.Run(0x0F, 0xAB, 0x0B));
        m.Ecx = 0;
        m.Faults(Vectors.PageFault, 0x0F, 0xAB, 0x0B);
    }

    [Fact]
    public void Bit_string_in_a_null_segment_is_a_general_protection_fault()
    {
        using var m = new OneInstruction { Ebx = OneInstruction.Data };
        m.Faults(Vectors.GeneralProtection, 0x64, 0x0F, 0xAB, 0x0B);
    }

    [Theory]
    [InlineData(0xBC, 0x00F00000u, 20u, Eflags.Parity)]
    [InlineData(0xBD, 0x00F00000u, 23u, Eflags.Parity)]
    [InlineData(0xBC, 1u, 0u, Eflags.Parity)]
    [InlineData(0xBD, 0x80000000u, 31u, 0u)]
    [InlineData(0xBC, 0u, 0xDEADBEEFu, Eflags.Zero | Eflags.Parity)]
    [InlineData(0xBD, 0u, 0xDEADBEEFu, Eflags.Zero | Eflags.Parity)]
    public void Scan_gives_an_index_or_leaves_the_register(byte opcode, uint source, uint result, uint flags)
    {
        using var m = new OneInstruction { Eax = 0xDEADBEEF, Ecx = source, Flags = Eflags.Arithmetic };
        Assert.True(m.Run(0x0F, opcode, 0xC1));
        Assert.Equal(result, m.Eax);
        Assert.Equal(flags, m.Flags);
    }

    [Fact]
    public void Tzcnt_and_lzcnt_encodings_are_scans_on_a_cpu_without_them()
    {
        using var m = new OneInstruction { Eax = 77, Ecx = 0 };
        Assert.True(m.Run(0xF3, 0x0F, 0xBC, 0xC1));
        Assert.Equal(77u, m.Eax);
        m.Ecx = 0x100;
        Assert.True(m.Run(0xF3, 0x0F, 0xBD, 0xC1));
        Assert.Equal(8u, m.Eax);
    }

    [Fact]
    public void Word_scan_ignores_the_upper_half()
    {
        using var m = new OneInstruction { Eax = 0x12345678, Ecx = 0x00010000 };
        Assert.True(m.Run(0x66, 0x0F, 0xBD, 0xC1));
        Assert.Equal(0x12345678u, m.Eax);
        m.Ecx = 0x80010;
        Assert.True(m.Run(0x66, 0x0F, 0xBD, 0xC1));
        Assert.Equal(0x12340004u, m.Eax);
    }
}
