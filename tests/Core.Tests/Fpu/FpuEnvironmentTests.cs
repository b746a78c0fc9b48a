using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Core.Tests.Fpu;

/// <summary>FNSTENV, FNSAVE, FXSAVE and their ways back.</summary>
public class FpuEnvironmentTests
{
    [Theory]
    [InlineData(108)]
    [InlineData(94)]
    public void Save_and_restore_bring_everything_back_and_save_initializes(int size)
    {
        FpuState before = Busy();
        FpuState f = before;
        byte[] image = new byte[size];
        X87.Fnsave(ref f, image);
        Assert.Equal((FpuControl.Initial, 0, 0), (f.ControlWord, f.StatusWord, f.Tags));
        X87.Frstor(ref f, image);
        AssertSame(before, f, opcode: size == 108);
    }

    [Fact]
    public void Fxsave_and_fxrstor_bring_everything_back()
    {
        FpuState before = Busy();
        byte[] image = new byte[512];
        Array.Fill(image, (byte)0xEE);
        X87.Fxsave(ref before, image);
        Assert.All(image[24..32].Concat(image[160..]), b => Assert.Equal(0xEE, b));
        FpuState f = default;
        X87.Fxrstor(ref f, image);
        AssertSame(before, f, opcode: true);
    }

    [Fact]
    public void Fxsave_writes_registers_in_stack_order_and_tags_in_physical_order()
    {
        FpuState f = FpuUnderTest.With(1, 2);
        byte[] image = new byte[512];
        X87.Fxsave(ref f, image);
        Assert.Equal(0b1100_0000, image[4]);
        Assert.Equal(F80.One, X87.ReadF80(image.AsSpan(32)));
        Assert.Equal(6 << 11, BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(2)));
    }

    [Fact]
    public void The_wide_environment_has_its_fields_where_linux_looks_for_them()
    {
        FpuState f = Busy();
        byte[] image = new byte[28];
        X87.Fnstenv(ref f, image);
        uint[] words = [.. Enumerable.Range(0, 7).Select(i => BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(4 * i)))];
        Assert.Equal(0xFFFF_0B7Eu, words[0]);
        Assert.Equal(0x1234_5678u, words[3]);
        Assert.Equal(0x01C1_0073u, words[4]);
        Assert.Equal(0x8765_4321u, words[5]);
        Assert.Equal(0xFFFF_007Bu, words[6]);
        Assert.Equal(0x0B7F, f.ControlWord);
    }

    [Fact]
    public void Full_tags_are_derived_from_contents()
    {
        FpuState f = FpuUnderTest.With(0, 1, double.PositiveInfinity);
        X87.FldM80(ref f, new F80(1, 0));

        // Physical 7 holds the infinity, 6 the one, 5 the zero, 4 the denormal.
        Assert.Equal(0b10_00_01_10_11_11_11_11, f.TagWord);
    }

    [Theory]
    [InlineData(0x037F, 0x8080, 0x0000)]
    [InlineData(0x037E, 0x0001, 0x8081)]
    [InlineData(0x037F, 0xFFFF, 0x7F7F)]
    [InlineData(0x0300, 0x003F, 0x80BF)]
    [InlineData(0x037E, 0x0040, 0x0040)]
    public void Error_summary_is_computed_not_loaded(int controlWord, int loaded, int seen)
    {
        byte[] image = new byte[28];
        BinaryPrimitives.WriteUInt16LittleEndian(image, (ushort)controlWord);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(4), (ushort)loaded);
        FpuState f = default;
        X87.Fldenv(ref f, image);
        Assert.Equal(seen, X87.Fnstsw(f));
    }

    [Theory]
    [InlineData(0x0000, 0x0040)]
    [InlineData(0xFFFF, 0x1F7F)]
    [InlineData(0x037F, 0x037F)]
    public void Reserved_control_bits_do_not_stick(int loaded, int seen)
    {
        FpuState f = FpuUnderTest.With();
        X87.Fldcw(ref f, (ushort)loaded);
        Assert.Equal(seen, X87.Fnstcw(f));
    }

    [Fact]
    public void Mmx_takes_the_whole_stack_and_emms_gives_it_back()
    {
        FpuState f = FpuUnderTest.With(1);
        X87.EnterMmx(ref f);
        Assert.Equal((0, 0xFF), (f.Top, f.Tags));
        X87.Emms(ref f);
        Assert.Equal(0, f.Tags);
    }

    private static FpuState Busy()
    {
        FpuState f = FpuUnderTest.Under(0x0B7E, 1, 0, double.NegativeInfinity, double.Epsilon);
        X87.Fincstp(ref f);
        f.LastOpcode = 0x1C1;
        f.InstructionOffset = 0x1234_5678;
        f.InstructionSelector = 0x73;
        f.DataOffset = 0x8765_4321;
        f.DataSelector = 0x7B;
        return f;
    }

    private static void AssertSame(FpuState expected, FpuState actual, bool opcode)
    {
        for (int i = 0; i < 8; i++)
            Assert.Equal(X87.St(ref expected, i), X87.St(ref actual, i));
        Assert.Equal((expected.ControlWord, expected.StatusWord, expected.Tags), (actual.ControlWord, actual.StatusWord, actual.Tags));
        Assert.Equal((expected.InstructionSelector, expected.DataSelector), (actual.InstructionSelector, actual.DataSelector));
        if (!opcode)
            return;
        Assert.Equal((expected.LastOpcode, expected.InstructionOffset), (actual.LastOpcode, actual.InstructionOffset));
        Assert.Equal(expected.DataOffset, actual.DataOffset);
    }

    [Fact]
    public void Of_sixteen_bytes_ten_are_a_register_on_both_ways()
    {
        // A thunk that stores ten bytes leaves old ones above; and software may have put something there in an image.
        FpuState f = default;
        MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref f.Registers, 1)).Fill(0xCC);
        byte[] image = new byte[512];
        X87.Fxsave(ref f, image);
        for (int register = 0; register < 8; register++)
        {
            Assert.Equal("CCCCCCCCCCCCCCCCCCCC000000000000", Convert.ToHexString(image.AsSpan(32 + (register * 16), 16)));
        }

        image.AsSpan(32, 128).Fill(0xAB);
        X87.Fxrstor(ref f, image);
        for (int register = 0; register < 8; register++)
        {
            Assert.Equal(new F80(0xABAB_ABAB_ABAB_ABAB, 0xABAB), X87.St(ref f, register));
        }

        X87.Fxsave(ref f, image);
        Assert.Equal("ABABABABABABABABABAB000000000000", Convert.ToHexString(image.AsSpan(32, 16)));
    }
}
