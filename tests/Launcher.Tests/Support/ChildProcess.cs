using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Lguest.Jit.Launcher.Tests.Support;

/// <summary>
/// Starts processes that hear the signals of a terminal. What a process ignores its children ignore, and so do ours, as is right
/// (<c>nohup</c> sees to it for SIGHUP, a shell's <c>&amp;</c> for SIGINT and SIGQUIT): but these tests may themselves run under either.
/// </summary>
internal static partial class ChildProcess
{
    private const nint Default = 0;
    private const nint Ignore = 1;

    /// <summary>SIGHUP, SIGINT, SIGQUIT: the same numbers everywhere.</summary>
    private static readonly int[] s_signals = [1, 2, 3];

    /// <summary>What is ignored is the whole process's: one at a time.</summary>
    private static readonly Lock s_gate = new();

    /// <summary>Starts one that ignores nothing from the first.</summary>
    public static Process Start(ProcessStartInfo start)
    {
        lock (s_gate)
        {
            // Asked first: setting it would lose a handler of the runtime's.
            ulong mask = Ignored();
            int[] ignored = [.. s_signals.Where(signal => (mask & (1UL << (signal - 1))) != 0)];
            Array.ForEach(ignored, static signal => SetHandler(signal, Default));
            try
            {
                return Process.Start(start)!;
            }
            finally
            {
                Array.ForEach(ignored, static signal => SetHandler(signal, Ignore));
            }
        }
    }

    /// <summary>Starts the program, with its input and output in our hands.</summary>
    public static Process Launcher(params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "lguest-jit.dll"));
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return Start(start);
    }

    /// <summary>A bit for each, 0 for signal 1; elsewhere than on Linux nobody tells.</summary>
    private static ulong Ignored()
    {
        const string Name = "SigIgn:";
        string? line = OperatingSystem.IsLinux()
            ? File.ReadLines("/proc/self/status").FirstOrDefault(static line => line.StartsWith(Name, StringComparison.Ordinal))
            : null;
        return line == null ? 0 : Convert.ToUInt64(line[Name.Length..].Trim(), 16);
    }

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetHandler(int signal, nint handler);
}
