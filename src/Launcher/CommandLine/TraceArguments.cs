using System.CommandLine;
using System.CommandLine.Parsing;
using Lguest.Jit.Launcher.Tracing;

namespace Lguest.Jit.Launcher.CommandLine;

/// <summary>Seeing it.</summary>
internal sealed class TraceArguments : IOptionGroup
{
    private readonly Option<TraceKinds> _trace = new("--trace")
    {
        Description = "Write down what happens: any of blocks, il, asm, exits, traps, separated by commas.",
        HelpName = "kinds",
        CustomParser = ParseTrace,
    };

    private readonly Option<string?> _traceFile = new("--trace-file")
    {
        Description = $"Where to. [default: {LaunchOptions.DefaultTraceFile}]",
        HelpName = "file",
    };

    private readonly Option<string?> _traceFilter = new("--trace-filter")
    {
        Description = "Only what happens at these Guest addresses: ranges (0xC1000000-0xC1001000) and symbols, separated by commas.",
        HelpName = "list",
    };

    private readonly Option<uint?> _traceLimit = new("--trace-limit")
    {
        Description = "Size at which a trace ends: 64M, 1G; a bare number is MiB. [default: 256M]",
        HelpName = "size",
        CustomParser = ParseTraceLimit,
    };

    private readonly Option<bool> _perfMap = new("--perf-map")
    {
        Description = "Name translated code for perf, with Guest symbols, in /tmp/perf-PID.map.",
        Arity = ArgumentArity.Zero,
    };

    /// <inheritdoc/>
    public IReadOnlyList<Option> Options => [_trace, _traceFile, _traceFilter, _traceLimit, _perfMap];

    /// <inheritdoc/>
    public IReadOnlyList<Option> Compared => [];

    /// <inheritdoc/>
    public LaunchOptions Collect(ParseResult parsed, LaunchOptions options) => options with
    {
        Trace = parsed.GetValue(_trace),
        TraceFile = parsed.GetValue(_traceFile) ?? options.TraceFile,
        TraceFilter = parsed.GetValue(_traceFilter),
        TraceLimit = parsed.GetValue(_traceLimit) ?? options.TraceLimit,
        PerfMap = parsed.GetValue(_perfMap),
    };

    /// <inheritdoc/>
    public void Validate(CommandResult result)
    {
        bool trace = result.GetResult(_trace) is not null;
        if (!trace && (result.GetResult(_traceFile) ?? result.GetResult(_traceFilter) ?? result.GetResult(_traceLimit)) is { } orphan)
        {
            result.AddError($"{orphan.Option.Name} needs a --trace");
        }
        else if (result.GetValue(_perfMap) && !OperatingSystem.IsLinux())
        {
            result.AddError("--perf-map is for Linux");
        }
    }

    private static TraceKinds ParseTrace(ArgumentResult result)
    {
        var kinds = TraceKinds.None;
        foreach (string name in result.Tokens[0].Value.Split(',', StringSplitOptions.TrimEntries))
        {
            TraceKinds kind = name switch
            {
                "blocks" => TraceKinds.Blocks,
                "il" => TraceKinds.Il,
                "asm" => TraceKinds.Asm,
                "exits" => TraceKinds.Exits,
                "traps" => TraceKinds.Traps,
                _ => TraceKinds.None,
            };
            if (kind == TraceKinds.None)
            {
                result.AddError($"--trace {name}: there are blocks, il, asm, exits and traps");
                break;
            }

            kinds |= kind;
        }

        return kinds;
    }

    private static uint? ParseTraceLimit(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!Quantity.TryParseSize(text, out ulong bytes) || bytes is < 1 or > 1UL << 31)
        {
            result.AddError($"--trace-limit {text}: not a size up to 2G");
        }

        return (uint)bytes;
    }
}
