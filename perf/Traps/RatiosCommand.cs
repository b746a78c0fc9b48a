extern alias launcher;

using System.CommandLine;
using System.Globalization;
using launcher::Lguest.Jit.Launcher.Bench;

namespace Lguest.Jit.Perf.Traps;

/// <summary>
/// <c>ratios</c>: measures, and says which ratios have moved by more than the noise band since the baseline was stored. Exit code 1 if
/// one has become worse, so that a workflow can stop on it; a gain is news, too, but no failure.
/// </summary>
internal static class RatiosCommand
{
    public static Command Create()
    {
        var baseline = new Option<string>("--baseline") { Description = "The stored ratios.", DefaultValueFactory = static _ => "perf/Baselines/traps.json" };
        var band = new Option<double?>("--band") { Description = "Noise band: 0.25 is a quarter either way. [default: the baseline's]" };
        var runs = new Option<int>("--runs") { Description = "Measure so many times, and take the best of each.", DefaultValueFactory = static _ => 3 };
        var scale = new Option<double>("--scale") { Description = "Do everything so many times as often.", DefaultValueFactory = static _ => 1 };
        var update = new Option<bool>("--update") { Description = "Store what is measured as the new baseline." };
        var command = new Command("ratios", "Compare jit : interpreter and direct : switcher with the stored baseline.") { baseline, band, runs, scale, update };
        command.SetAction(parsed => Run(
            parsed.GetValue(baseline)!,
            parsed.GetValue(band),
            Math.Clamp(parsed.GetValue(runs), 1, 100),
            Math.Clamp(parsed.GetValue(scale), 0.001, 1000),
            parsed.GetValue(update)));
        return command;
    }

    private static int Run(string path, double? band, int runs, double scale, bool update)
    {
        const double DefaultBand = 0.35;
        List<BenchFigure> figures = TrapRatios.Best(Enumerable.Range(0, runs).Select(_ => BenchCommand.Measure(scale, BenchCommand.Rounds)).ToList());
        SortedDictionary<string, double> now = TrapRatios.Of(figures);
        if (update)
        {
            foreach (string name in now.Keys.ToList())
            {
                now[name] = Math.Round(now[name], 2);
            }

            new Baseline(Baseline.CurrentSchema, band ?? DefaultBand, now).Write(path);
            Console.WriteLine($"{now.Count} ratios stored in {path}");
            return 0;
        }

        Baseline stored = Baseline.Read(path);
        double allowed = band ?? stored.Band;
        List<Movement> movements = stored.Compare(now, allowed);
        foreach (Movement movement in movements)
        {
            Console.WriteLine($"{(movement.IsLoss ? "worse " : "better")}  {movement.Name,-62}{Show(movement.Before),8} -> {Show(movement.After),8}");
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{now.Count} ratios, {movements.Count} moved by more than {allowed:P0}, {movements.Count(static m => m.IsLoss)} of them for the worse"));
        return movements.Exists(static m => m.IsLoss) ? 1 : 0;
    }

    private static string Show(double? ratio) => ratio?.ToString("F2", CultureInfo.InvariantCulture) ?? "none";
}
