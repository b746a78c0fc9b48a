using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.CommandLine;
using Lguest.Jit.Launcher.Compare;
using Lguest.Jit.Launcher.Console;
using Lguest.Jit.Launcher.Deterministic;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Reporting;
using Lguest.Jit.Launcher.Tracing;
using Lguest.Jit.Launcher.Virtio;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Session;

/// <summary>
/// What <c>run</c> does: lives of a Guest, one after the other for as long as it restarts, between one stdin and one
/// stdout, under the limits that were asked for; then says on stderr how it ended, and in the exit code too.
/// </summary>
internal sealed class GuestSession
{
    private readonly LaunchOptions _options;
    private readonly SessionHost _host;
    private readonly Func<GuestRam, LoadedKernel> _load;
    private readonly StopRequest _stop = new();
    private readonly ConsoleInputQueue _input = new();

    /// <param name="options">A valid command line.</param>
    /// <param name="host">Where its input and output are.</param>
    /// <param name="embedded">Loads the Guest that comes with the program, for when no kernel is named.</param>
    public GuestSession(LaunchOptions options, SessionHost host, Func<GuestRam, LoadedKernel> embedded)
    {
        _options = options;
        _host = host;
        _load = options.Kernel is { } kernel ? ram => KernelLoader.Load(ram, kernel, options.Initrd, options.Append) : embedded;
    }

    /// <returns>The exit code.</returns>
    /// <exception cref="LoadException">One line for the user: bad input.</exception>
    public int Run()
    {
        Func<SymbolTable> symbols = OpenSymbols();
        using var tracing = new SessionTracing(_options, symbols, _host.Error);
        using var devices = new SessionDevices(_options, _host.Error);
        _stop.Subscribe(_ => devices.StopWaiting());
        var output = new ConsoleOutput(_host.Output);
        output.Failed = () => _stop.Raise(ExitCodes.HostFailure, $"cannot write Guest output: {output.Failure}");
        _stop.Subscribe(_ => output.Abandon());
        var monitor = new GuestMonitor(_host.Error, Quit);
        _stop.Subscribe(_ => monitor.CloseForGood());
        var listener = new ConsoleListener(_host.Input, _host.HasTerminal, _input, command => Obey(command, monitor), monitor);
        LifeResult last;
        bool complete;
        bool settled;
        try
        {
            using Signals? signals = _host.HandleSignals ? new Signals(_stop) : null;
            using Timer? limit = StartTimeLimit();
            last = LiveAndReboot(output, listener, monitor, devices, tracing, symbols);
            settled = devices.Settle();

            // Nobody knows how long stdout takes: signals and the time limit count here too.
            complete = output.Drain();
        }
        finally
        {
            listener.Dispose();
            output.Close();
        }

        if (!complete && output.Failure is null)
        {
            _host.Error.WriteLine("lguest-jit: stdout did not take all of the Guest's output");
        }

        int exitCode = Conclude(last, complete);
        exitCode = settled || exitCode != ExitCodes.Success ? exitCode : ExitCodes.HostFailure;
        WriteStatistics(last);
        return exitCode;
    }

    private void WriteStatistics(LifeResult life)
    {
        if (_options.Stats)
        {
            _host.Error.WriteLine("Statistics:");
            StatisticsReport.Write(_host.Error, life.Statistics);
        }
    }

    /// <summary>Lives until the Guest ends without wanting another.</summary>
    private LifeResult LiveAndReboot(
        ConsoleOutput output, ConsoleListener listener, GuestMonitor monitor, SessionDevices devices, SessionTracing tracing, Func<SymbolTable> symbols)
    {
        var log = new DeviceLog(_host.Error);
        var script = new ScriptedInput(_options.Input is { } path ? InputScript.Load(path) : InputScript.Empty);
        using Recorder? recorder = _options.Record is { } file ? Recording.Create(file, RecordingHeader.Of(_options, devices.HashDisks())) : null;
        long instructionsLeft = _options.MaxInstructions;

        // Errors in the files are said before we touch the terminal, and nobody listens before there is a Guest to talk to.
        LoadedKernel LoadAndListen(GuestRam ram)
        {
            LoadedKernel kernel = _load(ram);
            listener.Start();
            return kernel;
        }

        while (true)
        {
            var options = new GuestOptions
            {
                SyscallVector = _options.SyscallVector,
                DirectTraps = _options.Traps == TrapPath.Direct,
                Sysenter = _options.Sysenter,
                MaxInstructions = instructionsLeft,
            };
            LifeResult life = _options.Deterministic
                ? DeterministicLife.Run(Setup(options, output, script, log, devices, tracing), recorder, _stop, symbols, _host.Error.WriteLine)
                : GuestLife.Run(new LifeSetup
                {
                    Memory = _options.Memory,
                    CreateEngine = machine => _options.CreateEngine(machine, tracing.CreateProbes()),
                    Load = LoadAndListen,
                    Options = options,
                    Output = output,
                    Input = _input,
                    Log = log,
                    Stop = _stop,
                    Plug = devices.Plug,
                    Monitor = monitor,
                    Measure = _options.Stats,
                    Trace = tracing.Trace,
                    Symbols = symbols,
                });
            instructionsLeft -= life.Statistics.Instructions;
            if (life.End.Kind != GuestEndKind.Restart || _options.NoReboot || _stop.Raised is not null || instructionsLeft <= 0)
            {
                return life;
            }

            _host.Error.WriteLine("Guest restarts");
            WriteStatistics(life);
        }
    }

