using Xunit.Abstractions;

namespace Lguest.Jit.Launcher.Tests.Hostile;

/// <summary>
/// Guests that execute garbage in ring 3: linear and paged, before and after INIT, with handlers for their faults and
/// without. Each ends by a kill or by its limit, never by an exception of the Host's, and never outside its rings.
/// </summary>
public sealed class RandomUserCodeTests(ITestOutputHelper output)
{
    private const int Pages = 50_000;

    [Fact]
    public async Task Fifty_thousand_random_code_pages_in_ring_3_end_by_kill_or_by_limit()
    {
        var run = new CodePageRun(seed: 19990503, user: true);
        await run.Run(Pages, output);

        // Wild enough to die in many ways, and tame enough to get somewhere.
        Assert.True(run.Killed > Pages / 8, "hardly any page was killed");
        Assert.True(run.Exhausted > Pages / 8, "hardly any page kept running");
        Assert.True(run.Reasons.Count >= 10, "hardly any variety of deaths");
        Assert.True(run.Executed > Pages * 100L, "hardly anything was executed");
        Assert.True(run.Traps > Pages * 10L, "hardly anything was caught");
    }
}
