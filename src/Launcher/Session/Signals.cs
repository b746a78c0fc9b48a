using System.Runtime.InteropServices;
using Lguest.Jit.Launcher.CommandLine;

namespace Lguest.Jit.Launcher.Session;

/// <summary>
/// SIGINT and SIGTERM, a terminal that hangs up and SIGQUIT end the Guest in good order: terminal restored, output flushed, exit code
/// 128 and the signal's number. Whoever sends a second one does not want to wait for that.
/// </summary>
internal sealed class Signals : IDisposable
{
    private readonly PosixSignalRegistration[] _registrations;

    public Signals(StopRequest stop)
    {
        _registrations =
        [
            Register(PosixSignal.SIGINT, stop, ExitCodes.Interrupted, "interrupted"),
            Register(PosixSignal.SIGTERM, stop, ExitCodes.Terminated, "terminated"),
            Register(PosixSignal.SIGHUP, stop, ExitCodes.HungUp, "the terminal has hung up"),
            Register(PosixSignal.SIGQUIT, stop, ExitCodes.Quit, "told to quit"),
        ];
    }

    public void Dispose() => Array.ForEach(_registrations, static registration => registration.Dispose());

    private static PosixSignalRegistration Register(PosixSignal signal, StopRequest stop, int exitCode, string message) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            if (!stop.Raise(exitCode, message))
            {
                Environment.Exit(exitCode);
            }
        });
}
