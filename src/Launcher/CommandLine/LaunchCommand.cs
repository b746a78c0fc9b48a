using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Tracing;
using Lguest.Jit.Switcher.Deterministic;

namespace Lguest.Jit.Launcher.CommandLine;

/// <summary>
/// The command line: <c>run</c> and its options. Whatever is wrong with it is said in one line on stderr, with exit
/// code 2.
/// </summary>
internal sealed class LaunchCommand
{
    private readonly Option<string?> _kernel = new("--kernel")
    {
        Description = "32-bit lguest kernel, vmlinux or bzImage. Without it the embedded Guest runs.",
        HelpName = "file",
    };

    private readonly Option<string?> _initrd = new("--initrd") { Description = "Initial RAM disk for the kernel.", HelpName = "file" };

    private readonly Option<string?> _append = new("--append")
    {
        Description = "Kernel command line.",
        HelpName = "text",
    };

    private readonly Option<uint> _memory = new("--memory")
    {
        Description = "Guest RAM: 64M, 1G, 131072K; a bare number is MiB. [default: 256M]",
        HelpName = "size",
        CustomParser = ParseMemory,
    };

    private readonly Option<EngineKind> _engine = new("--engine")
    {
        Description = "interpreter or jit.",
        HelpName = "name",
        CustomParser = ParseEngine,
    };

    private readonly Option<uint?> _jitThreshold = new("--jit-threshold")
    {
        Description = "Runs of a block before it is compiled; 0: everything is compiled before it runs.",
        HelpName = "n",
        CustomParser = ParseThreshold,
    };

    private readonly Option<uint?> _codeCache = new("--code-cache")
    {
        Description = "Translated code kept at most: 64M, 1G; a bare number is MiB. [default: 64M]",
        HelpName = "size",
        CustomParser = ParseCodeCache,
    };

    private readonly Option<string[]> _optimisations = new("--opt")
    {
        Description = $"Turns one of the translator's optimisations off (-name) or on (+name): {string.Join(", ", Translator.Optimisations.ByName.Keys)}.",
        HelpName = "±name",
    };

    private readonly Option<int> _syscallVector = new("--syscall-vector")
    {
        Description = "A second system call vector beside 0x80; Plan 9 has 0x40.",
        HelpName = "n",
        CustomParser = ParseVector,
    };

    private readonly Option<TrapPath> _traps = new("--traps")
    {
        Description = "direct: traps that need no Host are delivered where they happen; switcher: all of them by the run loop. [default: direct]",
        HelpName = "path",
        CustomParser = ParseTraps,
    };

    private readonly Option<bool> _sysenter = new("--sysenter")
    {
        Description = "Give the Guest sysenter and sysexit, which Linux under lguest does without.",
        Arity = ArgumentArity.Zero,
    };

    private readonly Option<TimeSpan?> _timeout = new("--timeout")
    {
        Description = "Stop after this time, with exit code 4: 30s, 500ms, 5m, 2h; a bare number is seconds.",
        HelpName = "time",
        CustomParser = ParseTimeout,
    };

    private readonly Option<long?> _maxInstructions = new("--max-instructions")
    {
        Description = "Stop after this many Guest instructions, with exit code 4.",
        HelpName = "n",
        CustomParser = ParseInstructions,
    };

    private readonly Option<bool> _stats = new("--stats") { Description = "Print statistics to stderr at the end.", Arity = ArgumentArity.Zero };

    private readonly Option<string?> _symbols = new("--symbols")
    {
        Description = "System.map or vmlinux to name Guest addresses with; a --kernel vmlinux serves by itself.",
        HelpName = "file",
    };

    private readonly Option<bool> _noReboot = new("--no-reboot") { Description = "End when the Guest restarts.", Arity = ArgumentArity.Zero };

    private readonly Option<bool> _deterministic = new("--deterministic")
    {
        Description = "Guest time is instructions: two runs are alike to the last bit. Prints a hash at the end; does not read stdin.",
        Arity = ArgumentArity.Zero,
    };

    private readonly Option<uint?> _rate = new("--rate")
    {
        Description = "In deterministic time: instructions a second, 1MHz to 4GHz. [default: 1000MHz]",
        HelpName = "MHz",
        CustomParser = ParseRate,
    };

    private readonly Option<ulong?> _seed = new("--seed")
    {
        Description = "In deterministic time: what the Guest's source of random numbers begins with.",
        HelpName = "n",
        CustomParser = ParseSeed,
    };

    private readonly Option<string?> _input = new("--input")
    {
        Description = "In deterministic time: console input, lines of count<TAB>bytes with C's escapes.",
        HelpName = "file",
    };

