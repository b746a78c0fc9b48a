using System.Collections.Concurrent;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Tests.Silicon.Forms;
using Lguest.Jit.Core.Tests.Silicon.Recording;
using Xunit.Abstractions;

namespace Lguest.Jit.Core.Tests.Silicon;

/// <summary>The interpreter against the processor: every recorded vector, to the last defined bit.</summary>
public class SiliconVectorTests(ITestOutputHelper output)
{
    private const int ReportsShown = 12;

    // Each group is run once, by whichever test comes first.
    private static readonly ConcurrentDictionary<string, Lazy<SiliconResult>> s_results = new();

    public static TheoryData<string> Groups => [.. SiliconGroups.All.Select(static group => group.Name)];

    [Theory]
    [MemberData(nameof(Groups))]
    public void The_interpreter_agrees_with_silicon(string group) => Judge(group, Result(Group(group)));

    [Fact]
    public void Half_a_million_vectors_over_three_hundred_forms_agree_with_silicon()
    {
        SiliconResult total = SiliconGroups.All.Select(Result).Aggregate(static (sum, one) => sum + one);
        output.WriteLine($"{total}, recorded on {SiliconRecords.Load(SiliconGroups.All[0].Name).Processor}");
        Assert.True(total.Vectors >= 500_000, total.ToString());
        Assert.True(total.Forms.Count >= 300, total.ToString());
        Assert.Equal(0, total.Mismatches);
    }

    [Theory]
    [InlineData("strings")]
    [InlineData("pairs")]
    [InlineData("sequences")]
    [InlineData("control")]
    [InlineData("system")]
    public void A_budget_of_one_instruction_at_a_time_changes_no_result(string group) =>
        Judge(group, new SiliconRunner(static machine => new InterpreterEngine(machine), slice: 1).Run(Group(group)));

    [Theory]
    [InlineData("pairs")]
    [InlineData("sequences")]
    [InlineData("control")]
    [InlineData("alu")]
    public void Blocks_of_one_instruction_change_no_result(string group) =>
        Judge(group, new SiliconRunner(static machine => new InterpreterEngine(machine, blockLimit: 1)).Run(Group(group)));

    private static SiliconGroup Group(string name) => SiliconGroups.All.Single(one => one.Name == name);

    private static SiliconResult Result(SiliconGroup group) =>
        s_results.GetOrAdd(group.Name, _ => new Lazy<SiliconResult>(() =>
            new SiliconRunner(static machine => new InterpreterEngine(machine)).Run(group))).Value;

    private void Judge(string group, SiliconResult result)
    {
        output.WriteLine($"{group}: {result}");
        Assert.True(result.Mismatches == 0, $"{group}: {result}\n{string.Join('\n', result.Reports.Take(ReportsShown))}");
    }
}
