using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.Semantics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Tests.Instructions;

/// <summary>Exchanges, conditional instructions, flag instructions, table look-ups.</summary>
public sealed unsafe class AExchangeTests
{
    [Fact]
    public void Exchange_with_memory_whose_address_uses_the_register()
    {
        using var m = new OneInstruction { Ebx = OneInstruction.Data };
        m.Write32(OneInstruction.Data, 0x1234);
        Assert.True(m.Run(0x87, 0x1B)); // xchg [ebx], ebx
        Assert.Equal(0x1234u, m.Ebx);
        Assert.Equal(OneInstruction.Data, m.Read32(OneInstruction.Data));
    }

    [Fact]
    public void Exchange_of_the_two_bytes_of_a_register()
    {
        using var m = new OneInstruction { Eax = 0x12345678 };
        Assert.True(m.Run(0x86, 0xE0));
        Assert.Equal(0x12347856u, m.Eax);
        m.Ecx = 5;
        Assert.True(m.Run(0x91));
        Assert.Equal((5u, 0x12347856u), (m.Eax, m.Ecx));
    }

    [Fact]
    public void Exchange_with_a_read_only_page_faults_and_keeps_the_register()
    {
        using var m = new OneInstruction { Ebx = OneInstruction.ReadOnlyPage, Eax = 1 };
        m.Faults(Vectors.PageFault, 0x87, 0x03);
        m.Faults(Vectors.PageFault, 0x0F, 0xC1, 0x03);
        Assert.Equal(3u, m.Cpu->FaultErrorCode);
    }

    [Fact]
    public void Exchange_and_add_leaves_old_value_and_flags_of_the_sum()
    {
        using var m = new OneInstruction { Eax = 0x8000, Ecx = 0x8001 };
        Assert.True(m.Run(0x66, 0x0F, 0xC1, 0xC1)); // xadd cx, ax
        Assert.Equal((0x8001u, 1u), (m.Eax, m.Ecx));
        Assert.Equal(Eflags.Carry | Eflags.Overflow, m.Flags);
        m.Eax = 3;
        Assert.True(m.Run(0x0F, 0xC1, 0xC0)); // xadd eax, eax
        Assert.Equal(6u, m.Eax);
    }

    [Fact]
    public void Compare_and_exchange_swaps_when_equal_and_loads_when_not()
    {
        using var m = new OneInstruction { Eax = 5, Ecx = 9, Ebx = OneInstruction.Data };
        m.Write32(OneInstruction.Data, 5);
        Assert.True(m.Run(0xF0, 0x0F, 0xB1, 0x0B));
        Assert.Equal(9u, m.Read32(OneInstruction.Data));
        Assert.Equal(5u, m.Eax);
        Assert.Equal(Eflags.Zero | Eflags.Parity, m.Flags);
        Assert.True(m.Run(0xF0, 0x0F, 0xB1, 0x0B));
        Assert.Equal(9u, m.Read32(OneInstruction.Data));
        Assert.Equal(9u, m.Eax);
        Assert.Equal(Eflags.Carry | Eflags.Sign | Eflags.Adjust | Eflags.Parity, m.Flags);
    }

    [Fact]
    public void Compare_and_exchange_needs_a_writable_page_even_when_it_fails()
    {
        using var m = new OneInstruction { Eax = 5, Ebx = OneInstruction.ReadOnlyPage };
        m.Faults(Vectors.PageFault, 0x0F, 0xB1, 0x0B);
        m.Faults(Vectors.PageFault, 0x0F, 0xC7, 0x0B);
    }

