using System.Runtime.InteropServices;

namespace Lguest.Jit.Launcher.Tests.Support;

/// <summary>What this process does about SIGHUP, which the processes that it starts inherit if that is nothing.</summary>
internal sealed partial class HangUps : IDisposable
{
    private const int Signal = 1;
    private const nint Default = 0;
    private const nint Ignore = 1;

    private HangUps()
    {
    }

    /// <summary>Until it is disposed hang-ups are not ignored. Null: they were not before.</summary>
    public static HangUps? AsByDefault()
    {
        // Asked first: setting it would lose a handler of the runtime's.
        string? ignored = File.ReadLines("/proc/self/status").FirstOrDefault(static line => line.StartsWith("SigIgn:", StringComparison.Ordinal));
        if (ignored == null || (Convert.ToUInt64(ignored["SigIgn:".Length..].Trim(), 16) & (1UL << (Signal - 1))) == 0)
        {
            return null;
        }

        _ = SetHandler(Signal, Default);
        return new HangUps();
    }

    public void Dispose() => _ = SetHandler(Signal, Ignore);

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetHandler(int signal, nint handler);
}
