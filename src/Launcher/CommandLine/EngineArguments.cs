using System.CommandLine;
using System.CommandLine.Parsing;

namespace Lguest.Jit.Launcher.CommandLine;

/// <summary>The CPU, and who plays it.</summary>
internal sealed class EngineArguments : IOptionGroup
{
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

    private readonly Option<FloatingPoint> _floatingPoint = new("--fp")
    {
        Description = "native: the translator has x87 instructions executed by the Host's x87 unit, where there is one; soft: all by soft-float. Results are the same to the last bit. [default: native]",
        HelpName = "how",
        CustomParser = ParseFloatingPoint,
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

    /// <inheritdoc/>
    public IReadOnlyList<Option> Options => [_engine, _jitThreshold, _codeCache, _optimisations, _floatingPoint, _syscallVector, _traps, _sysenter];

    /// <inheritdoc/>
    public IReadOnlyList<Option> Compared => Options;

    /// <inheritdoc/>
    public LaunchOptions Collect(ParseResult parsed, LaunchOptions options) => options with
    {
        Engine = parsed.GetResult(_engine) is null ? options.Engine : parsed.GetValue(_engine),
        JitThreshold = parsed.GetValue(_jitThreshold) ?? options.JitThreshold,
        CodeCache = parsed.GetValue(_codeCache) ?? options.CodeCache,
        Optimisations = CollectOptimisations(parsed.GetValue(_optimisations) ?? [], parsed.GetValue(_floatingPoint)),
        SyscallVector = parsed.GetResult(_syscallVector) is null ? options.SyscallVector : parsed.GetValue(_syscallVector),
        Traps = parsed.GetValue(_traps),
        Sysenter = parsed.GetValue(_sysenter),
    };

    /// <inheritdoc/>
    public void Validate(CommandResult result)
    {
        foreach (string name in result.GetValue(_optimisations) ?? [])
        {
            if (!new Translator.Optimisations().TrySet(name))
            {
                result.AddError($"--opt {name}: there is no such optimisation");
            }
        }
    }

    private static Translator.Optimisations CollectOptimisations(string[] names, FloatingPoint floatingPoint)
    {
        var optimisations = new Translator.Optimisations();
        foreach (string name in names)
        {
            _ = optimisations.TrySet(name);
        }

        optimisations.X87Thunks &= floatingPoint == FloatingPoint.Native;
        return optimisations;
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

    private static FloatingPoint ParseFloatingPoint(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        switch (text)
        {
            case "native":
                return FloatingPoint.Native;
            case "soft":
                return FloatingPoint.Soft;
            default:
                result.AddError($"--fp {text}: there are native and soft");
                return FloatingPoint.Native;
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
}
