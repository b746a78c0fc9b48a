using System.Diagnostics;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Perf.Versus;

namespace Lguest.Jit.Perf.Tests.Versus;

/// <summary>A contender's process is timed by its console, judged by its result, and always ended.</summary>
public sealed class GuestProcessTests
{
    [Fact]
    public void Only_the_time_between_the_two_lines_of_a_round_counts()
    {
        // Who listens may be kept from it at any line, so that what is between two looks longer than it was, or shorter. Not every time.
        Assert.True(Patience.OneOf(20, static () =>
        {
            Sample sample = Run("sleep 1; echo run; echo 00c0ffee; echo run; sleep 0.3; echo 00c0ffee; sleep 1; exit 7");
            Assert.Null(sample.Instructions);
            return sample.Cold is >= 0 and < 0.9 && sample.Warm is > 0.29 and < 0.99;
        }));
    }

    [Fact]
    public void Instructions_of_the_last_round_are_taken_from_the_last_line()
    {
        Sample sample = Run("echo run; echo 00c0ffee; echo run; echo 00c0ffee; echo instructions 12 345; exit 7");
        Assert.Equal(345, sample.Instructions);
    }

    [Theory]
    [InlineData("echo run; echo 00c0ffee; echo run; echo 00c0ffef; exit 7", "WRONG RESULT in round 2")]
    [InlineData("echo run; echo 00c0ffef; echo run; echo 00c0ffee; exit 7", "WRONG RESULT in round 1")]
    [InlineData("echo run; echo 00c0ffee; exit 7", "2 lines")]
    [InlineData("echo run; echo 00c0ffee; echo run; echo 00c0ffee; echo ouch >&2; exit 1", "exit code 1: ouch")]
    public void What_is_not_a_right_result_is_a_failure(string script, string message)
    {
        ContenderException failure = Assert.Throws<ContenderException>(() => Run(script));
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_process_that_does_not_end_is_killed_with_its_children_at_its_limit()
    {
        string marker = $"86{Environment.ProcessId}";
        var watch = Stopwatch.StartNew();
        ContenderException failure = Assert.Throws<ContenderException>(
            () => Run($"echo run; sleep {marker}; exit 7", TimeSpan.FromSeconds(0.5)));
        Assert.Contains("no end within", failure.Message, StringComparison.Ordinal);
        Assert.True(watch.Elapsed < Patience.Limit);
        AssertGone(marker);
    }

    [Fact]
    public void Cancelling_kills_the_process()
    {
        string marker = $"87{Environment.ProcessId}";
        using var cancel = new CancellationTokenSource(TimeSpan.FromSeconds(0.5));
        Assert.Throws<OperationCanceledException>(() => GuestProcess.Run(
            new ScriptContender($"echo run; sleep {marker}; exit 7"), new TrivialProgram(), 1, Patience.Limit, cancel.Token));
        AssertGone(marker);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Our_own_engines_run_a_program_and_count_its_instructions(bool jit)
    {
        GuestProgram program = GuestPrograms.Named("sieve");
        Sample sample = GuestProcess.Run(new OwnContender(jit, "dotnet", typeof(OwnContender).Assembly.Location), program, 1, Patience.Limit, CancellationToken.None);
        Assert.InRange(sample.Instructions!.Value, program.InstructionsPerIteration / 2, program.InstructionsPerIteration * 2);
        Assert.True(sample.Warm > 0);
    }

    private static Sample Run(string script, TimeSpan? limit = null) =>
        GuestProcess.Run(new ScriptContender(script), new TrivialProgram(), 1, limit ?? Patience.Limit, CancellationToken.None);

    /// <summary>The script's child sleeps for a number of seconds that nobody else has. Who has been killed is not gone before it has had a last turn.</summary>
    private static void AssertGone(string marker) => Assert.True(Patience.Until(() => !IsThere(marker)));

    private static bool IsThere(string marker)
    {
        foreach (string directory in Directory.EnumerateDirectories("/proc").Where(static d => char.IsAsciiDigit(d[^1])))
        {
            try
            {
                if (File.ReadAllText(Path.Combine(directory, "cmdline")) == $"sleep\0{marker}\0")
                {
                    return true;
                }
            }
            catch (IOException)
            {
                // Somebody else's process that has just ended: as gone as it gets.
            }
        }

        return false;
    }
}
