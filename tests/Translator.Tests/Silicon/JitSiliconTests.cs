using System.Collections.Concurrent;
using Lguest.Jit.Core.Tests.Silicon;
using Lguest.Jit.Core.Tests.Silicon.Forms;
using Lguest.Jit.Core.Tests.Silicon.Recording;
using Xunit.Abstractions;

namespace Lguest.Jit.Translator.Tests.Silicon;

/// <summary>Translated code against the processor: every recorded vector, each encoding compiled once, before it first runs.</summary>
public class JitSiliconTests(ITestOutputHelper output)
{
    private const int ReportsShown = 12;

    public static TheoryData<string> Groups => [.. SiliconGroups.All.Select(static group => group.Name)];

    [Theory]
    [MemberData(nameof(Groups))]
    public void Translated_code_agrees_with_silicon(string name)
    {
        SiliconGroup group = SiliconGroups.All.Single(one => one.Name == name);
        var engines = new ConcurrentBag<TieredEngine>();
        SiliconResult result = new SiliconRunner(machine =>
        {
            var engine = new TieredEngine(machine, threshold: 0);
            engines.Add(engine);
            return engine;
        }).Run(group);
        Assert.All(engines, static engine => Assert.Null(engine.Failure));
        output.WriteLine($"{name}: {result}");
        Assert.True(result.Mismatches == 0, $"{name}: {result}\n{string.Join('\n', result.Reports.Take(ReportsShown))}");
    }
}
