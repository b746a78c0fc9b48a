namespace Lguest.Jit.Perf.Versus;

/// <summary>How one contender did at one program.</summary>
/// <param name="Contender">Its name.</param>
/// <param name="Iterations">How often the program repeated itself in each round.</param>
/// <param name="Samples">One of each process.</param>
/// <param name="Failure">Why there is nothing to compare; null if all went well.</param>
internal sealed record Score(string Contender, int Iterations, IReadOnlyList<Sample> Samples, string? Failure)
{
    /// <summary>Is there anything to compare?</summary>
    public bool IsGood => Failure is null && Samples.Count > 0;

    /// <summary>Median seconds of a warm round.</summary>
    public double Seconds => Statistics.Median([.. Samples.Select(static s => s.Warm)]);

    /// <summary>Median seconds of a first round.</summary>
    public double ColdSeconds => Statistics.Median([.. Samples.Select(static s => s.Cold)]);

    /// <summary>Of the warm rounds: half of the distance between the fastest and the slowest, as a part of the median.</summary>
    public double Spread => Statistics.Spread([.. Samples.Select(static s => s.Warm)]);

    public double SecondsPerIteration => Seconds / Iterations;

    /// <summary>The same by the median of processor time; null unless it is known of most of the samples.</summary>
    public double? ProcessorSecondsPerIteration
    {
        get
        {
            double[] known = [.. Samples.Select(static s => s.Processor).OfType<double>().Where(static s => s > 0)];
            return 2 * known.Length > Samples.Count ? Statistics.Median(known) / Iterations : null;
        }
    }
}
