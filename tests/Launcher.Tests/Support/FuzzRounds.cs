using System.Globalization;

namespace Lguest.Jit.Launcher.Tests.Support;

/// <summary>
/// How often the tests with random drivers go round: often enough to see everything happen, and as often as <c>LGUEST_JIT_FUZZ</c> says
/// where somebody has the time.
/// </summary>
internal static class FuzzRounds
{
    private const int Usual = 100_000;

    public static int Count { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("LGUEST_JIT_FUZZ"), NumberStyles.None, CultureInfo.InvariantCulture, out int rounds)
            ? Math.Max(rounds, Usual)
            : Usual;
}
