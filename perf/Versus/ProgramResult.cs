namespace Lguest.Jit.Perf.Versus;

/// <summary>How all contenders did at one program.</summary>
internal sealed record ProgramResult(string Program, IReadOnlyList<Score> Scores)
{
    /// <summary>Guest instructions of one iteration, as our engines count them: to all contenders they are the same ones.</summary>
    public double? InstructionsPerIteration => Scores
        .Where(static s => s.IsGood && s.Samples[0].Instructions is not null)
        .Select(static s => (double?)s.Samples[0].Instructions / s.Iterations)
        .FirstOrDefault();

    /// <summary>The contender's score, if it took part and has one.</summary>
    public Score? Of(string contender) => Scores.FirstOrDefault(s => s.Contender == contender && s.IsGood);

    /// <summary>Millions of Guest instructions a second.</summary>
    public double? Mips(string contender) => InstructionsPerIteration / Of(contender)?.SecondsPerIteration / 1e6;

    /// <summary>How many times faster one is than the other; null if either has no score.</summary>
    public double? Ratio(string contender, string other) => Of(other)?.SecondsPerIteration / Of(contender)?.SecondsPerIteration;

    /// <summary>The same by processor time.</summary>
    public double? ProcessorRatio(string contender, string other) =>
        Of(other)?.ProcessorSecondsPerIteration / Of(contender)?.ProcessorSecondsPerIteration;
}
