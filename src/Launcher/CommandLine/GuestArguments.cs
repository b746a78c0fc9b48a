using System.CommandLine;
using System.CommandLine.Parsing;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Loading;

namespace Lguest.Jit.Launcher.CommandLine;

/// <summary>What runs, how large it is, and when it is to end.</summary>
internal sealed class GuestArguments : IOptionGroup
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

    /// <inheritdoc/>
    public IReadOnlyList<Option> Options => [_kernel, _initrd, _append, _memory, _timeout, _maxInstructions, _stats, _symbols, _noReboot];

    /// <inheritdoc/>
    public IReadOnlyList<Option> Compared => [_kernel, _initrd, _append, _memory, _timeout, _maxInstructions, _symbols, _noReboot];

    /// <inheritdoc/>
    public LaunchOptions Collect(ParseResult parsed, LaunchOptions options) => options with
    {
        Kernel = parsed.GetValue(_kernel),
        Initrd = parsed.GetValue(_initrd),
        Append = parsed.GetValue(_append) ?? "",
        Memory = parsed.GetResult(_memory) is null ? options.Memory : parsed.GetValue(_memory),
        Timeout = parsed.GetValue(_timeout),
        MaxInstructions = parsed.GetValue(_maxInstructions) ?? options.MaxInstructions,
        Stats = parsed.GetValue(_stats),
        Symbols = parsed.GetValue(_symbols),
        NoReboot = parsed.GetValue(_noReboot),
    };

    /// <inheritdoc/>
    public void Validate(CommandResult result)
    {
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
