using System.Text.Json;
using Lguest.Jit.Perf.Versus;

namespace Lguest.Jit.Perf.Tests.Versus;

/// <summary>From samples to figures.</summary>
public sealed class ResultTests
{
    // 100 iterations of 1000 instructions in 2 s, 10 iterations in 1 s, 100 iterations in 6 s.
    private static readonly ProgramResult s_first = new(
        "first",
        [
            Score(ContenderNames.Jit, 100, 100_000, 1.0, 2.0, 9.0),
            Score(ContenderNames.Interpreter, 10, 10_000, 1.0, 1.0, 1.0),
            Score(ContenderNames.Qemu, 100, null, 5.0, 6.0, 6.5),
        ]);

    private static readonly ProgramResult s_second = new(
        "second", [Score(ContenderNames.Jit, 1, 10, 1.0, 1.0, 1.0), Score(ContenderNames.Qemu, 1, null, 12.0, 12.0, 12.0)]);

    [Theory]
    [InlineData(2.0, 3.0, 1.0, 2.0)]
    [InlineData(2.5, 3.0, 1.0, 2.0, 4.0)]
    public void The_median_is_in_the_middle(double expected, params double[] values) => Assert.Equal(expected, Statistics.Median(values));

    [Fact]
    public void The_geometric_mean_of_2_and_8_is_4() => Assert.Equal(4, Statistics.GeometricMean([2, 8])!.Value, 1e-12);

    [Fact]
    public void The_geometric_mean_of_nothing_is_nothing() => Assert.Null(Statistics.GeometricMean([]));

    [Fact]
    public void Ratios_are_of_the_time_of_one_iteration()
    {
        Assert.Equal(3, s_first.Ratio(ContenderNames.Jit, ContenderNames.Qemu)!.Value, 1e-12);
        Assert.Equal(5, s_first.Ratio(ContenderNames.Jit, ContenderNames.Interpreter)!.Value, 1e-12);
        Assert.Null(s_second.Ratio(ContenderNames.Jit, ContenderNames.Interpreter));
    }

    [Fact]
    public void A_ratio_by_processor_time_needs_the_processor_time_of_most_samples()
    {
        Assert.Equal(3, RatioWithout(0)!.Value, 1e-12);
        Assert.Equal(6.0 / ((1 + 9) / 2.0), RatioWithout(1)!.Value, 1e-12);
        Assert.Null(RatioWithout(2));

        static double? RatioWithout(int unknown)
        {
            Score jit = s_first.Scores[0];
            var samples = jit.Samples.OrderBy(static s => s.Warm == 2 ? 0 : 1).Select((s, i) => s with { Processor = i < unknown ? null : s.Processor });
            return (s_first with { Scores = [jit with { Samples = [.. samples] }, .. s_first.Scores.Skip(1)] }).ProcessorRatio(ContenderNames.Jit, ContenderNames.Qemu);
        }
    }

    [Fact]
    public void Instructions_are_the_same_to_who_does_not_count_them()
    {
        Assert.Equal(100_000 / 2.0 / 1e6, s_first.Mips(ContenderNames.Jit)!.Value, 1e-12);
        Assert.Equal(100_000 / 6.0 / 1e6, s_first.Mips(ContenderNames.Qemu)!.Value, 1e-12);
    }

    [Fact]
    public void The_file_has_its_schema_its_means_and_every_sample()
    {
        string path = Path.GetTempFileName();
        try
        {
            var facts = new ContestFacts(DateTimeOffset.UnixEpoch, new HostFacts("a processor", 2, "a system", "a runtime"), "a qemu", 3, 1, null);
            ResultFile.Write(path, facts, [s_first, s_second]);
            using JsonDocument document = JsonDocument.Parse(File.ReadAllText(path));
            JsonElement root = document.RootElement;
            Assert.Equal(1, root.GetProperty("schema").GetInt32());
            Assert.Equal(6, root.GetProperty("geometricMeans").GetProperty("jitToQemu").GetDouble(), 1e-12);
            Assert.Equal(2, root.GetProperty("programs").GetArrayLength());
            JsonElement jit = root.GetProperty("programs")[0].GetProperty("contenders")[0];
            Assert.Equal([1.0, 2.0, 9.0], jit.GetProperty("warmSeconds").EnumerateArray().Select(static e => e.GetDouble()));
            Assert.Equal(2, jit.GetProperty("medianSeconds").GetDouble());
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void The_table_has_a_line_for_each_program_and_says_who_failed_and_how()
    {
        var text = new StringWriter();
        var table = new ResultTable(text, [ContenderNames.Jit, ContenderNames.Qemu]);
        table.WriteHead();
        table.WriteLine(s_first);
        table.WriteLine(new ProgramResult("third", [new Score(ContenderNames.Jit, 1, [], "it fell over"), s_first.Scores[2]]));
        table.WriteMeans();
        string[] lines = text.ToString().Split('\n');
        Assert.Matches("^first .* 3\\.00 ", lines[1]);
        Assert.Matches("^third .* - +-$", lines[2]);
        Assert.Equal("  jit: it fell over", lines[3]);
        Assert.Matches("^geom. mean .* 3\\.00 ", lines[4]);
    }

    private static Score Score(string contender, int iterations, long? instructions, params double[] seconds) =>
        new(contender, iterations, [.. seconds.Select(s => new Sample(2 * s, s, s / 2, instructions))], null);
}
