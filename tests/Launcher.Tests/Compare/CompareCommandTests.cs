using System.Text.Json;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Tests.Support;
using Lguest.Jit.Launcher.Tour;

namespace Lguest.Jit.Launcher.Tests.Compare;

/// <summary>compare, run --deterministic and --record as they are typed.</summary>
public sealed class CompareCommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("lguest-jit-test").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void The_tour_is_equal_on_both_engines_and_says_so_in_JSON()
    {
        Launch compared = Run(TourGuest.Load, "compare", "--json", "--jit-threshold", "20", "--memory", "16M");
        Assert.Equal(0, compared.ExitCode);
        using JsonDocument json = JsonDocument.Parse(compared.Output);
        Assert.Equal(1, json.RootElement.GetProperty("schema").GetInt32());
        Assert.Equal("equal", json.RootElement.GetProperty("result").GetString());
        Assert.Equal("PoweredOff", json.RootElement.GetProperty("end").GetProperty("kind").GetString());
        string hash = json.RootElement.GetProperty("hash").GetString()!;

        Launch run = Run(TourGuest.Load, "run", "--deterministic", "--memory", "16M");
        Assert.Contains($"hash {hash}", run.Error, StringComparison.Ordinal);
        Assert.EndsWith(" steps\n", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Console_output_is_passed_on_once_when_both_have_printed_it()
    {
        Launch compared = Run(TourGuest.Load, "compare", "--memory", "16M");
        Assert.Equal(Run(TourGuest.Load, "run", "--deterministic", "--memory", "16M").Output, compared.Output);
    }

    [Fact]
    public void A_limit_is_the_end_of_a_comparison_and_no_difference()
    {
        Launch compared = Run(new TinyGuest().LoopForEver().Load, "compare", "--max-instructions", "250000", "--every", "1000", "--memory", "4M");
        Assert.Equal(0, compared.ExitCode);
        Assert.Contains("250,000 instructions at 250 checkpoints", compared.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stopped_comparison_leaves_a_report_that_is_valid()
    {
        string report = Path.Combine(_directory, "report");
        Launch compared = Run(new TinyGuest().LoopForEver().Load, "compare", "--timeout", "500ms", "--memory", "4M", "--report", report);
        Assert.Equal(4, compared.ExitCode);
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Path.Combine(report, "report.json")));
        Assert.Equal("interrupted", json.RootElement.GetProperty("result").GetString());
        Assert.Equal(JsonValueKind.Null, json.RootElement.GetProperty("difference").ValueKind);
        Assert.Contains("time limit", File.ReadAllText(Path.Combine(report, "report.txt")), StringComparison.Ordinal);
    }

    [Fact]
    public void Restarts_are_followed()
    {
        Launch compared = Run(new TinyGuest().Initialise().Print("x").Shutdown("", 2).Load, "compare", "--max-instructions", "100", "--memory", "4M");
        Assert.Equal(0, compared.ExitCode);
        Assert.Contains("Guest restarts", compared.Error, StringComparison.Ordinal);
        Assert.StartsWith("xxx", compared.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_recorded_run_is_equal_on_the_other_engine_and_different_for_another_Guest()
    {
        string file = Path.Combine(_directory, "run.rec");
        string report = Path.Combine(_directory, "report");
        LoopGuest guest = new(rounds: 500);
        string[] memory = ["--memory", "4M"];
        Assert.Equal(0, Run(guest.Load, ["run", "--deterministic", "--engine", "interpreter", "--record", file, "--every", "1000", .. memory]).ExitCode);
        foreach (string engine in new[] { "interpreter", "jit" })
        {
            Launch same = Run(guest.Load, ["compare", "--against", file, "--engine", engine, .. memory]);
            Assert.True(same.ExitCode == 0, same.Error);
            Assert.Contains("recorded (interpreter)", same.Error, StringComparison.Ordinal);
        }

        // One byte of its memory is another one.
        LoadedKernel Other(GuestRam ram)
        {
            LoadedKernel kernel = guest.Load(ram);
            Assert.True(ram.TryWrite(LoopGuest.Variables + 0x404, [1]));
            return kernel;
        }

        Launch different = Run(Other, ["compare", "--against", file, "--report", report, .. memory]);
        Assert.Equal(5, different.ExitCode);
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Path.Combine(report, "report.json")));
        Assert.Equal("memory", Assert.Single(json.RootElement.GetProperty("difference").GetProperty("parts").EnumerateArray()).GetString());
        Run(guest.Load, ["compare", "--against", file, "--rate", "500MHz", .. memory]).ShouldRefuse("another rate was recorded");
        Run(guest.Load, ["compare", "--against", file, "--every", "5", .. memory]).ShouldRefuse("a checkpoint every 1000");
    }

    [Fact]
    public void A_recording_that_was_cut_off_is_good_up_to_there()
    {
        string file = Path.Combine(_directory, "run.rec");
        LoopGuest guest = new();
        Assert.Equal(0, Run(guest.Load, "run", "--deterministic", "--record", file, "--every", "100", "--memory", "4M").ExitCode);
        byte[] whole = File.ReadAllBytes(file);
        File.WriteAllBytes(file, whole[..(whole.Length * 2 / 3)]);
        Launch same = Run(guest.Load, "compare", "--against", file, "--memory", "4M");
        Assert.True(same.ExitCode == 0, same.Error);
    }

    [Theory]
    [InlineData("run", "--rate", "500MHz", "--rate needs --deterministic")]
    [InlineData("run", "--input", "x", "--input needs --deterministic")]
    [InlineData("run", "--every", "5", "--every needs --record")]
    [InlineData("compare", "--rate", "fast", "not a frequency")]
    [InlineData("compare", "--every", "0", "not a number of instructions")]
    [InlineData("compare", "--against", "/no/such/file", "/no/such/file")]
    [InlineData("compare", "--input", "/no/such/file", "/no/such/file")]
    public void What_makes_no_sense_is_refused_in_one_line(string command, string option, string value, string words) =>
        Run(new TinyGuest().PowerOff().Load, command, option, value, "--memory", "4M").ShouldRefuse(words);

    [Fact]
    public void A_file_that_is_no_recording_is_refused()
    {
        string file = Path.Combine(_directory, "text");
        File.WriteAllText(file, "lguest-jit recording\nnot JSON\n");
        Run(new TinyGuest().PowerOff().Load, "compare", "--against", file, "--memory", "4M").ShouldRefuse("recording");
    }

    private static Launch Run(Func<GuestRam, LoadedKernel> guest, params string[] arguments) => Launch.With(arguments, null, guest);
}