    private readonly Option<string?> _record = new("--record")
    {
        Description = "In deterministic time: write checkpoints for compare --against.",
        HelpName = "file",
    };

    private readonly Option<long?> _every = new("--every")
    {
        Description = "Instructions from one checkpoint to the next. [default: 100000]",
        HelpName = "n",
        CustomParser = ParseEvery,
    };

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

    // Seeing it.
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

    private readonly RootCommand _root = new("Lguest.Jit runs 32-bit lguest Guests: Linux 4.1 to 4.13 and what you write yourself.");

    /// <param name="run">Runs a Guest and returns the exit code.</param>
    /// <param name="compare">Compares two; likewise.</param>
    public LaunchCommand(Func<LaunchOptions, int> run, Func<CompareOptions, int> compare)
    {
        var command = new Command("run", "Runs a Guest until it powers off.")
        {
            _kernel, _initrd, _append, _memory, _engine, _jitThreshold, _codeCache, _optimisations, _syscallVector, _traps, _sysenter, _timeout, _maxInstructions, _stats, _symbols, _noReboot,
            _deterministic, _rate, _seed, _input, _record, _every,
            _trace, _traceFile, _traceFilter, _traceLimit, _perfMap,
        };
        command.Validators.Add(ValidateTogether);
        command.Validators.Add(ValidateDeterministic);
        command.SetAction(parsed => run(Collect(parsed)));
        _root.Add(command);

        var lockstep = new Command("compare", "Runs a Guest on both engines in deterministic lockstep, or against a recorded run, and finds the first block that differs.")
        {
            _kernel, _initrd, _append, _memory, _engine, _jitThreshold, _codeCache, _optimisations, _syscallVector, _traps, _sysenter, _timeout, _maxInstructions, _symbols, _noReboot,
            _rate, _seed, _input, _every, _against, _report, _json,
        };
        lockstep.Validators.Add(ValidateTogether);
        lockstep.SetAction(parsed => compare(new CompareOptions
        {
            Run = Collect(parsed) with { Deterministic = true, Engine = parsed.GetResult(_engine) is null ? EngineKind.Jit : parsed.GetValue(_engine) },
            EveryIsGiven = parsed.GetResult(_every) is not null,
            Against = parsed.GetValue(_against),
            Report = parsed.GetValue(_report) ?? CompareOptions.DefaultReport,
            Json = parsed.GetValue(_json),
        }));
        _root.Add(lockstep);
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

    private LaunchOptions Collect(ParseResult parsed)
    {
        var defaults = new LaunchOptions();
        return new LaunchOptions
        {
            Kernel = parsed.GetValue(_kernel),
            Initrd = parsed.GetValue(_initrd),
            Append = parsed.GetValue(_append) ?? "",
            Memory = parsed.GetResult(_memory) is null ? defaults.Memory : parsed.GetValue(_memory),
            Engine = parsed.GetResult(_engine) is null ? defaults.Engine : parsed.GetValue(_engine),
            JitThreshold = parsed.GetValue(_jitThreshold) ?? defaults.JitThreshold,
            CodeCache = parsed.GetValue(_codeCache) ?? defaults.CodeCache,
            Optimisations = CollectOptimisations(parsed.GetValue(_optimisations) ?? []),
            SyscallVector = parsed.GetResult(_syscallVector) is null ? defaults.SyscallVector : parsed.GetValue(_syscallVector),
            Traps = parsed.GetValue(_traps),
            Sysenter = parsed.GetValue(_sysenter),
            Timeout = parsed.GetValue(_timeout),
            MaxInstructions = parsed.GetValue(_maxInstructions) ?? defaults.MaxInstructions,
            Stats = parsed.GetValue(_stats),
            Symbols = parsed.GetValue(_symbols),
            NoReboot = parsed.GetValue(_noReboot),
            Deterministic = parsed.GetValue(_deterministic),
            Khz = parsed.GetValue(_rate) ?? defaults.Khz,
            Seed = parsed.GetValue(_seed) ?? defaults.Seed,
            Input = parsed.GetValue(_input),
            Record = parsed.GetValue(_record),
            Every = parsed.GetValue(_every) ?? defaults.Every,
            Trace = parsed.GetValue(_trace),
            TraceFile = parsed.GetValue(_traceFile) ?? defaults.TraceFile,
            TraceFilter = parsed.GetValue(_traceFilter),
            TraceLimit = parsed.GetValue(_traceLimit) ?? defaults.TraceLimit,
            PerfMap = parsed.GetValue(_perfMap),
        };
    }

    private static Translator.Optimisations CollectOptimisations(string[] names)
    {
        var optimisations = new Translator.Optimisations();
        foreach (string name in names)
        {
            _ = optimisations.TrySet(name);
        }

        return optimisations;
    }

    private void ValidateTogether(CommandResult result)
    {
        foreach (string name in result.GetValue(_optimisations) ?? [])
        {
            if (!new Translator.Optimisations().TrySet(name))
            {
                result.AddError($"--opt {name}: there is no such optimisation");
            }
        }

        string? append = result.GetValue(_append);
        bool embedded = result.GetValue(_kernel) is null;
        if (append is not null && BootParameters.Complaint(append) is { } complaint)
        {
            result.AddError(complaint);
        }
        else if (embedded && result.GetValue(_initrd) is not null)
        {
            result.AddError("--initrd needs a --kernel");
        }
        else if (embedded && append is not null)
        {
            result.AddError("--append needs a --kernel");
        }

        ValidateSeeing(result);
    }

    private void ValidateSeeing(CommandResult result)
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

    /// <summary>Options that mean nothing in Host time should not pretend to.</summary>
    private void ValidateDeterministic(CommandResult result)
    {
        foreach (Option option in new Option[] { _rate, _seed, _input, _record })
        {
            if (!result.GetValue(_deterministic) && result.GetResult(option) is not null)
            {
                result.AddError($"{option.Name} needs --deterministic");
            }
        }

        if (result.GetValue(_record) is null && result.GetResult(_every) is not null)
        {
            result.AddError("--every needs --record");
        }
    }

    private static uint? ParseRate(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!Quantity.TryParseFrequency(text, out uint khz) || khz is < DeterministicClock.MinimumKhz or > DeterministicClock.MaximumKhz)
        {
            result.AddError($"--rate {text}: not a frequency from 1MHz to 4GHz");
        }

        return khz;
    }

