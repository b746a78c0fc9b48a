using System.Text.Json;

namespace Lguest.Jit.Perf.Traps;

/// <summary>Ratios as they were when somebody last looked at them and found them good.</summary>
/// <param name="Schema">1.</param>
/// <param name="Band">How much a ratio may move either way before it is news: 0.25 is a quarter.</param>
/// <param name="Ratios">By name.</param>
internal sealed record Baseline(int Schema, double Band, SortedDictionary<string, double> Ratios)
{
    public const int CurrentSchema = 1;

    private static readonly JsonSerializerOptions s_options = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <exception cref="InvalidDataException">Not a baseline, or one of another time.</exception>
    public static Baseline Read(string path)
    {
        Baseline? baseline = JsonSerializer.Deserialize<Baseline>(File.ReadAllText(path), s_options);
        return baseline is { Schema: CurrentSchema, Ratios: not null }
            ? baseline
            : throw new InvalidDataException($"{path} is not a baseline with \"schema\": {CurrentSchema}");
    }

    public void Write(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, s_options) + "\n");

    /// <summary>What moved by more than the band, worst loss first; what is new or gone counts as moved.</summary>
    public List<Movement> Compare(IReadOnlyDictionary<string, double> now, double band)
    {
        var movements = new List<Movement>();
        foreach (string name in Ratios.Keys.Union(now.Keys))
        {
            double? before = Ratios.TryGetValue(name, out double b) ? b : null;
            double? after = now.TryGetValue(name, out double a) ? a : null;
            double factor = (after ?? 0) / (before ?? double.PositiveInfinity);
            if (before == null || after == null || factor > 1 + band || factor < 1 / (1 + band))
            {
                movements.Add(new Movement(name, before, after));
            }
        }

        return [.. movements.OrderBy(static m => (m.After ?? 0) / (m.Before ?? 1))];
    }
}

/// <summary>A ratio that is not what it was.</summary>
/// <param name="Name">Which.</param>
/// <param name="Before">Null: there was none.</param>
/// <param name="After">Null: there is none any more.</param>
internal sealed record Movement(string Name, double? Before, double? After)
{
    /// <summary>Worse than before, or gone.</summary>
    public bool IsLoss => After == null || (Before != null && After < Before);
}
