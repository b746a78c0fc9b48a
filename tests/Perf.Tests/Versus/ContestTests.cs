using Lguest.Jit.Perf.Versus;

namespace Lguest.Jit.Perf.Tests.Versus;

/// <summary>Who runs what, how often, and what is made of it.</summary>
public sealed class ContestTests
{
    private const string Quick = "echo run; echo 00c0ffee; echo run; sleep 0.1; echo 00c0ffee; sleep 0.1; exit 7";

    [Fact]
    public void The_translators_do_the_same_work_as_often_as_asked()
    {
        var jit = new ScriptContender(Quick, ContenderNames.Jit);
        var qemu = new ScriptContender(Quick, ContenderNames.Qemu);
        ProgramResult result = Run(5, jit, qemu);
        Assert.Equal([5, 5], result.Scores.Select(static s => s.Samples.Count));
        Assert.Equal(5, jit.Asked.Count);
        Assert.Single(jit.Asked.Distinct());
        Assert.Equal(jit.Asked, qemu.Asked.TakeLast(5));
        double[] medians = [.. result.Scores.Select(static s => Statistics.Median([.. s.Samples.Select(static sample => sample.Warm)]))];
        Assert.All(medians, static seconds => Assert.True(seconds > 0));
        Assert.Equal(medians[1] / medians[0], result.Ratio(ContenderNames.Jit, ContenderNames.Qemu)!.Value, 1e-9);
    }

    [Fact]
    public void Who_fails_has_no_score_and_spoils_nobody_elses()
    {
        ProgramResult result = Run(
            5, new ScriptContender("echo run; echo 00000bad; echo run; echo 00000bad; exit 7", ContenderNames.Jit), new ScriptContender(Quick, ContenderNames.Qemu));
        Assert.Contains("WRONG", result.Scores[0].Failure, StringComparison.Ordinal);
        Assert.Null(result.Ratio(ContenderNames.Jit, ContenderNames.Qemu));
        Assert.Null(result.Scores[1].Failure);
        Assert.Equal(5, result.Scores[1].Samples.Count);
    }

    private static ProgramResult Run(int processes, params Contender[] contenders) =>
        new Contest(contenders, processes, seconds: 0.1, TimeSpan.FromSeconds(60)).Run(new TrivialProgram(), CancellationToken.None);
}
