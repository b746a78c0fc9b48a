using Lguest.Jit.Launcher.Loading;

namespace Lguest.Jit.Launcher.Compare;

/// <summary>Where a report ends up: <c>report.txt</c> and <c>report.json</c>.</summary>
internal static class ReportDirectory
{
    /// <summary>Writes them; what was there before is replaced.</summary>
    /// <exception cref="LoadException">They cannot be written.</exception>
    public static void Write(string directory, CompareOutcome outcome, SymbolTable symbols)
    {
        try
        {
            Directory.CreateDirectory(directory);
            using (var text = new StreamWriter(Path.Combine(directory, "report.txt")))
            {
                new CompareReport(text, outcome, symbols).Write();
            }

            File.WriteAllText(Path.Combine(directory, "report.json"), CompareJson.Of(outcome, symbols));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new LoadException($"report {directory}: {e.Message}");
        }
    }
}