    private static ulong? ParseSeed(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!ulong.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out ulong seed))
        {
            result.AddError($"--seed {text}: not a number from 0 up");
        }

        return seed;
    }

    private static long? ParseEvery(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!long.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out long count) || count < 1)
        {
            result.AddError($"--every {text}: not a number of instructions");
        }

        return count;
    }

    private static uint ParseMemory(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!Quantity.TryParseSize(text, out ulong bytes))
        {
            result.AddError($"--memory {text}: not a size (64M, 1G, 131072K)");
        }
        else if (bytes < GuestRam.MinimumSize)
        {
            result.AddError($"--memory {text}: a Guest needs at least {MemorySize.Describe(GuestRam.MinimumSize)}");
        }
        else if (bytes > GuestRam.MaximumSize)
        {
            result.AddError($"--memory {text}: a Guest has at most {MemorySize.Describe(GuestRam.MaximumSize)}");
        }
        else if (bytes % GuestRam.PageSize != 0)
        {
            result.AddError($"--memory {text}: not a multiple of 4 KiB");
        }

        return (uint)bytes;
    }

    private static EngineKind ParseEngine(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        switch (text)
        {
            case "interpreter":
                return EngineKind.Interpreter;
            case "jit":
                return EngineKind.Jit;
            default:
                result.AddError($"--engine {text}: there are interpreter and jit");
                return LaunchOptions.DefaultEngine;
        }
    }

    private static uint? ParseThreshold(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!Quantity.TryParseInteger(text, out int threshold) || threshold < 0)
        {
            result.AddError($"--jit-threshold {text}: not a number from 0 up");
        }

        return (uint)threshold;
    }

    private static uint? ParseCodeCache(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!Quantity.TryParseSize(text, out ulong bytes) || bytes is < 1 << 20 or > 1UL << 31)
        {
            result.AddError($"--code-cache {text}: not a size from 1M to 2G");
        }

        return (uint)bytes;
    }

    private static int ParseVector(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!Quantity.TryParseInteger(text, out int vector) || vector is < 0x20 or > 0xFF)
        {
            result.AddError($"--syscall-vector {text}: not a vector from 0x20 to 0xff");
        }

        return vector;
    }

    private static TrapPath ParseTraps(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        switch (text)
        {
            case "direct":
                return TrapPath.Direct;
            case "switcher":
                return TrapPath.Switcher;
            default:
                result.AddError($"--traps {text}: there are direct and switcher");
                return TrapPath.Direct;
        }
    }

    private static TimeSpan? ParseTimeout(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!Quantity.TryParseTime(text, out TimeSpan time))
        {
            result.AddError($"--timeout {text}: not a time (30s, 500ms, 5m, 2h; at most 20 days)");
        }

        return time;
    }

    private static long? ParseInstructions(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!long.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out long count) || count < 1)
        {
            result.AddError($"--max-instructions {text}: not a number of instructions");
        }

        return count;
    }
}
