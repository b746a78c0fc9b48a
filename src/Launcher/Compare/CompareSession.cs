using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Launcher.CommandLine;
using Lguest.Jit.Launcher.Console;
using Lguest.Jit.Launcher.Deterministic;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Session;
using Lguest.Jit.Launcher.Storage;
using Lguest.Jit.Launcher.Virtio;
using Lguest.Jit.Switcher;
using Lguest.Jit.Translator.Trace;
using CultureInfo = System.Globalization.CultureInfo;

namespace Lguest.Jit.Launcher.Compare;

/// <summary>
/// What <c>compare</c> does: a Guest on both engines, or one against a recording, life by life until it ends; then the result, a report
/// if there is something to report, and the exit code: 0 equal, 5 different.
/// </summary>
internal sealed class CompareSession
{
    private readonly CompareOptions _compare;
    private readonly LaunchOptions _options;
    private readonly SessionHost _host;
    private readonly Func<GuestRam, LoadedKernel> _load;
    private readonly string _command;
    private readonly StopRequest _stop = new();
    private readonly CompareProgress _progress;
    private long _instructions;
    private long _checkpoints;
    private int _lives = 1;

    /// <param name="options">A valid command line.</param>
    /// <param name="host">Where output goes.</param>
    /// <param name="embedded">Loads the Guest that comes with the program, for when no kernel is named.</param>
    /// <param name="arguments">The command line as it was typed: it is what reproduces the result.</param>
    public CompareSession(CompareOptions options, SessionHost host, Func<GuestRam, LoadedKernel> embedded, IReadOnlyList<string> arguments)
    {
        _compare = options;
        _options = options.Run;
        _host = host;
        _progress = new CompareProgress(host.Error, options.Run.MaxInstructions, TimeProvider.System);
        _load = _options.Kernel is { } kernel ? ram => KernelLoader.Load(ram, kernel, _options.Initrd, _options.Append) : embedded;
        _command = "lguest-jit " + string.Join(' ', arguments.Select(Quote));
    }

    /// <returns>The exit code.</returns>
    /// <exception cref="LoadException">One line for the user: bad input.</exception>
    public int Run()
    {
        SymbolTable symbols = _options.Symbols is { } path ? SymbolTable.Load(path)
            : _options.Kernel is { } kernel ? SymbolTable.FromKernel(kernel) : SymbolTable.Empty;
        using Signals? signals = _host.HandleSignals ? new Signals(_stop) : null;
        using Timer? limit = _options.Timeout is { } time
            ? new Timer(_ => _stop.Raise(ExitCodes.Limit, $"time limit of {time.TotalSeconds:0.###} s reached"), null, time, Timeout.InfiniteTimeSpan)
            : null;
        CompareOutcome outcome;
        if (_compare.Json)
        {
            outcome = Compare(null);
        }
        else
        {
            var output = new ConsoleOutput(_host.Output);
            _stop.Subscribe(_ => output.Abandon());
            outcome = Compare(output);
            _ = output.Drain();
            output.Close();
        }

        return Conclude(outcome, symbols);
    }

    private CompareOutcome Compare(ConsoleOutput? output)
    {
        using RecordedRun? recorded = _compare.Against is { } file ? Recording.Open(file) : null;
        using var disks = new DiskLives(DiskSet.Open(_options.Disks, _host.Error, shared: true));
        _stop.Subscribe(_ => disks.Abort());
        RecordingHeader? header = recorded?.Header;
        if (header is not null && RecordingHeader.Of(_options, disks.Hash()).Unlike(header) is { } complaint)
        {
            throw new LoadException($"{_compare.Against}: {complaint}");
        }

        if (header is not null && _compare.EveryIsGiven)
        {
            throw new LoadException($"--every {_options.Every}: {_compare.Against} has a checkpoint every {header.Every} instructions");
        }

        InputScript script = _options.Input is { } path ? InputScript.Load(path) : InputScript.Empty;
        var log = new DeviceLog(_host.Error);
        var silent = new DeviceLog(TextWriter.Null);
        var inputs = (First: new ScriptedInput(script), Second: new ScriptedInput(script));
        long every = header?.Every ?? _options.Every;
        string recordedBy = header is null ? "jit" : $"recorded ({header.Engine})";
        string first = header is null || _options.Engine == EngineKind.Interpreter ? "interpreter" : "jit";
        while (true)
        {
            // What has been typed and not been read yet, should this life have to be lived again.
            var typed = new StateArchive();
            typed.BeginSave();
            Exchange(inputs.First, typed);
            disks.Begin(_host.Error);
            LockstepResult result;
            GuestEnd? end = null;
            string hash = "";
            long limit = _options.MaxInstructions == long.MaxValue ? long.MaxValue : _options.MaxInstructions - _instructions;
            if (recorded is not null)
            {
                using var guest = new DeterministicGuest(Setup(_options.Engine, _options.Traps, inputs.First, new HashingSink(output, holds: true), log, disks.Current) with { Tracked = true });
                _stop.Subscribe(guest.Guest.RequestStop);
                result = new AgainstRecording(guest, recorded, first, limit, use =>
                {
                    using DiskSet again = disks.Again();
                    return WithPair((Retype(script, typed), Retype(script, typed)), new HashingSink(null), silent, again, disks, use);
                })
                {
                    Progress = ReportProgress,
                }.Run();
                _stop.Unsubscribe(guest.Guest.RequestStop);
                end = result.Difference is null ? guest.End : null;
                hash = guest.Digest().ToString();
            }
            else
            {
                result = WithPair(inputs, new HashingSink(output, holds: true), log, disks.Current, disks, pair =>
                {
                    LockstepResult compared = new Lockstep(pair, every, limit) { Progress = ReportProgress }.Run();
                    end = compared.Difference is null ? pair.First.End : null;
                    hash = pair.First.Digest().ToString();
                    return compared;
                });
            }

            _instructions += result.Equal;
            _checkpoints += result.Checkpoints;
            bool goesOn = end?.Kind == GuestEndKind.Restart && !_options.NoReboot && result.Difference is null && !result.Stopped
                && _instructions < _options.MaxInstructions;
            if (!goesOn)
            {
                return new CompareOutcome
                {
                    First = first,
                    Second = recordedBy,
                    Instructions = _instructions,
                    Checkpoints = _checkpoints,
                    Every = every,
                    Time = _progress.Elapsed,
                    Lives = _lives,
                    End = end is { Kind: GuestEndKind.Stopped } ? null : end,
                    Hash = result.Difference is null && !result.Stopped ? hash : null,
                    Difference = result.Difference,
                    Stopped = result.Stopped ? _stop.Raised?.Message ?? "stopped" : null,
                    Reproduce = _command,
                };
            }

            _lives++;
            _host.Error.WriteLine("Guest restarts");
        }
    }

