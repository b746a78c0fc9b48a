namespace Lguest.Jit.Launcher.CommandLine;

/// <summary>A validated <c>compare</c> command line.</summary>
internal sealed record CompareOptions
{
    public const string DefaultReport = "lguest-jit-report";

    /// <summary>
    /// Runs of a block before it is compiled, where nobody says otherwise. Many more than in a run, because the Guest waits for its compiler here, and
    /// an hour of Linux has thousands of blocks that are just hot enough.
    /// </summary>
    public const uint DefaultThreshold = 20_000;

    /// <summary>The Guest, and how far it is to run. The engine counts only with <see cref="Against"/>.</summary>
    public required LaunchOptions Run { get; init; }

    /// <summary>Was the distance of the checkpoints asked for? A recording has its own.</summary>
    public bool EveryIsGiven { get; init; }

    /// <summary>A recorded run; null: the two engines with each other.</summary>
    public string? Against { get; init; }

    /// <summary>Directory for the report about a difference.</summary>
    public string Report { get; init; } = DefaultReport;

    /// <summary>The result as JSON on stdout.</summary>
    public bool Json { get; init; }
}
