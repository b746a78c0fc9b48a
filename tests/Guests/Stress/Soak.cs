namespace Lguest.Jit.Guests.Stress;

/// <summary>
/// How much of a random test is run: enough for every day, so that <c>dotnet test</c> stays a matter of minutes, or all of it, for whoever
/// sets <c>LGUEST_JIT_SOAK=1</c>, as <c>.ci/run</c> does. Cases are numbered and each has a seed of its own: the few are the first of the many.
/// </summary>
internal static class Soak
{
    private const string Variable = "LGUEST_JIT_SOAK";

    public static bool IsOn { get; } = Environment.GetEnvironmentVariable(Variable) == "1";

    public static int Count(int everyDay, int soak) => IsOn ? soak : everyDay;
}
