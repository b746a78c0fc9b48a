using System.Diagnostics;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Tests.Support;

namespace Lguest.Jit.Launcher.Tests.Session;

/// <summary>The program as a process of its own: what only the operating system can do to it.</summary>
public class ProcessTests
{
    [Theory]
    [InlineData("INT", 130, "lguest-jit: interrupted")]
    [InlineData("TERM", 143, "lguest-jit: terminated")]
    public void A_signal_ends_the_Guest_in_good_order(string signal, int exitCode, string line)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var kernel = new TemporaryFile(new TinyGuest().Print("!").LoopForEver().ToElf());
        using Process process = ChildProcess.Launcher("run", "--kernel", kernel.Path);
        Assert.Equal('!', process.StandardOutput.Read());
        Kill(process, signal);
        Assert.True(process.WaitForExit(Patience.Limit));
        Assert.Equal((exitCode, line), (process.ExitCode, process.StandardError.ReadToEnd().Trim()));
    }

    [Fact]
    public void A_signal_gets_through_although_nobody_reads_stdout()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var kernel = new TemporaryFile(new TinyGuest().PrintForEver('x').ToElf());
        using Process process = ChildProcess.Launcher("run", "--kernel", kernel.Path);
        Assert.Equal('x', process.StandardOutput.Read());
        Thread.Sleep(500);
        Kill(process, "TERM");
        Assert.True(process.WaitForExit(Patience.Limit));
        Assert.Equal(143, process.ExitCode);
    }

    [Fact]
    public void Without_a_kernel_the_tour_runs_to_its_end()
    {
        using Process process = ChildProcess.Launcher("run");
        string output = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(Patience.Limit));
        Assert.Equal("Guest powered off", process.StandardError.ReadToEnd().Trim());
        Assert.Equal(0, process.ExitCode);
        Assert.StartsWith("ok  1 ", output, StringComparison.Ordinal);
    }

    private static void Kill(Process process, string signal)
    {
        using Process shell = Process.Start("sh", ["-c", $"kill -{signal} {process.Id}"]);
        Assert.True(shell.WaitForExit(Patience.Limit));
    }
}
