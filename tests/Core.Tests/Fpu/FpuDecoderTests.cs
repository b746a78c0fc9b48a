using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Core.Tests.Fpu;

/// <summary>Which of the 8 × 256 encodings are instructions, and what an interpreter is told about their memory.</summary>
public class FpuDecoderTests
{
    /// <summary>All that raised SIGILL when every encoding was tried on real silicon; ranges are inclusive.</summary>
    private static readonly (int Escape, int From, int To)[] UndefinedRegisterForms =
    [
        (0xD9, 0xD1, 0xD7), (0xD9, 0xE2, 0xE3), (0xD9, 0xE6, 0xE7), (0xD9, 0xEF, 0xEF),
        (0xDA, 0xE0, 0xE8), (0xDA, 0xEA, 0xFF),
        (0xDB, 0xE5, 0xE7), (0xDB, 0xF8, 0xFF),
        (0xDD, 0xF0, 0xFF),
        (0xDE, 0xD8, 0xD8), (0xDE, 0xDA, 0xDF),
        (0xDF, 0xE1, 0xE7), (0xDF, 0xF8, 0xFF),
    ];

    private static readonly (int Escape, int Number)[] UndefinedMemoryForms = [(0xD9, 1), (0xDB, 4), (0xDB, 6), (0xDD, 5)];

    [Fact]
    public void Exactly_the_encodings_that_silicon_refuses_are_invalid()
    {
        for (int escape = 0xD8; escape <= 0xDF; escape++)
        {
            for (int modrm = 0; modrm < 256; modrm++)
            {
                bool undefined = modrm < 0xC0
                    ? UndefinedMemoryForms.Contains((escape, modrm >> 3 & 7))
                    : UndefinedRegisterForms.Any(r => r.Escape == escape && modrm >= r.From && modrm <= r.To);
                X87Operation op = X87Decoder.Classify((byte)escape, (byte)modrm);
                Assert.True(op.IsValid != undefined, $"{escape:X2} {modrm:X2}");
            }
        }
    }

    [Fact]
    public void Memory_forms_have_a_width_and_a_direction_and_register_forms_have_none()
    {
        for (int escape = 0xD8; escape <= 0xDF; escape++)
        {
            for (int modrm = 0; modrm < 256; modrm++)
            {
                X87Operation op = X87Decoder.Classify((byte)escape, (byte)modrm);
                if (!op.IsValid)
                    continue;
                Assert.Equal(modrm < 0xC0, op.Width != 0);
                Assert.Equal(modrm < 0xC0, op.IsLoad || op.IsStore);
                Assert.False(op.IsLoad && op.IsStore);
                Assert.Equal((escape & 7) << 8 | modrm, op.Opcode);
            }
        }
    }

    [Theory]
    [InlineData(0xD9, 0x20, 28, 14)] // fldenv
    [InlineData(0xD9, 0x30, 28, 14)] // fnstenv
    [InlineData(0xDD, 0x20, 108, 94)] // frstor
    [InlineData(0xDD, 0x30, 108, 94)] // fnsave
    [InlineData(0xDB, 0x28, 10, 10)] // fld m80
    [InlineData(0xDF, 0x28, 8, 8)] // fild m64
    public void Operand_size_changes_images_only(byte escape, byte modrm, int wide, int narrow)
    {
        Assert.Equal(wide, X87Decoder.Classify(escape, modrm).Width);
        Assert.Equal(narrow, X87Decoder.Classify(escape, modrm, operandSize16: true).Width);
    }

    [Theory]
    [InlineData(0xDB, 0xE3)] // fninit
    [InlineData(0xDB, 0xE2)] // fnclex
    [InlineData(0xDF, 0xE0)] // fnstsw ax
    [InlineData(0xDD, 0x38)] // fnstsw m16
    [InlineData(0xD9, 0x38)] // fnstcw
    [InlineData(0xD9, 0x30)] // fnstenv
    [InlineData(0xDD, 0x30)] // fnsave
    public void The_no_wait_instructions_do_not_wait(byte escape, byte modrm)
    {
        X87Operation op = X87Decoder.Classify(escape, modrm);
        Assert.False(op.Waits);
        Assert.False(op.RecordsPointers);
    }

    [Fact]
    public void Pointers_follow_the_last_non_control_instruction()
    {
        FpuState f = FpuUnderTest.With();
        X87.RecordPointers(ref f, X87Decoder.Classify(0xDD, 0x05), 0x73, 0x1234, 0x7B, 0x5678);
        X87.RecordPointers(ref f, X87Decoder.Classify(0xDF, 0xE0), 0x73, 0x9999, 0x7B, 0x9999);
        Assert.Equal((0x505, 0x1234u, 0x5678u), (f.LastOpcode, f.InstructionOffset, f.DataOffset));
        X87.RecordPointers(ref f, X87Decoder.Classify(0xD8, 0xC1), 0x73, 0x1240, 0, 0);
        Assert.Equal((0x0C1, 0x1240u, 0x5678u), (f.LastOpcode, f.InstructionOffset, f.DataOffset));
    }
}
