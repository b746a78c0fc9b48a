using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Compare;

/// <summary>What a whole comparison came to, over all lives of the Guest.</summary>
internal sealed record CompareOutcome
{
    /// <summary>Names of the two sides, for reports.</summary>
    public required string First { get; init; }

    public required string Second { get; init; }

    /// <summary>Instructions compared, over all lives.</summary>
    public required long Instructions { get; init; }

    public required long Checkpoints { get; init; }

    /// <summary>Instructions between two checkpoints.</summary>
    public required long Every { get; init; }

    public required TimeSpan Time { get; init; }

    /// <summary>The number of the last life; a Guest that never restarts has one.</summary>
    public required int Lives { get; init; }

    /// <summary>How the Guest ended; null: it did not (a limit, an interruption, a difference).</summary>
    public GuestEnd? End { get; init; }

    /// <summary>Hash at the last checkpoint that was equal at an end or limit; null if it did not come to one.</summary>
    public string? Hash { get; init; }

    public Difference? Difference { get; init; }

    /// <summary>Why it was stopped before it was through; null: it was not.</summary>
    public string? Stopped { get; init; }

    /// <summary>The command that does the same again.</summary>
    public required string Reproduce { get; init; }

    public double Mips => Time > TimeSpan.Zero ? Instructions / Time.TotalMicroseconds : 0;

    /// <summary>For machines: "equal", "different", "interrupted".</summary>
    public string Result => Difference is not null ? "different" : Stopped is not null ? "interrupted" : "equal";
}
