using System.Runtime.InteropServices;
using Lguest.Jit.Launcher.CommandLine;

namespace Lguest.Jit.Launcher.Session;

/// <summary>
/// SIGINT and SIGTERM end the Guest in good order: terminal restored, output flushed, exit code 130 or 143. Whoever sends a
/// second one does not want to wait for that.
/// </summary>
internal sealed class Signals : IDisposable
{
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;

    public Signals(StopRequest stop)
    {
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Handle(context, stop, ExitCodes.Interrupted, "interrupted"));
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Handle(context, stop, ExitCodes.Terminated, "terminated"));
    }

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
    }

    private static void Handle(PosixSignalContext context, StopRequest stop, int exitCode, string message)
    {
        context.Cancel = true;
        if (!stop.Raise(exitCode, message))
        {
            Environment.Exit(exitCode);
        }
    }
}
