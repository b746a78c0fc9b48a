using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.CommandLine;
using Lguest.Jit.Launcher.Compare;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Session;

namespace Lguest.Jit.Launcher;

/// <summary>From arguments to exit code.</summary>
internal static class LauncherMain
{
    /// <param name="arguments">Of the program.</param>
    /// <param name="host">Its input and output.</param>
    /// <param name="embedded">Loads the Guest that comes with the program.</param>
    public static int Run(IReadOnlyList<string> arguments, SessionHost host, Func<GuestRam, LoadedKernel> embedded)
    {
        try
        {
            if (RuntimeCheck.Warning(Environment.Version) is { } warning)
            {
                host.Error.WriteLine(warning);
            }

            Rehearsal.Begin();
            var command = new LaunchCommand(
                options => new GuestSession(options, host, embedded).Run(),
                options => new CompareSession(options, host, embedded, arguments).Run());
            using var help = new StreamWriter(host.Output, leaveOpen: true);
            return command.Invoke(arguments, help, host.Error);
        }
        catch (LoadException e)
        {
            host.Error.WriteLine($"lguest-jit: {LaunchCommand.OneLine(e.Message)}");
            return ExitCodes.Usage;
        }
        catch (Exception e)
        {
            // Our own fault, whatever it is. One line, with the place, is what a bug report needs.
            string place = e.TargetSite is { } site ? $" (in {site.DeclaringType?.Name}.{site.Name})" : "";
            host.Error.WriteLine($"lguest-jit: Host failure: {e.GetType().Name}: {LaunchCommand.OneLine(e.Message)}{place}");
            return ExitCodes.HostFailure;
        }
    }
}
