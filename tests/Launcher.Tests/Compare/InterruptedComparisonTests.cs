using System.Diagnostics;
using System.Text.Json;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Compare;
using Lguest.Jit.Launcher.Deterministic;
using Lguest.Jit.Launcher.Tests.Support;
using Lguest.Jit.Launcher.Tests.Tour;
using Lguest.Jit.Launcher.Virtio;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Tests.Compare;

/// <summary>Ctrl-C: what is known until then is said, in a report that is whole.</summary>
public sealed class InterruptedComparisonTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("lguest-jit-test").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("INT", 130, "interrupted")]
    [InlineData("TERM", 143, "terminated")]
    public void A_signal_leaves_a_valid_report_of_what_was_equal_so_far(string signal, int exitCode, string why)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var kernel = new TemporaryFile(new TinyGuest().Print("!").LoopForEver().ToElf());
        using Process process = ChildProcess.Launcher("compare", "--kernel", kernel.Path, "--memory", "4M", "--report", _directory);

        // It is printed when both are known to have printed it: a first leg is through.
        Assert.Equal('!', process.StandardOutput.Read());
        using (Process shell = Process.Start("sh", ["-c", $"kill -{signal} {process.Id}"]))
        {
            Assert.True(shell.WaitForExit(Patience.Limit));
        }

        Assert.True(process.WaitForExit(Patience.Limit));
        string error = process.StandardError.ReadToEnd();
        Assert.True(process.ExitCode == exitCode, error);
        Assert.Contains($"lguest-jit: {why}: equal so far, ", error, StringComparison.Ordinal);
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Path.Combine(_directory, "report.json")));
        JsonElement root = json.RootElement;
        Assert.Equal("interrupted", root.GetProperty("result").GetString());
        Assert.Equal(why, root.GetProperty("stopped").GetString());
        long every = root.GetProperty("every").GetInt64();
        long instructions = root.GetProperty("instructions").GetInt64();
        Assert.True(instructions >= 20_000_000, $"{instructions} instructions");
        Assert.Equal(instructions / every, root.GetProperty("checkpoints").GetInt64());
        Assert.Equal(JsonValueKind.Null, root.GetProperty("difference").ValueKind);
        Assert.Equal(JsonValueKind.Null, root.GetProperty("hash").ValueKind);
        string text = File.ReadAllText(Path.Combine(_directory, "report.txt"));
        Assert.StartsWith("lguest-jit compare: interpreter against jit: INTERRUPTED", text, StringComparison.Ordinal);
        Assert.Contains($"stopped before it was through: {why}", text, StringComparison.Ordinal);
        Assert.Contains("To see it again:", text, StringComparison.Ordinal);
    }

    /// <summary>A difference that has been seen is worth something, even if nobody waited to hear in which block it is.</summary>
    [Fact]
    public unsafe void Stopped_while_it_narrows_down_it_still_has_the_difference()
    {
        const long Every = 5_000;
        GuestPair? pair = null;
        long furthest = 0;
        using var both = new GuestPair(Setup(static machine => new InterpreterEngine(machine)), Setup(machine => new LyingEngine(new InterpreterEngine(machine), (cpu, reason) =>
        {
            if (cpu->Retired < furthest)
            {
                // It has been taken back, to run again.
                pair!.Stop("interrupted");
            }

            furthest = Math.Max(furthest, cpu->Retired);
            if (reason == ExitReason.SoftwareInterrupt && cpu->Retired > 30_000)
            {
                cpu->Gpr[Reg.Edi] ^= 0x100;
            }

            return true;
        })));
        pair = both;
        LockstepResult result = new Lockstep(both, Every, long.MaxValue).Run();
        Assert.True(result.Stopped);
        Difference difference = Assert.IsType<Difference>(result.Difference);
        Assert.False(difference.IsNarrow);
        Assert.Equal(Every, difference.Unlike - difference.Equal);
        Assert.Equal(result.Equal, difference.Equal);
        Assert.InRange(difference.Equal, 30_000 - Every, 60_000);
    }

    private static DeterministicSetup Setup(Func<GuestMachine, IExecutionEngine> engine) => new()
    {
        Memory = LoopGuest.Memory,
        CreateEngine = engine,
        Load = new LoopGuest().Load,
        Options = new GuestOptions { MaxInstructions = 10_000_000, DirectTraps = false },
        Output = new HashingSink(null),
        Input = new ScriptedInput(InputScript.Empty),
        Log = new DeviceLog(TextWriter.Null),
    };
}
