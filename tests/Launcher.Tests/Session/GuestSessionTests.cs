using System.Diagnostics;
using Lguest.Jit.Launcher.Tests.Support;

namespace Lguest.Jit.Launcher.Tests.Session;

/// <summary>Whole runs of small Guests: what they print, how they end, and what the exit code says (design §12.11, §12.12).</summary>
public class GuestSessionTests
{
    [Fact]
    public void A_power_off_is_exit_code_0_and_stdout_has_the_Guests_bytes_alone()
    {
        Launch run = Run(new TinyGuest().Initialise().Print("hello\n").PowerOff());
        Assert.Equal((0, "hello\n"), (run.ExitCode, run.Output));
        Assert.Equal(["Guest powered off"], run.ErrorLines);
    }

    [Theory]
    [InlineData(0, 0, "Guest powered off")]
    [InlineData(3, 67, "Guest powered off with status 3")]
    [InlineData(131, 67, "Guest powered off with status 131")]
    public void A_Guest_may_choose_the_exit_code_of_its_power_off(uint status, int exitCode, string line)
    {
        Launch run = Run(new TinyGuest().Initialise().Out(0xF4, status).PowerOff());
        Assert.Equal(exitCode, run.ExitCode);
        Assert.Equal([line], run.ErrorLines);
    }

