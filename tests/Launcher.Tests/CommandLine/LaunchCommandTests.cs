using Lguest.Jit.Launcher.CommandLine;
using Lguest.Jit.Launcher.Tests.Support;

namespace Lguest.Jit.Launcher.Tests.CommandLine;

public class LaunchCommandTests
{
    [Fact]
    public void Run_alone_means_the_embedded_Guest_with_256_MiB_and_no_limits() =>
        Assert.Equal(new LaunchOptions(), Parse("run"));

    [Fact]
    public void Every_option_arrives() => Assert.Equal(
        new LaunchOptions
        {
            Kernel = "vmlinux",
            Initrd = "initrd.gz",
            Append = "quiet panic=1 @file -x",
            Memory = 64 << 20,
            Engine = EngineKind.Jit,
            SyscallVector = 0x40,
            Traps = TrapPath.Switcher,
            Sysenter = true,
            Timeout = TimeSpan.FromSeconds(30),
            MaxInstructions = 12345678901,
            Stats = true,
            Symbols = "System.map",
            NoReboot = true,
        },
        Parse(
            "run", "--kernel", "vmlinux", "--initrd", "initrd.gz", "--append", "quiet panic=1 @file -x", "--memory", "64M", "--engine", "jit",
            "--syscall-vector", "0x40", "--traps", "switcher", "--sysenter", "--timeout", "30s", "--max-instructions", "12345678901", "--stats", "--symbols", "System.map", "--no-reboot"));

    [Theory]
    [InlineData("@nofile")]
    [InlineData("-single-dash")]
    [InlineData("")]
    [InlineData("a=\"quoted\" b='x'")]
    public void A_kernel_command_line_may_look_like_anything(string append) =>
        Assert.Equal(append, Parse("run", "--kernel", "k", "--append", append).Append);

    [Fact]
    public void Soft_floating_point_is_the_translator_without_thunks() =>
        Assert.Equal((true, true, false), (Thunks("run"), Thunks("run", "--fp", "native"), Thunks("run", "--fp", "soft", "--opt", "+x87-thunks")));

    [Fact]
    public void Values_may_be_joined_with_an_equals_sign() =>
        Assert.Equal(("a=b", 64u << 20), (Parse("run", "--kernel=k", "--append=a=b").Append, Parse("run", "--memory=64M").Memory));

    [Theory]
    [InlineData("Required command was not provided.")]
    [InlineData("'fly'", "fly")]
    [InlineData("'--bogus'", "run", "--bogus")]
    [InlineData("'extra'", "run", "extra")]
    [InlineData("--memory", "run", "--memory")]
    [InlineData("--fp hard: there are native and soft", "run", "--fp", "hard")]
    [InlineData("--traps sideways: there are direct and switcher", "run", "--traps", "sideways")]
    [InlineData("--memory 12Q: not a size", "run", "--memory", "12Q")]
    [InlineData("--memory 1M: a Guest needs at least 2 MiB", "run", "--memory", "1M")]
    [InlineData("--memory 4G: a Guest has at most 3072 MiB", "run", "--memory", "4G")]
    [InlineData("--memory 4097K: not a multiple of 4 KiB", "run", "--memory", "4097K")]
    [InlineData("--engine qemu", "run", "--engine", "qemu")]
    [InlineData("--net wire: there are none, passt", "run", "--net", "wire")]
    [InlineData("deterministic time has none", "run", "--deterministic", "--net", "passt")]
    [InlineData("deterministic time has none", "compare", "--net", "tap:tap0")]
    [InlineData("--net passt:/nowhere/at/all: ", "run", "--net", "passt:/nowhere/at/all")]
    [InlineData("--syscall-vector 31", "run", "--syscall-vector", "31")]
    [InlineData("--syscall-vector 256", "run", "--syscall-vector", "256")]
    [InlineData("--syscall-vector x", "run", "--syscall-vector", "x")]
    [InlineData("--timeout soon", "run", "--timeout", "soon")]
    [InlineData("--timeout 0", "run", "--timeout", "0")]
    [InlineData("--max-instructions 0", "run", "--max-instructions", "0")]
    [InlineData("--max-instructions many", "run", "--max-instructions", "many")]
    [InlineData("--max-instructions 9223372036854775808", "run", "--max-instructions", "9223372036854775808")]
    [InlineData("--initrd needs a --kernel", "run", "--initrd", "x")]
    [InlineData("--append needs a --kernel", "run", "--append", "x")]
    [InlineData("'--memory'", "run", "--memory", "64M", "--memory", "128M")]
    public void Nonsense_gets_one_line_and_exit_code_2(string words, params string[] arguments) => Launch.With(arguments).ShouldRefuse(words);

    [Fact]
    public void What_was_typed_is_quoted_in_one_line() => Launch.With("run", "--memory", "1\n2\u001b[2J").ShouldRefuse("--memory 1 2 [2J: not a size");

    [Fact]
    public void Help_goes_to_stdout_with_exit_code_0()
    {
        Launch help = Launch.With("run", "--help");
        Assert.Equal((0, ""), (help.ExitCode, help.Error));
        foreach (string option in new[] { "--kernel", "--initrd", "--append", "--memory", "--engine", "--syscall-vector", "--timeout", "--max-instructions", "--stats", "--symbols", "--no-reboot" })
        {
            Assert.Contains(option, help.Output, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(null, 0)]
    [InlineData((byte)0, 0)]
    [InlineData((byte)1, 65)]
    [InlineData((byte)63, 127)]
    [InlineData((byte)64, 64)]
    [InlineData((byte)255, 127)]
    public void The_exit_code_of_a_power_off_is_the_Guests_to_choose(byte? status, int exitCode) => Assert.Equal(exitCode, ExitCodes.PowerOff(status));

    [Theory]
    [InlineData("10.0.11", true)]
    [InlineData("9.0.99", true)]
    [InlineData("10.0.12", false)]
    [InlineData("10.1.0", false)]
    [InlineData("11.0.0", false)]
    public void An_old_runtime_gets_a_one_line_warning_that_names_the_bug(string version, bool warned)
    {
        string? warning = RuntimeCheck.Warning(Version.Parse(version));
        Assert.Equal(warned, warning is not null);
        if (warning is not null)
        {
            Assert.Contains("dotnet/runtime#131267", warning, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', warning);
        }
    }

    private static LaunchOptions Parse(params string[] arguments)
    {
        LaunchOptions? parsed = null;
        var command = new LaunchCommand(options =>
        {
            parsed = options;
            return 0;
        }, static _ => 0);
        using var error = new StringWriter();
        Assert.Equal(0, command.Invoke(arguments, TextWriter.Null, error));
        Assert.Equal("", error.ToString());
        return parsed!;
    }

    private static bool Thunks(params string[] arguments) => Parse(arguments).Optimisations.X87Thunks;
}
