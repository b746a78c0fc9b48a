using System.CommandLine;
using System.CommandLine.Invocation;

namespace Lguest.Jit.Launcher.CommandLine;

/// <summary>
/// The command line: <c>run</c> and its options. Whatever is wrong with it is said in one line on stderr, with exit
/// code 2.
/// </summary>
internal sealed class LaunchCommand
{
    private readonly EngineArguments _engine = new();
    private readonly DeterministicArguments _deterministic = new();
    private readonly IOptionGroup[] _groups;

    private readonly Option<string?> _against = new("--against")
    {
        Description = "Compare one engine with a recorded run instead of two engines with each other.",
        HelpName = "file",
    };

    private readonly Option<string?> _report = new("--report")
    {
        Description = "Where the report about a difference goes. [default: lguest-jit-report]",
        HelpName = "directory",
    };

    private readonly Option<bool> _json = new("--json") { Description = "The result as JSON on stdout, and no console output there.", Arity = ArgumentArity.Zero };

    private readonly RootCommand _root = new("Lguest.Jit runs 32-bit lguest Guests: Linux 4.1 to 4.13 and what you write yourself.");

    /// <param name="run">Runs a Guest and returns the exit code.</param>
    /// <param name="compare">Compares two; likewise.</param>
    public LaunchCommand(Func<LaunchOptions, int> run, Func<CompareOptions, int> compare)
    {
        _groups = [new GuestArguments(), new DiskArguments(), _engine, new DeviceArguments(), new TraceArguments(), _deterministic];
        _root.Add(CreateRun(run));
        _root.Add(CreateCompare(compare));
        _root.Add(Bench.BenchCommand.Create());
    }

    /// <summary>Parses and runs.</summary>
    /// <param name="arguments">As given to the program.</param>
    /// <param name="output">Where help goes.</param>
    /// <param name="error">Where the one line goes.</param>
    public int Invoke(IReadOnlyList<string> arguments, TextWriter output, TextWriter error)
    {
        // "@name" is a file of arguments to the library, and a perfectly good kernel parameter to us.
        ParseResult parsed = _root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Action is ParseErrorAction || parsed.Errors.Count > 0)
        {
            // A word nobody knows explains most of the other complaints.
            string message = parsed.UnmatchedTokens.Count > 0
                ? $"unknown command, option or argument '{parsed.UnmatchedTokens[0]}'"
                : parsed.Errors.Count > 0 ? parsed.Errors[0].Message : "nothing to do";
            error.WriteLine($"lguest-jit: {OneLine(message)}");
            return ExitCodes.Usage;
        }

        return parsed.Invoke(new InvocationConfiguration
        {
            Output = output,
            Error = error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        });
    }

    /// <summary>Messages quote what was typed, which may hold anything.</summary>
    public static string OneLine(string message) =>
        string.Concat(message.Select(static c => char.IsControl(c) ? ' ' : c));

    private Command CreateRun(Func<LaunchOptions, int> run)
    {
        var command = new Command("run", "Runs a Guest until it powers off.");
        foreach (IOptionGroup group in _groups)
        {
            AddTo(command, group.Options);
            command.Validators.Add(group.Validate);
        }

        command.SetAction(parsed => run(Collect(parsed, new LaunchOptions())));
        return command;
    }

    private Command CreateCompare(Func<CompareOptions, int> compare)
    {
        var command = new Command("compare", "Runs a Guest on both engines in deterministic lockstep, or against a recorded run, and finds the first block that differs.");
        foreach (IOptionGroup group in _groups)
        {
            AddTo(command, group.Compared);

            // Here time is deterministic without being asked for.
            if (group != _deterministic)
            {
                command.Validators.Add(group.Validate);
            }
        }

        AddTo(command, [_against, _report, _json]);
        command.SetAction(parsed => compare(new CompareOptions
        {
            Run = Collect(parsed, new LaunchOptions { JitThreshold = CompareOptions.DefaultThreshold }) with { Deterministic = true },
            EveryIsGiven = parsed.GetResult(_deterministic.Every) is not null,
            Against = parsed.GetValue(_against),
            Report = parsed.GetValue(_report) ?? CompareOptions.DefaultReport,
            Json = parsed.GetValue(_json),
        }));
        return command;
    }

    private static void AddTo(Command command, IReadOnlyList<Option> options)
    {
        foreach (Option option in options)
        {
            command.Add(option);
        }
    }

    private LaunchOptions Collect(ParseResult parsed, LaunchOptions defaults) =>
        _groups.Aggregate(defaults, (options, group) => group.Collect(parsed, options));
}
