using Lguest.Jit.Guests.Stress;

namespace Lguest.Jit.Perf;

/// <summary>Background compilation under allocation pressure and forced collections, for as long as one likes.</summary>
internal static class StressCommand
{
    /// <returns>0, or 1 if anything came out differently.</returns>
    public static int Run(double seconds)
    {
        var stress = new CompileStress();
        stress.Run(TimeSpan.FromSeconds(seconds));
        foreach (string difference in stress.Differences)
        {
            Console.WriteLine($"DIFFERENT  {difference}");
        }

        Console.WriteLine($"{stress.Guests:N0} Guests, {stress.Regions:N0} regions, {stress.Dropped:N0} of them dropped, {stress.Collections:N0} full collections, {stress.Differences.Count} differences");
        return stress.Differences.Count == 0 && stress.Regions > 0 ? 0 : 1;
    }
}
