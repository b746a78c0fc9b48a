using Lguest.Jit.Guests.Stress;
using Xunit.Abstractions;

namespace Lguest.Jit.Launcher.Tests.Hostile;

/// <summary>
/// Guests that execute garbage in ring 3: linear and paged, before and after INIT, with handlers for their faults and
/// without. Each ends by a kill or by its limit, never by an exception of the Host's, and never outside its rings.
/// </summary>
public sealed class RandomUserCodeTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("interpreter", 5_000, 50_000)]
    [InlineData("jit", 100, 3_000)]
    public async Task Random_code_pages_in_ring_3_end_by_kill_or_by_limit(string engine, int everyDay, int soak)
    {
        int pages = Soak.Count(everyDay, soak);
        var run = new CodePageRun(seed: 19990503, user: true, engine);
        await run.Run(pages, output);

        // Wild enough to die in many ways, and tame enough to get somewhere.
        Assert.True(run.Killed > pages / 8, "hardly any page was killed");
        Assert.True(run.Exhausted > pages / 8, "hardly any page kept running");
        Assert.True(run.Reasons.Count >= (pages < 50_000 ? 3 : 10), "hardly any variety of deaths");
        Assert.True(run.Executed > pages * 100L, "hardly anything was executed");
        Assert.True(run.Traps > pages * 10L, "hardly anything was caught");
    }
}
