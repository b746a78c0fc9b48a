namespace Lguest.Jit.Launcher.CommandLine;

/// <summary>A validated <c>compare</c> command line.</summary>
internal sealed record CompareOptions
{
    public const string DefaultReport = "lguest-jit-report";

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