    [Fact]
    public void Any_other_shutdown_is_a_crash_with_exit_code_3_and_a_report()
    {
        Launch run = Run(new TinyGuest().Initialise().Out(0xF4, 0).Shutdown("Attempted to kill init!"));
        Assert.Equal(3, run.ExitCode);
        Assert.StartsWith("Guest killed: CRASH: Attempted to kill init!", run.Error, StringComparison.Ordinal);
        Assert.Contains("int $0x1f", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_shutdown_string_cannot_play_tricks_on_the_terminal()
    {
        Launch run = Run(new TinyGuest().Initialise().Shutdown("\u001b[2Jgone\n"));
        Assert.StartsWith("Guest killed: CRASH: ", run.Error, StringComparison.Ordinal);
        Assert.Contains("[2Jgone", run.ErrorLines[0], StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', run.Error);
    }

    [Fact]
    public void A_restart_boots_the_same_image_again()
    {
        // The limit ends what would go on for ever; it counts over all lives.
        Launch run = Run(new TinyGuest().Initialise().Print("boot ").Shutdown("again", 2), "--max-instructions", "100");
        Assert.Equal(4, run.ExitCode);
        Assert.StartsWith("boot boot boot ", run.Output, StringComparison.Ordinal);
        Assert.Equal("Guest restarts", run.ErrorLines[0]);
        Assert.Equal("lguest-jit: instruction limit of 100 reached", run.ErrorLines[^1]);
    }

    [Fact]
    public void With_no_reboot_a_restart_is_the_end()
    {
        Launch run = Run(new TinyGuest().Initialise().Print("boot").Shutdown("again", 2), "--no-reboot");
        Assert.Equal((0, "boot"), (run.ExitCode, run.Output));
        Assert.Single(run.ErrorLines);
    }

    [Fact]
    public void A_Guest_that_does_nothing_ends_at_the_instruction_limit()
    {
        Launch run = Run(new TinyGuest().LoopForEver(), "--max-instructions", "1000000");
        Assert.Equal(4, run.ExitCode);
        Assert.Equal(["lguest-jit: instruction limit of 1000000 reached"], run.ErrorLines);
    }

    [Fact]
    public void A_Guest_that_does_nothing_ends_at_the_time_limit()
    {
        var watch = Stopwatch.StartNew();
        Launch run = Run(new TinyGuest().LoopForEver(), "--timeout", "200ms");
        Assert.Equal(4, run.ExitCode);
        Assert.Equal(["lguest-jit: time limit of 0.2 s reached"], run.ErrorLines);
        Assert.True(watch.ElapsedMilliseconds >= 150);
    }

    [Fact]
    public void A_Guest_that_sleeps_for_ever_ends_at_the_time_limit() =>
        Assert.Equal(4, Run(new TinyGuest().Initialise().Hypercall(10, 0, 0, 0), "--timeout", "200ms").ExitCode);

    [Fact]
    public void A_blocked_stdout_does_not_stop_the_time_limit()
    {
        using var blocked = new BlockedStream();
        var watch = Stopwatch.StartNew();
        Launch run = Launch.With(["run", "--timeout", "300ms"], null, new TinyGuest().PrintForEver('x').Load, blocked);
        Assert.Equal(4, run.ExitCode);
        Assert.Contains("lguest-jit: time limit of 0.3 s reached", run.Error, StringComparison.Ordinal);
        Assert.True(watch.ElapsedMilliseconds >= 250);
    }

    [Fact]
    public void A_time_limit_also_ends_a_finished_Guest_whose_output_nobody_takes()
    {
        // On a slow Host the limit may come before the Guest has printed anything, and there is nothing to be lost.
        Assert.Contains(new[] { "300ms", "3s", "30s" }, static limit =>
        {
            using var blocked = new BlockedStream();
            Launch run = Launch.With(["run", "--timeout", limit], null, new TinyGuest().Initialise().Print("lost").PowerOff().Load, blocked);
            Assert.Equal(4, run.ExitCode);
            return run.Error.Contains("did not take all", StringComparison.Ordinal);
        });
    }

    [Fact]
    public void A_full_disk_under_stdout_is_a_Host_failure()
    {
        using var full = new FailingStream();
        Launch run = Launch.With(["run", "--timeout", "600s"], null, new TinyGuest().PrintForEver('x').Load, full);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("lguest-jit: cannot write Guest output: No space left on device", run.ErrorLines);
    }

    [Fact]
    public void The_end_of_stdin_is_not_the_end_of_the_Guest()
    {
        using var input = new MemoryStream();
        Launch run = Launch.With(["run"], input, new TinyGuest().Initialise().Print("alive").PowerOff().Load);
        Assert.Equal((0, "alive"), (run.ExitCode, run.Output));
    }

    [Fact]
    public void A_kernel_without_lguest_is_named_as_such()
    {
        var guest = new TinyGuest();
        guest.Assembler.ud2();
        Launch run = Run(guest);
        Assert.Equal(3, run.ExitCode);
        Assert.Contains("no lguest support", run.ErrorLines[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_file_runs_like_the_embedded_one()
    {
        // mov eax, imm; mov dx, 0x3F8; out; hlt: prints and dies, before INIT, of trap 13.
        byte[] code = [0xB8, (byte)'!', 0, 0, 0, 0x66, 0xBA, 0xF8, 0x03, 0xEE, 0xF4];
        byte[] image = new ElfBuilder().Segment(0x100000, code).Symbol("_start", 0xC0100000).Build();
        using var file = new TemporaryFile(image);
        Launch run = Launch.With("run", "--kernel", file.Path);
        Assert.Equal((3, "!"), (run.ExitCode, run.Output));
        Assert.StartsWith("Guest killed: unhandled trap 13 at 0x10000a (0)", run.Error, StringComparison.Ordinal);
        Assert.Contains("eip 0010000a ((pa) _start+0xa)", run.Error, StringComparison.Ordinal);
        Assert.Contains("=> 0010000a: f4", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Statistics_come_on_request()
    {
        Launch run = Run(new TinyGuest().Initialise().Print("x").PowerOff(), "--stats");
        Assert.Equal("x", run.Output);
        Assert.Equal("Guest powered off", run.ErrorLines[0]);
        Assert.Matches(@"instructions +13\b", run.Error);
        Assert.Matches(@"port accesses +1\b", run.Error);
        Assert.Matches(@"1 LGUEST_INIT +1\b", run.Error);
        Assert.Matches(@"2 SHUTDOWN +1\b", run.Error);
        Assert.Matches(@"speed +[0-9.]+ MIPS", run.Error);
    }

    [Fact]
    public void An_exception_of_our_own_is_one_line_and_exit_code_1()
    {
        Launch run = Launch.With(["run"], null, static _ => throw new InvalidOperationException("two\nlines"));
        Assert.Equal(1, run.ExitCode);
        string line = Assert.Single(run.ErrorLines);
        Assert.StartsWith("lguest-jit: Host failure: InvalidOperationException: two lines", line, StringComparison.Ordinal);
    }

    private static Launch Run(TinyGuest guest, params string[] options) => Launch.With(["run", .. options], null, guest.Load);
}
