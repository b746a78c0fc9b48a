using Lguest.Jit.Core.Tests.Silicon.Forms;
using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon;

/// <summary>The records themselves: complete, small, made from today's inputs, and saying what silicon is known to say.</summary>
public class SiliconDataTests
{
    [Fact]
    public void The_records_are_small()
    {
        Assert.All(SiliconGroups.All, static group => Assert.InRange(SiliconRecords.SizeOf(group.Name), 1, 1 << 20));
        Assert.InRange(SiliconGroups.All.Sum(static group => SiliconRecords.SizeOf(group.Name)), 1, 8 << 20);
    }

    [Fact]
    public void Every_form_is_recorded_and_nothing_else() =>
        Assert.All(SiliconGroups.All, static group =>
            Assert.Equal(group.Forms.Select(static form => form.Name).Order(), SiliconRecords.Load(group.Name).Names.Order()));

    [Fact]
    public void There_are_half_a_million_vectors_over_three_hundred_operand_forms()
    {
        SiliconForm[] forms = [.. SiliconGroups.All.SelectMany(static group => group.Forms)];
        Assert.True(forms.Sum(static form => form.Count) >= 500_000);
        Assert.True(forms.Where(static form => !form.IsSequence).Select(static form => form.OperandForm).Distinct().Count() >= 300);
    }

    [Fact]
    public void The_dice_fall_as_they_fell_when_silicon_was_asked()
    {
        var random = new SiliconRandom(1);
        Assert.Equal(0x910A2DEC89025CC1UL, random.Next64());
        Assert.Equal(0xBEEB8DA1658EEC67UL, random.Next64());
        Assert.Equal(0xCBF29CE484222325UL, SiliconRandom.Hash([]));
        Assert.Equal(0xAF63DC4C8601EC8CUL, SiliconRandom.Hash("a"u8));
    }

    [Fact]
    public void What_is_packed_unpacks()
    {
        SiliconForm form = Form("alu", "ADD r/m32, r32 [mem]");
        SiliconState[] inputs = OutcomePacker.Inputs(form, form.Encodings());
        var random = new SiliconRandom(7);
        var outcomes = new SiliconOutcome[inputs.Length];
        for (int i = 0; i < outcomes.Length; i++)
        {
            outcomes[i] = new SiliconOutcome { Vector = random.Below(20), Error = random.Next(), Stop = random.Below(64) };
            outcomes[i].CopyFrom(inputs[i]);
            outcomes[i].Gpr[random.Below(8)] = random.Next();
            outcomes[i].Eflags = random.Next() & 0x3FFFFF;
            outcomes[i].Window[random.Below(SiliconLayout.WindowSize)] = (byte)random.Next();
        }

        var file = new SiliconFile { Processor = "imagined" };
        file.Add(form, outcomes);
        using var stream = new MemoryStream();
        file.Save(stream);
        stream.Position = 0;
        SiliconFile loaded = SiliconFile.Load(stream);
        SiliconOutcome[] read = loaded.Read(form, inputs);

        Assert.Equal("imagined", loaded.Processor);
        for (int i = 0; i < outcomes.Length; i++)
        {
            Assert.Equal((outcomes[i].Vector, outcomes[i].Error, outcomes[i].Stop, outcomes[i].Eflags), (read[i].Vector, read[i].Error, read[i].Stop, read[i].Eflags));
            Assert.Equal(outcomes[i].Gpr, read[i].Gpr);
            Assert.Equal(outcomes[i].Window, read[i].Window);
        }
    }

    [Fact]
    public void Records_made_from_other_inputs_are_refused()
    {
        SiliconForm recorded = Form("alu", "ADD r/m32, r32 [reg]");
        var set = new FormSet();
        SiliconForm changed = set.Add(recorded.Name, 4, static e => e.Op(0x03).Registers(e.Any(), e.Any()));
        SiliconState[] inputs = OutcomePacker.Inputs(changed, changed.Encodings());
        Assert.Throws<InvalidDataException>(() => SiliconRecords.Load("alu").Read(changed, inputs));
    }

