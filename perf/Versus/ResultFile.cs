using System.Text.Json;

namespace Lguest.Jit.Perf.Versus;

/// <summary>The contest for other programs: everything that was measured, and what was made of it.</summary>
internal static class ResultFile
{
    /// <summary>Goes up when a field changes its meaning or goes away.</summary>
    public const int Schema = 1;

    private static readonly JsonSerializerOptions s_options = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <param name="path">Where to.</param>
    /// <param name="facts">When and where, and how loaded the machine was before and after.</param>
    /// <param name="results">What came out.</param>
    public static void Write(string path, ContestFacts facts, IReadOnlyList<ProgramResult> results)
    {
        var document = new
        {
            Schema,
            facts.Started,
            facts.Host,
            facts.Qemu,
            facts.LoadBefore,
            facts.LoadAfter,
            facts.Processes,
            GeometricMeans = Ratios((contender, other) => ResultTable.Mean(results, r => r.Ratio(contender, other))),
            ProcessorTimeGeometricMeans = Ratios((contender, other) => ResultTable.Mean(results, r => r.ProcessorRatio(contender, other))),
            Programs = results.Select(static result => new
            {
                Name = result.Program,
                result.InstructionsPerIteration,
                Ratios = Ratios(result.Ratio),
                ProcessorTimeRatios = Ratios(result.ProcessorRatio),
                Contenders = result.Scores.Select(score => new
                {
                    Name = score.Contender,
                    score.Failure,
                    score.Iterations,
                    MedianSeconds = score.IsGood ? score.Seconds : (double?)null,
                    MedianColdSeconds = score.IsGood ? score.ColdSeconds : (double?)null,
                    Mips = result.Mips(score.Contender),
                    WarmSeconds = score.Samples.Select(static s => s.Warm),
                    ProcessorSeconds = score.Samples.Select(static s => s.Processor),
                    ColdSeconds = score.Samples.Select(static s => s.Cold),
                }),
            }),
        };
        File.WriteAllText(path, JsonSerializer.Serialize(document, s_options) + "\n");
    }

    private static object Ratios(Func<string, string, double?> ratio) => new
    {
        JitToQemu = ratio(ContenderNames.Jit, ContenderNames.Qemu),
        JitToInterpreter = ratio(ContenderNames.Jit, ContenderNames.Interpreter),
        InterpreterToQemu = ratio(ContenderNames.Interpreter, ContenderNames.Qemu),
    };
}
