using System.CommandLine;
using System.CommandLine.Parsing;
using Lguest.Jit.Launcher.Net;

namespace Lguest.Jit.Launcher.CommandLine;

/// <summary>What the Guest's machine has beside a console and disks.</summary>
internal sealed class DeviceArguments : IOptionGroup
{
    private readonly Option<NetOptions?> _net = new("--net")
    {
        Description = "Network: none, passt (started for you), passt:SOCKET, tap:NAME; then ,mac=52:54:00:12:34:56 ,mtu=1500 ,forward=[ADDRESS/]HOSTPORT[:GUESTPORT][/udp]. [default: none]",
        HelpName = "link",
        CustomParser = ParseNet,
    };

    private readonly Option<bool> _noRng = new("--no-rng") { Description = "Leave out the device that gives the Guest random numbers.", Arity = ArgumentArity.Zero };

    /// <inheritdoc/>
    public IReadOnlyList<Option> Options => [_net, _noRng];

    /// <inheritdoc/>
    public IReadOnlyList<Option> Compared => [_net, _noRng];

    /// <inheritdoc/>
    public LaunchOptions Collect(ParseResult parsed, LaunchOptions options) => options with
    {
        Net = parsed.GetValue(_net) ?? options.Net,
        Rng = !parsed.GetValue(_noRng),
    };

    /// <inheritdoc/>
    public void Validate(CommandResult result)
    {
        bool deterministic = result.Command.Name == "compare" || result.Children.OfType<OptionResult>().Any(static option => option.Option.Name == "--deterministic");
        if (deterministic && result.GetValue(_net) is { Kind: not NetKind.None })
        {
            result.AddError("--net: what comes over a network comes when it pleases; deterministic time has none");
        }
    }

    private static NetOptions? ParseNet(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (NetOptions.Parse(text, out NetOptions options) is { } complaint)
        {
            result.AddError($"--net {text}: {complaint}");
        }

        return options;
    }
}
