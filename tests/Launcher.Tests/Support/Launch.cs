using System.Text;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Session;

namespace Lguest.Jit.Launcher.Tests.Support;

/// <summary>Runs the whole Launcher inside the test, from arguments to exit code.</summary>
internal sealed record Launch(int ExitCode, string Output, string Error)
{
    /// <summary>Lines on stderr.</summary>
    public string[] ErrorLines => Error.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);

    public static Launch With(params string[] arguments) => With(arguments, input: null);

    public static Launch With(IReadOnlyList<string> arguments, Stream? input, Func<GuestRam, LoadedKernel>? embedded = null, Stream? output = null)
    {
        using var standardOutput = new MemoryStream();
        using var error = new StringWriter();
        var host = new SessionHost
        {
            Output = output ?? standardOutput,
            Input = input is null ? null : () => input,
            Error = TextWriter.Synchronized(error),
        };
        int exitCode = LauncherMain.Run(arguments, host, embedded ?? (static _ => throw new LoadException("no embedded Guest in this test")));
        return new Launch(exitCode, Encoding.Latin1.GetString(standardOutput.ToArray()), error.ToString());
    }

    /// <summary>What every bad input gets: exit code 2, one line on stderr that contains <paramref name="words"/>, nothing on stdout.</summary>
    public void ShouldRefuse(string words)
    {
        Assert.Equal(2, ExitCode);
        string line = Assert.Single(ErrorLines);
        Assert.StartsWith("lguest-jit: ", line, StringComparison.Ordinal);
        Assert.Contains(words, line, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", line, StringComparison.Ordinal);
        Assert.Equal("", Output);
    }
}
