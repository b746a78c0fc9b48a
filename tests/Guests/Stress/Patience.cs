namespace Lguest.Jit.Guests.Stress;

/// <summary>
/// How long a test waits for what has to come. It is the way out of a hang and measures nothing: where everything else of the project is
/// tested at the same time, on two processors, a thread may well stand still for seconds.
/// </summary>
internal static class Patience
{
    /// <summary>Longer than any stall, shorter than anybody's who waits for the tests.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>Waits until it is so.</summary>
    /// <returns>False: it never was.</returns>
    public static bool Until(Func<bool> condition) => SpinWait.SpinUntil(condition, Limit);

    /// <summary>
    /// For what a busy Host can spoil, but not every time: one good attempt is enough, and only the bad ones are repeated.
    /// </summary>
    /// <returns>False: not one of so many was good.</returns>
    public static bool OneOf(int attempts, Func<bool> attempt) => Enumerable.Range(0, attempts).Any(_ => attempt());
}
