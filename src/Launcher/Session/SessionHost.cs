using Lguest.Jit.Launcher.Console;

namespace Lguest.Jit.Launcher.Session;

/// <summary>What a session has of the Host. Tests give it less than a terminal.</summary>
internal sealed record SessionHost
{
    /// <summary>Guest output, and nothing else (but for help, when there is no Guest).</summary>
    public required Stream Output { get; init; }

    /// <summary>Opens stdin; called on the reader's thread. Null: no input.</summary>
    public Func<Stream>? Input { get; init; }

    /// <summary>Everything that is ours to say.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Stdin is a terminal that shall be put into raw mode, and its Ctrl-A is ours.</summary>
    public bool HasTerminal { get; init; }

    /// <summary>React to SIGINT and SIGTERM.</summary>
    public bool HandleSignals { get; init; }

    /// <summary>This process' own stdin, stdout and stderr.</summary>
    public static SessionHost Process() => new()
    {
        Output = StandardStream.Open(StandardStream.Output),
        Input = RawTerminal.OpenInput,
        Error = TextWriter.Synchronized(new StreamWriter(StandardStream.Open(StandardStream.Error)) { AutoFlush = true }),
        HasTerminal = RawTerminal.IsTerminal,
        HandleSignals = true,
    };
}
