namespace Lguest.Jit.Perf.Versus;

/// <summary>The contest for a terminal: a line as soon as a program is done, means at the end.</summary>
internal sealed class ResultTable(TextWriter output, IReadOnlyList<string> contenders)
{
    private static readonly (string Contender, string Other)[] s_ratios =
        [(ContenderNames.Jit, ContenderNames.Qemu), (ContenderNames.Jit, ContenderNames.Interpreter)];

    private readonly List<ProgramResult> _results = [];

    private IEnumerable<(string Contender, string Other)> Ratios =>
        s_ratios.Where(r => contenders.Contains(r.Contender) && contenders.Contains(r.Other));

    /// <summary>Geometric mean of the ratios of all programs that have one.</summary>
    public static double? Mean(IEnumerable<ProgramResult> results, Func<ProgramResult, double?> ratio) =>
        Statistics.GeometricMean([.. results.Select(ratio).OfType<double>()]);

    public void WriteHead()
    {
        output.Write($"{"program",-12}");
        foreach (string contender in contenders)
        {
            output.Write($"{contender + " MIPS",17}   ±%");
        }

        foreach ((string contender, string other) in Ratios)
        {
            output.Write($"{contender + ":" + other,17}{"on CPU",8}");
        }

        output.WriteLine();
    }

    public void WriteLine(ProgramResult result)
    {
        _results.Add(result);
        output.Write($"{result.Program,-12}");
        foreach (string contender in contenders)
        {
            output.Write($"{Number(result.Mips(contender), "0.0"),17}{Number(result.Of(contender)?.Spread * 100, "0.0"),5}");
        }

        WriteRatios(ratio => ratio(result));
        foreach (Score score in result.Scores.Where(static s => s.Failure is not null))
        {
            output.WriteLine($"  {score.Contender}: {score.Failure}");
        }
    }

    public void WriteMeans()
    {
        output.Write($"{"geom. mean",-12}");
        foreach (string contender in contenders)
        {
            double? mips = Statistics.GeometricMean([.. _results.Select(r => r.Mips(contender)).OfType<double>()]);
            output.Write($"{Number(mips, "0.0"),17}{"",5}");
        }

        WriteRatios(ratio => Mean(_results, ratio));
    }

    private void WriteRatios(Func<Func<ProgramResult, double?>, double?> evaluate)
    {
        foreach ((string contender, string other) in Ratios)
        {
            double? byClock = evaluate(result => result.Ratio(contender, other));
            double? byProcessor = evaluate(result => result.ProcessorRatio(contender, other));
            output.Write($"{Number(byClock, "0.00"),17}{Number(byProcessor, "0.00"),8}");
        }

        output.WriteLine();
    }

    private static string Number(double? value, string format) => value is { } number ? number.ToString(format) : "-";
}