    /// <summary>Two Guests of the same life, for as long as somebody has use for them.</summary>
    private LockstepResult WithPair(
        (ScriptedInput First, ScriptedInput Second) inputs, HashingSink output, DeviceLog log, DiskSet mine, DiskLives disks, Func<GuestPair, LockstepResult> use)
    {
        using DiskSet theirDisks = disks.Again();
        // The interpreter is what the other one is held to: it takes the long way, which is spelled out word by word.
        DeterministicSetup ours = Setup(EngineKind.Interpreter, TrapPath.Switcher, inputs.First, output, log, mine);
        DeterministicSetup theirs = Setup(EngineKind.Jit, _options.Traps, inputs.Second, new HashingSink(null), new DeviceLog(TextWriter.Null), theirDisks);
        using var pair = new GuestPair(ours, theirs);
        Action<string> stop = pair.Stop;
        _stop.Subscribe(stop);
        try
        {
            return use(pair);
        }
        finally
        {
            _stop.Unsubscribe(stop);
        }
    }

    private static void Exchange(ScriptedInput input, StateArchive archive)
    {
        input.ExchangeState(archive);
        input.Queue.ExchangeState(archive);
    }

    private static ScriptedInput Retype(InputScript script, StateArchive typed)
    {
        var input = new ScriptedInput(script);
        typed.BeginLoad();
        Exchange(input, typed);
        return input;
    }

    private DeterministicSetup Setup(EngineKind engine, TrapPath traps, ScriptedInput input, HashingSink output, DeviceLog log, DiskSet disks)
    {
        TranslationCapture? capture = engine == EngineKind.Jit ? new TranslationCapture() : null;
        return new DeterministicSetup
        {
            Memory = _options.Memory,
            CreateEngine = machine => _options.CreateEngine(machine, engine, waits: true, capture == null ? null : new EngineProbes { Compiler = capture }),
            Translations = capture,
            Load = _load,
            Options = new GuestOptions { SyscallVector = _options.SyscallVector, DirectTraps = traps == TrapPath.Direct, Sysenter = _options.Sysenter },
            Khz = _options.Khz,
            Output = output,
            Input = input,
            Log = log,
            Plug = devices =>
            {
                disks.PlugDeterministic(devices);
                SessionDevices.PlugRng(devices, _options);
            },
        };
    }

    private void ReportProgress(long instructions, long checkpoints) => _progress.Report(_instructions + instructions, _checkpoints + checkpoints);

    private int Conclude(CompareOutcome outcome, SymbolTable symbols)
    {
        if (_compare.Json)
        {
            using var output = new StreamWriter(_host.Output, leaveOpen: true);
            output.Write(CompareJson.Of(outcome, symbols));
        }

        string all = string.Create(
            CultureInfo.InvariantCulture, $"{outcome.Instructions:N0} instructions at {outcome.Checkpoints:N0} checkpoints in {outcome.Time.TotalSeconds:F1} s");
        if (outcome.Difference is { } difference)
        {
            ReportDirectory.Write(_compare.Report, outcome, symbols);
            string place = difference.Trace is { } trace ? $"in the block at 0x{trace.Culprit.Eip:x8} {symbols.DescribePhysical(trace.Culprit.Eip)}".TrimEnd()
                : $"between {difference.Equal} and {difference.Unlike} instructions";
            _host.Error.WriteLine($"lguest-jit: DIFFERENT {place} ({string.Join(", ", difference.First.Digest.PartsUnlike(difference.Second.Digest))}), after {all}");
            _host.Error.WriteLine($"lguest-jit: the report is in {_compare.Report}");
            return ExitCodes.Different;
        }

        if (outcome.Stopped is { } stopped)
        {
            ReportDirectory.Write(_compare.Report, outcome, symbols);
            _host.Error.WriteLine($"lguest-jit: {stopped}: equal so far, {all}");
            _host.Error.WriteLine($"lguest-jit: the report is in {_compare.Report}");
            return _stop.Raised?.ExitCode ?? ExitCodes.HostFailure;
        }

        string end = outcome.End is { } guestEnd ? $"; Guest: {guestEnd.Kind} {Reporting.KillReport.Clean(guestEnd.Message)}".TrimEnd() : "";
        _host.Error.WriteLine($"lguest-jit: equal: {outcome.First} and {outcome.Second}, {all}, hash {outcome.Hash}{end}");
        return ExitCodes.Success;
    }

    private static string Quote(string argument) =>
        argument.Length > 0 && argument.All(static c => char.IsAsciiLetterOrDigit(c) || "-_=./:,+@%".Contains(c, StringComparison.Ordinal))
            ? argument
            : $"'{argument.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