    [Theory]
    [InlineData(OneInstruction.Data)]
    [InlineData(OneInstruction.Data + 0xFFC)] // halves in two pages
    [InlineData(OneInstruction.Data + 0xFFB)]
    public void Compare_and_exchange_of_eight_bytes(uint address)
    {
        using var m = new OneInstruction { Eax = 1, Edx = 2, Ecx = 4, Ebx = 3, Flags = Eflags.Arithmetic & ~Eflags.Zero };
        m.Cpu->Gpr[Reg.Esi] = address;
        m.Write32(address, 1);
        m.Write32(address + 4, 2);
        Assert.True(m.Run(0xF0, 0x0F, 0xC7, 0x0E));
        Assert.Equal((3u, 4u), (m.Read32(address), m.Read32(address + 4)));
        Assert.Equal(Eflags.Arithmetic, m.Flags);
        Assert.True(m.Run(0x0F, 0xC7, 0x0E));
        Assert.Equal((3u, 4u), (m.Eax, m.Edx));
        Assert.Equal((3u, 4u), (m.Read32(address), m.Read32(address + 4)));
        Assert.Equal(Eflags.Arithmetic & ~Eflags.Zero, m.Flags);
    }

    [Fact]
    public void Compare_and_exchange_of_eight_bytes_into_a_missing_page_changes_neither_half()
    {
        using var m = new OneInstruction { Eax = 1, Ebx = 9, Ecx = 9 };
        m.Cpu->Gpr[Reg.Esi] = OneInstruction.MissingPage - 4;
        m.Write32(OneInstruction.MissingPage - 4, 1);
        m.Faults(Vectors.PageFault, 0x0F, 0xC7, 0x0E);
        Assert.Equal(OneInstruction.MissingPage, m.Cpu->FaultAddress);
        Assert.Equal(1u, m.Read32(OneInstruction.MissingPage - 4));
    }

    [Fact]
    public void Byte_swap_of_32_and_of_16_bits()
    {
        using var m = new OneInstruction { Ecx = 0x12345678 };
        Assert.True(m.Run(0x0F, 0xC9));
        Assert.Equal(0x78563412u, m.Ecx);
        Assert.True(m.Run(0x66, 0x0F, 0xC9));
        Assert.Equal(0x78560000u, m.Ecx);
    }

    [Fact]
    public void Every_condition_agrees_with_its_formula_for_all_flags()
    {
        for (uint bits = 0; bits < 32; bits++)
        {
            bool o = (bits & 1) != 0, c = (bits & 2) != 0, z = (bits & 4) != 0, s = (bits & 8) != 0, p = (bits & 16) != 0;
            uint flags = (o ? Eflags.Overflow : 0) | (c ? Eflags.Carry : 0) | (z ? Eflags.Zero : 0) | (s ? Eflags.Sign : 0) | (p ? Eflags.Parity : 0);
            bool[] expected = [o, !o, c, !c, z, !z, c || z, !(c || z), s, !s, p, !p, s != o, s == o, z || s != o, !(z || s != o)];
            using var m = new OneInstruction();
            for (int code = 0; code < 16; code++)
            {
                m.Flags = flags;
                m.Eax = 0x1111;
                Assert.True(m.Run(0x0F, (byte)(0x90 + code), 0xC4)); // setcc ah
                Assert.Equal(expected[code] ? 0x0111u : 0x0011u, m.Eax);
                m.Ecx = 0xCCCCCCCC;
                Assert.True(m.Run(0x66, 0x0F, (byte)(0x40 + code), 0xC1)); // cmovcc ax, cx
                Assert.Equal(expected[code] ? 0xCCCCu : m.Eax & 0xFFFF, m.Eax);
                Assert.Equal(flags, m.Flags);
            }
        }
    }