    [Fact]
    public void Silicon_adds_and_multiplies_as_the_rest_of_the_world()
    {
        Check("alu", "ADD r/m32, r32 [reg]", static (form, encoding, input, outcome) =>
        {
            ulong sum = (ulong)input.Gpr[encoding.Rm] + input.Gpr[encoding.Reg];
            Assert.Equal((uint)sum, outcome.Gpr[encoding.Rm]);
            Assert.Equal(sum >> 32 != 0, (outcome.Eflags & Flag.Carry) != 0);
            Assert.Equal((uint)sum == 0, (outcome.Eflags & Flag.Zero) != 0);
        });
        Check("multiply", "MUL r/m16 [mem]", static (form, encoding, input, outcome) =>
            Assert.Equal((input.Gpr[0] & 0xFFFF) * input.Load(encoding.MemoryOffset, 2), (outcome.Gpr[0] & 0xFFFF) | (outcome.Gpr[2] << 16)));
        Check("multiply", "DIV r/m32 [reg]", static (form, encoding, input, outcome) =>
        {
            uint divisor = input.Gpr[encoding.Rm];
            ulong dividend = ((ulong)input.Gpr[2] << 32) | input.Gpr[0];
            bool fits = divisor != 0 && dividend / divisor <= uint.MaxValue;
            Assert.Equal(fits ? 3 : 0, outcome.Vector);
            Assert.Equal(fits ? (uint)(dividend / divisor) : input.Gpr[0], outcome.Gpr[0]);
        });
    }

    [Fact]
    public void Undefined_flags_that_are_compared_after_all_are_as_claimed()
    {
        Check("alu", "AND r/m32, r32 [reg]", static (_, _, _, outcome) => Assert.Equal(0u, outcome.Eflags & Flag.Adjust));
        Check("unary", "TEST r/m8, r8 [mem]", static (_, _, _, outcome) => Assert.Equal(0u, outcome.Eflags & Flag.Adjust));
        Check("bits", "BTC r/m32, r32 [mem]", static (_, _, input, outcome) => Assert.Equal(0u, (input.Eflags ^ outcome.Eflags) & ~Flag.Carry));
        Check("unary", "AAM imm8", static (_, _, _, outcome) =>
            Assert.Equal(0u, outcome.Vector == 3 ? outcome.Eflags & (Flag.Carry | Flag.Overflow | Flag.Adjust) : 0));
    }

    [Fact]
    public void Every_undefined_flag_has_a_reason_and_an_instruction()
    {
        HashSet<string> mnemonics = [.. SiliconGroups.All.SelectMany(static group => group.Forms).Select(static form => form.Mnemonic)];
        Assert.All(UndefinedFlags.Table, rule =>
        {
            Assert.NotEmpty(rule.Reason);
            Assert.Equal(0u, rule.Flags & ~Flag.Status);
            Assert.All(rule.Mnemonics, mnemonic => Assert.Contains(mnemonic, mnemonics));
        });
    }

    [Theory]
    [InlineData("control", "J")]
    [InlineData("control", "LOOP")]
    [InlineData("multiply", "DIV")]
    [InlineData("multiply", "IDIV")]
    [InlineData("system", "BOUND")]
    public void What_can_go_both_ways_goes_both_ways(string group, string mnemonic)
    {
        string[] always = ["JMP"];
        SiliconForm[] forms = [.. SiliconGroups.All.Single(one => one.Name == group).Forms
            .Where(form => form.Mnemonic.StartsWith(mnemonic, StringComparison.Ordinal) && !always.Contains(form.Mnemonic))];
        Assert.NotEmpty(forms);
        Assert.All(forms, form =>
        {
            SiliconEncoding[] encodings = form.Encodings();
            SiliconOutcome[] outcomes = SiliconRecords.Load(group).Read(form, OutcomePacker.Inputs(form, encodings));

            // Straight on is a stopper just behind the instruction; else it jumped, or faulted.
            int straight = outcomes.Where((outcome, i) => outcome.Stop == SiliconLayout.EntryOffset + encodings[form.VariantOf(i)].Length).Count();
            Assert.InRange(straight, outcomes.Length / 50, outcomes.Length * 49 / 50);
        });
    }

    private static SiliconForm Form(string group, string name) =>
        SiliconGroups.All.Single(one => one.Name == group).Forms.Single(form => form.Name == name);

    private static void Check(string group, string name, Action<SiliconForm, SiliconEncoding, SiliconState, SiliconOutcome> check)
    {
        SiliconForm form = Form(group, name);
        SiliconEncoding[] encodings = form.Encodings();
        SiliconState[] inputs = OutcomePacker.Inputs(form, encodings);
        SiliconOutcome[] outcomes = SiliconRecords.Load(group).Read(form, inputs);
        for (int i = 0; i < outcomes.Length; i++)
        {
            check(form, encodings[form.VariantOf(i)], inputs[i], outcomes[i]);
        }
    }
}