    /// <summary>Nobody listens to stdin here: what is typed there arrives when it pleases.</summary>
    private DeterministicSetup Setup(
        GuestOptions options, ConsoleOutput output, ScriptedInput script, DeviceLog log, SessionDevices devices, SessionTracing tracing) => new()
        {
            Memory = _options.Memory,
            CreateEngine = machine => _options.CreateEngine(machine, tracing.CreateProbes()),
            Load = _load,
            Options = options,
            Khz = _options.Khz,
            Output = new HashingSink(output),
            Input = script,
            Log = log,
            Plug = devices.Plug,
        };

    private void Quit() => _stop.Raise(ExitCodes.Success, "quit");

    private void Obey(EscapeCommand command, GuestMonitor monitor)
    {
        if (command == EscapeCommand.Quit)
        {
            Quit();
        }
        else if (command == EscapeCommand.Monitor)
        {
            monitor.Open();
        }
        else if (command == EscapeCommand.Help)
        {
            _host.Error.WriteLine(EscapeFilter.Help);
        }
    }

    private Timer? StartTimeLimit() => _options.Timeout is { } limit
        ? new Timer(_ => _stop.Raise(ExitCodes.Limit, $"time limit of {limit.TotalSeconds:0.###} s reached"), null, limit, Timeout.InfiniteTimeSpan)
        : null;

    /// <summary>
    /// Symbols that were asked for are read now, so that a wrong name is an error while it can still be mended. Those of
    /// a vmlinux are read when somebody dies; and if they cannot be, it dies nameless.
    /// </summary>
    private Func<SymbolTable> OpenSymbols()
    {
        if (_options.Symbols is { } path)
        {
            SymbolTable table = SymbolTable.Load(path);
            return () => table;
        }

        return () => _options.Kernel is { } kernel ? SymbolTable.FromKernel(kernel) : SymbolTable.Empty;
    }

    /// <summary>The last word on stderr, and the exit code (design §12.11).</summary>
    private int Conclude(LifeResult last, bool complete)
    {
        // Output that is lost is more than the Guest's own opinion of its end.
        if (!complete && _stop.Raised is { } loss)
        {
            _host.Error.WriteLine($"lguest-jit: {loss.Message}");
            return loss.ExitCode;
        }

        switch (last.End.Kind)
        {
            case GuestEndKind.PoweredOff:
                int exitCode = ExitCodes.PowerOff(last.ExitStatus);
                _host.Error.WriteLine(exitCode == ExitCodes.Success ? "Guest powered off" : $"Guest powered off with status {last.ExitStatus}");
                return exitCode;
            case GuestEndKind.Killed:
                _host.Error.Write(last.Report);
                return ExitCodes.GuestKilled;
            case GuestEndKind.Restart when _options.NoReboot:
                _host.Error.WriteLine("Guest restarts: that is the end (--no-reboot)");
                return ExitCodes.Success;
            case GuestEndKind.Idle:
                _host.Error.WriteLine($"lguest-jit: {last.End.Message}");
                return ExitCodes.Limit;
            case GuestEndKind.Restart or GuestEndKind.Stopped when _stop.Raised is { } stopped:
                _host.Error.WriteLine($"lguest-jit: {stopped.Message}");
                return stopped.ExitCode;
            default:
                _host.Error.WriteLine($"lguest-jit: instruction limit of {_options.MaxInstructions} reached");
                return ExitCodes.Limit;
        }
    }
}