    [Fact]
    public void A_condition_code_that_is_none_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Conditions.ForCode(Iced.Intel.ConditionCode.None));

    [Fact]
    public void Conditional_move_reads_its_operand_even_when_it_moves_nothing()
    {
        using var m = new OneInstruction { Ebx = OneInstruction.MissingPage };
        m.Faults(Vectors.PageFault, 0x0F, 0x44, 0x03); // cmove eax, [ebx] with ZF = 0
        m.Ebx = OneInstruction.ReadOnlyPage;
        Assert.True(m.Run(0x0F, 0x44, 0x03));
    }

    [Fact]
    public void Flag_instructions_touch_only_their_flags()
    {
        using var m = new OneInstruction { Flags = Eflags.Arithmetic };
        Assert.True(m.Run(0xF8));
        Assert.Equal(Eflags.Arithmetic & ~Eflags.Carry, m.Flags);
        Assert.True(m.Run(0xF5));
        Assert.Equal(Eflags.Arithmetic, m.Flags);
        Assert.True(m.Run(0xF5));
        Assert.True(m.Run(0xF9));
        Assert.Equal(Eflags.Arithmetic, m.Flags);
        Assert.True(m.Run(0xFD));
        Assert.Equal(Eflags.Direction, m.Cpu->SystemFlags & Eflags.Direction);
        Assert.True(m.Run(0xFC));
        Assert.Equal(0u, m.Cpu->SystemFlags & Eflags.Direction);
        Assert.Equal(Eflags.Arithmetic, m.Flags);
    }

    [Fact]
    public void Flags_go_to_ah_and_come_back_without_overflow()
    {
        using var m = new OneInstruction { Eax = 0x1234, Flags = Eflags.Arithmetic };
        Assert.True(m.Run(0x9F));
        Assert.Equal(0xD734u, m.Eax);
        m.Eax = 0x2A00;
        Assert.True(m.Run(0x9E));
        Assert.Equal(Eflags.Overflow, m.Flags);
        LazyFlags.Set(m.Cpu, 0);
        Assert.True(m.Run(0x9F));
        Assert.Equal(0x0200u, m.Eax);
    }

    [Fact]
    public void Salc_spreads_the_carry()
    {
        using var m = new OneInstruction { Eax = 0x1234, Flags = Eflags.Carry };
        Assert.True(m.Run(0xD6));
        Assert.Equal(0x12FFu, m.Eax);
        m.Flags = 0;
        Assert.True(m.Run(0xD6));
        Assert.Equal(0x1200u, m.Eax);
    }

    [Fact]
    public void Table_lookup_uses_al_alone_and_wraps_with_16_bit_addresses()
    {
        using var m = new OneInstruction { Eax = 0xFFFFFF84, Ebx = OneInstruction.Data };
        m.Write32(OneInstruction.Data + 0x84, 0x77);
        Assert.True(m.Run(0xD7));
        Assert.Equal(0xFFFFFF77u, m.Eax);
        m.Ebx = 0xABCDFFF0;
        m.Eax = 0x20;
        m.Write32(0x10, 0x99);
        Assert.True(m.Run(0x67, 0xD7));
        Assert.Equal(0x99u, m.Eax);
    }

    [Fact]
    public void Table_lookup_obeys_its_segment_override()
    {
        using var m = new OneInstruction { Eax = 4, Ebx = 0 };
        m.Faults(Vectors.GeneralProtection, 0x64, 0xD7);
        Segments.SetHidden(m.Cpu, Seg.Fs, 0x69, 0x0040F301_0000000F);
        m.Write32(0x10004, 0x42);
        Assert.True(m.Run(0x64, 0xD7));
        Assert.Equal(0x42u, m.Eax);
        m.Eax = 0x10;
        m.Faults(Vectors.GeneralProtection, 0x64, 0xD7);
    }

    [Theory]
    [InlineData(0xFFFFFFFEu, true)]
    [InlineData(5u, true)]
    [InlineData(6u, false)]
    [InlineData(0xFFFFFFFDu, false)]
    public void Bound_compares_signed_and_inclusive(uint index, bool inside)
    {
        using var m = new OneInstruction { Eax = index, Ebx = OneInstruction.Data };
        m.Write32(OneInstruction.Data, 0xFFFFFFFE);
        m.Write32(OneInstruction.Data + 4, 5);
        if (inside)
        {
            Assert.True(m.Run(0x62, 0x03));
        }
        else
        {
            m.Faults(Vectors.BoundRange, 0x62, 0x03);
        }
    }

    [Fact]
    public void Bound_of_words_reads_two_words()
    {
        using var m = new OneInstruction { Eax = 0xFFFF0005, Ebx = OneInstruction.Data };
        m.Write32(OneInstruction.Data, 0x0006FFFE);
        Assert.True(m.Run(0x66, 0x62, 0x03));
        m.Eax = 7;
        m.Faults(Vectors.BoundRange, 0x66, 0x62, 0x03);
        m.Ebx = OneInstruction.MissingPage - 2;
        m.Faults(Vectors.PageFault, 0x66, 0x62, 0x03);
    }
}
